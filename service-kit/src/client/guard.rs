//! What stands between a caller and one service: a breaker, a number of seats, a budget of repetitions.

use std::time::{Duration, Instant};

use prometheus::core::Collector;

use super::{
    NotSent,
    again::RetryBudget,
    breaker::{Breaker, Pass},
    metrics::CallMetrics,
    seats::{Seat, Seats},
};
use crate::metrics::InFlight;

/// A busy service is asked again after this long.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Guard {
    pub(super) breaker: Breaker,
    pub(super) again: RetryBudget,
    seats: Seats,
    metrics: CallMetrics,
}

/// The right to make one call.
pub(super) struct Admission<'a> {
    pub(super) pass: Pass<'a>,
    pub(super) seat: Seat<'a>,
    _under_way: InFlight<'a>,
}

impl Guard {
    pub(super) fn new(part: &'static str) -> Guard {
        let metrics = CallMetrics::new(part);
        let breaker = Breaker::shown_by(metrics.open.clone());
        Guard { breaker, again: RetryBudget::new(), seats: Seats::new(), metrics }
    }

    pub(super) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        self.metrics.collectors()
    }

    /// Whether one more call would find a seat or a place in the queue. It is a look, and takes neither.
    pub(super) fn has_room(&self) -> Result<(), NotSent> {
        if self.seats.is_full() {
            self.metrics.crowded_out.inc();
            return Err(NotSent::Busy(BUSY_PAUSE));
        }
        Ok(())
    }

    /// The seat first: who is let in as a probe goes at once.
    pub(super) async fn admit(&self, time_left: Duration) -> Result<Admission<'_>, NotSent> {
        // Whoever would not be let through need not wait for a seat.
        self.breaker.wait(Instant::now()).map_or(Ok(()), |pause| Err(self.held_back(pause)))?;
        let waiting = InFlight::begin(&self.metrics.waiting);
        let seat = self.seats.take(time_left).await.map_err(|_| {
            self.metrics.crowded_out.inc();
            NotSent::Busy(BUSY_PAUSE)
        })?;
        drop(waiting);
        let pass = self.breaker.pass(Instant::now()).map_err(|pause| self.held_back(pause))?;
        Ok(Admission { pass, seat, _under_way: InFlight::begin(&self.metrics.under_way) })
    }

    fn held_back(&self, pause: Duration) -> NotSent {
        self.metrics.held_back.inc();
        NotSent::Broken(pause)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{super::breaker::Showed, *};

    const PATIENCE: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn calls_are_counted_while_they_are_under_way_and_when_they_are_held_back() {
        let guard = Guard::new("catalog");
        let admission = guard.admit(PATIENCE).await.unwrap();
        assert_eq!((guard.metrics.under_way.get(), guard.metrics.waiting.get()), (1, 0));
        drop(admission);
        assert_eq!(guard.metrics.under_way.get(), 0);
        let mut held_back = 0;
        while held_back == 0 {
            match guard.admit(PATIENCE).await {
                Ok(admission) => admission.pass.showed(Showed::Silent, Instant::now()),
                Err(_) => held_back += 1,
            }
        }
        assert_eq!((guard.metrics.held_back.get(), guard.metrics.open.get()), (1, 1));
    }
}
