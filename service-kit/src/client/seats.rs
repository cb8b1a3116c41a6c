//! How many calls one service may keep waiting: a slow one fills its own seats and nobody else's.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Calls to one service under way at a time, at most.
pub(super) const MAX_CALLS: usize = 256;
/// Calls that wait for a seat, at most; the next one is refused at once.
pub(super) const MAX_WAITING: usize = 256;
/// A call waits for a seat this long.
const PATIENCE: Duration = Duration::from_millis(1_000);

#[derive(Debug)]
pub(super) struct Seats {
    free: Semaphore,
    waiting: AtomicUsize,
}

/// Every seat is taken, and so is every place in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Seats {
    pub(super) fn new() -> Seats {
        Seats { free: Semaphore::new(MAX_CALLS), waiting: AtomicUsize::new(0) }
    }

    /// A seat, held for as long as the call takes.
    pub(super) async fn take(&self, time_left: Duration) -> Result<SemaphorePermit<'_>, Full> {
        if let Ok(seat) = self.free.try_acquire() {
            return Ok(seat);
        }
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(Full);
        }
        let seat = tokio::time::timeout(PATIENCE.min(time_left), self.free.acquire()).await;
        drop(waiting);
        seat.map_err(|_| Full)?.map_err(|_| Full)
    }
}

/// Counts one who waits, for as long as it lives: a caller that goes away leaves the queue.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use futures_util::future::{join, join_all};

    use super::*;

    #[tokio::test]
    async fn a_full_house_refuses_at_once_and_takes_in_again_when_somebody_leaves() {
        let seats = Seats::new();
        let mut taken = Vec::new();
        for _ in 0..MAX_CALLS {
            taken.push(seats.take(PATIENCE).await.unwrap());
        }
        let waiting = join_all((0..MAX_WAITING).map(|_| seats.take(PATIENCE)));
        let others = async {
            // They are polled after those who wait.
            let refused = join_all((0..10).map(|_| seats.take(PATIENCE))).await;
            taken.clear();
            refused
        };
        let (waited, refused) = join(waiting, others).await;
        assert!(refused.iter().all(Result::is_err), "the queue has an end");
        assert!(waited.iter().all(Result::is_ok), "whoever waited is served");
        drop(waited);
        assert!(seats.take(Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_his_own_time() {
        let seats = Seats::new();
        let mut taken = Vec::new();
        for _ in 0..MAX_CALLS {
            taken.push(seats.take(PATIENCE).await.unwrap());
        }
        assert_eq!(seats.take(Duration::from_millis(1)).await.err(), Some(Full));
        assert_eq!(seats.waiting.load(Ordering::Relaxed), 0);
    }
}
