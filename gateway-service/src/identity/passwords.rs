use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use shared_types::{Code, Problem, Secret};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory of one hash (RFC 9106, OWASP's second choice): 19 MiB.
pub const HASH_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const HASH_PASSES: u32 = 2;
/// Lanes, each of which would be a thread of its own.
pub const HASH_LANES: u32 = 1;
/// Sign-ins that wait for their turn at most; the next one is answered 503.
pub const MAX_WAITING: usize = 512;
/// A sign-in waits so long for its turn at most.
pub const MAX_WAIT_MS: u64 = 15_000;

/// Hashes passwords with Argon2id, a few at a time: so many times 19 MiB is all the memory that sign-ins ever take,
/// whatever the crowd at the door.
#[derive(Clone)]
pub struct Passwords {
    /// Places at the door, those who are having their turn included.
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// The hash of a password that nobody has, so that an unknown name costs the same time as a known one.
    nobodys: Arc<str>,
}

/// One's turn: the right to hash once.
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Passwords {
    /// So many hashes at once. Blocking: hashes once.
    pub fn with_turns(turns: usize) -> Passwords {
        Passwords {
            places: Arc::new(Semaphore::new(MAX_WAITING + turns)),
            turns: Arc::new(Semaphore::new(turns)),
            nobodys: hash(&Secret::new(uuid::Uuid::now_v7().to_string())).into(),
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
        let right = on_a_blocking_thread(turn, move || verify(&password, &hash)).await;
        known && right
    }

    /// The hash of a new password, as a PHC string.
    pub async fn hash(&self, turn: Turn, password: Secret) -> String {
        on_a_blocking_thread(turn, move || hash(&password)).await
    }
}

/// The turn goes along: a caller who hangs up does not free it while his hash is still being made.
async fn on_a_blocking_thread<T: Send + 'static>(turn: Turn, work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(move || {
        let answer = work();
        drop(turn);
        answer
    });
    done.await.expect("BUG: hashing does not panic, and the runtime outlives its requests")
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(HASH_MEMORY_KIB, HASH_PASSES, HASH_LANES, None).expect("BUG: these costs are allowed");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password, at once: for whoever has the machine. Blocking.
pub fn hash(password: &Secret) -> String {
    let hash = argon2().hash_password(password.expose().as_bytes());
    hash.expect("BUG: every password that is let in can be hashed").to_string()
}

fn verify(password: &Secret, hash: &str) -> bool {
    argon2().verify_password(password.expose().as_bytes(), hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_stored_as_argon2id_with_the_named_costs() {
        let passwords = Passwords::with_turns(1);
        let password = || Secret::new("seven green lamps");
        let hash = passwords.hash(passwords.turn().await.expect("a turn"), password()).await;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(passwords.turn().await.expect("a turn"), password(), Some(hash.clone())).await);
        let wrong = Secret::new("seven green lamp");
        assert!(!passwords.verify(passwords.turn().await.expect("a turn"), wrong, Some(hash)).await);
        assert!(!passwords.verify(passwords.turn().await.expect("a turn"), password(), None).await);
    }

    #[tokio::test]
    async fn a_full_house_refuses_and_never_hashes_more_at_once_than_it_has_turns() {
        let passwords = Passwords::with_turns(2);
        let held = [passwords.turn().await.expect("a turn"), passwords.turn().await.expect("a turn")];
        assert_eq!(passwords.turns.available_permits(), 0);
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                tokio::spawn({
                    let passwords = passwords.clone();
                    async move { passwords.turn().await.is_ok() }
                })
            })
            .collect();
        service_kit::testing::eventually("all places are taken", async || passwords.places.available_permits() == 0)
            .await;
        assert_eq!(passwords.turn().await.err().map(|problem| problem.code), Some(Code::Overloaded));
        drop(held);
        for one in waiting {
            assert!(one.await.expect("the task ends"));
        }
    }
}
