use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared_types::{Code, Problem, Secret};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::argon::{Memory, hash_of_nobody};

/// Sign-ins that wait for their turn at most; the next one is answered 503.
pub const MAX_WAITING: usize = 512;
/// A sign-in waits so long for its turn at most.
pub const MAX_WAIT_MS: u64 = 15_000;

/// Hashes passwords, a few at a time: so many times 19 MiB, taken when they are first needed and kept, is all the memory that
/// sign-ins ever need, whatever the crowd at the door.
#[derive(Clone)]
pub struct Passwords {
    /// Places at the door, those who are having their turn included.
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// One for each turn.
    memories: Arc<Mutex<Vec<Memory>>>,
    /// A hash that nobody's password has, so that an unknown name costs the same time as a known one.
    nobodys: Arc<str>,
}

/// One's turn: the right to hash once.
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Passwords {
    /// So many hashes at once.
    pub fn with_turns(turns: usize) -> Passwords {
        let memories: Vec<Memory> = (0..turns.max(1)).map(|_| Memory::default()).collect();
        Passwords {
            places: Arc::new(Semaphore::new(MAX_WAITING + memories.len())),
            turns: Arc::new(Semaphore::new(memories.len())),
            memories: Arc::new(Mutex::new(memories)),
            nobodys: hash_of_nobody().into(),
        }
    }

    /// Waits for one's turn, within bounds.
    pub async fn turn(&self) -> Result<Turn, Problem> {
        let busy = || Problem::new(Code::Overloaded, "too many sign-ins at once; ask again shortly");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let waiting = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(Duration::from_millis(MAX_WAIT_MS), waiting).await.map_err(|_| busy())?;
        Ok(Turn { _place: place, _turn: turn.expect("BUG: the semaphore is never closed") })
    }

    /// Whether this is the password behind the hash. Without a hash the answer is no, after the same time.
    pub async fn verify(&self, turn: Turn, password: Secret, hash: Option<String>) -> bool {
        let (known, hash) = (hash.is_some(), hash.unwrap_or_else(|| self.nobodys.to_string()));
        let right = self.with_memory(turn, move |memory| memory.verify(&password, &hash)).await;
        known && right
    }

    /// The hash of a new password, as a PHC string.
    pub async fn hash(&self, turn: Turn, password: Secret) -> String {
        self.with_memory(turn, move |memory| memory.hash(&password)).await
    }

    /// On a thread that may block. The turn goes along: a caller who hangs up does not free it while his hash is still
    /// being made.
    async fn with_memory<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> T {
        let memories = Arc::clone(&self.memories);
        let done = tokio::task::spawn_blocking(move || {
            let free = || memories.lock().unwrap_or_else(PoisonError::into_inner);
            let mut memory = free().pop().expect("BUG: there is a memory for every turn");
            let answer = work(&mut memory);
            free().push(memory);
            drop(turn);
            answer
        });
        done.await.expect("BUG: hashing does not panic, and the runtime outlives its requests")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_hash_no_password_is_right() {
        let passwords = Passwords::with_turns(1);
        let password = || Secret::new("seven green lamps");
        let hash = passwords.hash(passwords.turn().await.expect("a turn"), password()).await;
        assert!(passwords.verify(passwords.turn().await.expect("a turn"), password(), Some(hash)).await);
        assert!(!passwords.verify(passwords.turn().await.expect("a turn"), password(), None).await);
    }

    #[tokio::test]
    async fn a_full_house_refuses_and_never_hashes_more_at_once_than_it_has_turns() {
        let passwords = Passwords::with_turns(2);
        let held = [passwords.turn().await.expect("a turn"), passwords.turn().await.expect("a turn")];
        assert_eq!((passwords.turns.available_permits(), passwords.memories.lock().expect("free").len()), (0, 2));
        let wait = || {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.turn().await.is_ok() })
        };
        let waiting: Vec<_> = (0..MAX_WAITING).map(|_| wait()).collect();
        let full = async || passwords.places.available_permits() == 0;
        service_kit::testing::eventually("all places are taken", full).await;
        assert_eq!(passwords.turn().await.err().map(|problem| problem.code), Some(Code::Overloaded));
        drop(held);
        for one in waiting {
            assert!(one.await.expect("the task ends"));
        }
    }
}
