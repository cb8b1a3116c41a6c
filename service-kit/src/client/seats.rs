//! How many calls one service may keep waiting: a slow one fills its own seats and nobody else's.
//!
//! How many seats there are its answers say. While they are all taken, each quick answer adds one; each slow answer takes
//! its own away. So a crowd waits about a second for a service, whatever that can do in a second, and its calls do not run
//! into their deadline, after which the work is done and nobody hears of it.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Calls to one service under way at a time: at first, at most, and at least.
pub(super) const FIRST_CALLS: usize = 64;
pub(super) const MAX_CALLS: usize = 256;
const FEWEST_CALLS: usize = 16;
/// Calls that wait for a seat, at most; the next one is refused at once.
pub(super) const MAX_WAITING: usize = 256;
/// A call waits for a seat this long.
const PATIENCE: Duration = Duration::from_millis(1_000);
/// An answer within this time says that the service can do more.
const QUICK: Duration = Duration::from_secs(1);
/// An answer after this time says that it has too much to do: longer than anything waits on purpose (a purchase for its
/// decision, 2 s), and shorter than a call's deadline.
const SLOW: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Seats {
    free: Semaphore,
    /// All there are, taken or free.
    all: AtomicUsize,
    waiting: AtomicUsize,
}

/// Every seat is taken, and so is every place in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A seat, held for as long as the call takes.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    seats: &'a Seats,
    permit: SemaphorePermit<'a>,
}

impl Seats {
    pub(super) fn new() -> Seats {
        let (free, all) = (Semaphore::new(FIRST_CALLS), AtomicUsize::new(FIRST_CALLS));
        Seats { free, all, waiting: AtomicUsize::new(0) }
    }

    /// A seat, now or as soon as one is free.
    pub(super) async fn take(&self, time_left: Duration) -> Result<Seat<'_>, Full> {
        let seated = |permit| Seat { seats: self, permit };
        if let Ok(permit) = self.free.try_acquire() {
            return Ok(seated(permit));
        }
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(Full);
        }
        let permit = tokio::time::timeout(PATIENCE.min(time_left), self.free.acquire()).await;
        drop(waiting);
        permit.map_err(|_| Full)?.map(seated).map_err(|_| Full)
    }

    /// Whether whoever comes now is refused at once.
    pub(super) fn is_full(&self) -> bool {
        self.free.available_permits() == 0 && self.waiting.load(Ordering::Relaxed) >= MAX_WAITING
    }

    fn change(&self, to: impl Fn(usize) -> Option<usize>) -> bool {
        self.all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, to).is_ok()
    }
}

impl Seat<'_> {
    /// The call is over after so long, with an answer of the service's or without one. A busy service that refuses is quick
    /// and can do no more: that is no answer here.
    pub(super) fn leave(self, took: Duration, answered: bool) {
        let seats = self.seats;
        if took > SLOW {
            if seats.change(|all| (all > FEWEST_CALLS).then(|| all - 1)) {
                self.permit.forget();
            }
        } else if took < QUICK && answered && seats.free.available_permits() == 0 {
            // Only those who lacked a seat are given more: what was never tried is not known to be possible.
            if seats.change(|all| (all < MAX_CALLS).then(|| all + 1)) {
                seats.free.add_permits(1);
            }
        }
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
        for _ in 0..FIRST_CALLS {
            taken.push(seats.take(PATIENCE).await.unwrap());
        }
        // Each of those who wait leaves his seat to the next one.
        let waiting = join_all((0..MAX_WAITING).map(async |_| seats.take(PATIENCE).await.map(drop)));
        let others = async {
            // They are polled after those who wait.
            assert!(seats.is_full());
            let refused = join_all((0..10).map(|_| seats.take(PATIENCE))).await;
            taken.clear();
            refused
        };
        let (waited, refused) = join(waiting, others).await;
        assert!(refused.iter().all(Result::is_err), "the queue has an end");
        assert!(waited.iter().all(Result::is_ok), "whoever waited is served");
        assert!(!seats.is_full());
        assert!(seats.take(Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_his_own_time() {
        let seats = Seats::new();
        let mut taken = Vec::new();
        for _ in 0..FIRST_CALLS {
            taken.push(seats.take(PATIENCE).await.unwrap());
        }
        assert_eq!(seats.take(Duration::from_millis(1)).await.err(), Some(Full));
        assert_eq!(seats.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_service_that_is_quick_is_asked_more_and_one_that_is_slow_less() {
        let seats = Seats::new();
        let all = || seats.all.load(Ordering::Relaxed);
        let leave_one_of_many = async |took: Duration, answered: bool| {
            let mut taken = Vec::new();
            while let Ok(seat) = seats.take(Duration::ZERO).await {
                taken.push(seat);
            }
            let (before, seat) = (taken.len(), taken.pop().unwrap());
            assert_eq!(before, all());
            seat.leave(took, answered);
        };
        leave_one_of_many(Duration::from_millis(10), true).await;
        assert_eq!(all(), FIRST_CALLS + 1);
        for (took, answered) in [(Duration::from_millis(10), false), (Duration::from_secs(2), true)] {
            leave_one_of_many(took, answered).await;
            assert_eq!(all(), FIRST_CALLS + 1, "{took:?} {answered}");
        }
        // Nobody lacked a seat.
        seats.take(PATIENCE).await.unwrap().leave(Duration::ZERO, true);
        assert_eq!(all(), FIRST_CALLS + 1);
        for _ in 0..2 * MAX_CALLS {
            leave_one_of_many(Duration::from_secs(4), false).await;
        }
        assert_eq!(all(), FEWEST_CALLS);
        for _ in 0..2 * MAX_CALLS {
            leave_one_of_many(Duration::from_millis(10), true).await;
        }
        assert_eq!(all(), MAX_CALLS);
    }
}
