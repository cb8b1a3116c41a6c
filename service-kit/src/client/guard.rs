//! What stands between a caller and one service: a breaker, a number of seats, a budget of repetitions.

use std::time::{Duration, Instant};

use super::{
    NotSent,
    again::RetryBudget,
    breaker::{Breaker, Pass},
    seats::{Seat, Seats},
};

/// A busy service is asked again after this long.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Guard {
    pub(super) breaker: Breaker,
    pub(super) again: RetryBudget,
    seats: Seats,
}

/// The right to make one call.
pub(super) struct Admission<'a> {
    pub(super) pass: Pass<'a>,
    pub(super) seat: Seat<'a>,
}

impl Guard {
    pub(super) fn new() -> Guard {
        Guard { breaker: Breaker::new(), again: RetryBudget::new(), seats: Seats::new() }
    }

    /// The seat first: who is let in as a probe goes at once.
    pub(super) async fn admit(&self, time_left: Duration) -> Result<Admission<'_>, NotSent> {
        // Whoever would not be let through need not wait for a seat.
        self.breaker.wait(Instant::now()).map_or(Ok(()), |pause| Err(NotSent::Broken(pause)))?;
        let seat = self.seats.take(time_left).await.map_err(|_| NotSent::Busy(BUSY_PAUSE))?;
        let pass = self.breaker.pass(Instant::now()).map_err(NotSent::Broken)?;
        Ok(Admission { pass, seat })
    }
}
