//! How much may be asked a second time. Where everything fails, repeating everything is the load that keeps it failing.

use std::sync::atomic::{AtomicI64, Ordering};

/// What one call adds, and one repetition costs: one call in ten may be repeated.
const CALL: i64 = 1;
const REPETITION: i64 = 10;
/// Repetitions saved up at most, and there at the beginning.
const MAX_SAVED: i64 = 20 * REPETITION;

/// Repetitions that may still be made.
#[derive(Debug)]
pub(super) struct RetryBudget(AtomicI64);

impl RetryBudget {
    pub(super) fn new() -> RetryBudget {
        RetryBudget(AtomicI64::new(MAX_SAVED))
    }

    /// Counts a call that is made for the first time.
    pub(super) fn called(&self) {
        self.change(|saved| Some((saved + CALL).min(MAX_SAVED)));
    }

    /// Pays for one repetition; says whether there was enough.
    pub(super) fn pay(&self) -> bool {
        self.change(|saved| (saved >= REPETITION).then(|| saved - REPETITION))
    }

    fn change(&self, change: impl Fn(i64) -> Option<i64>) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_long_run_one_call_in_ten_is_repeated() {
        let budget = RetryBudget::new();
        let saved = (0..).take_while(|_| budget.pay()).count();
        assert_eq!(saved, 20);
        let repeated = (0..1_000).filter(|_| {
            budget.called();
            budget.pay()
        });
        assert_eq!(repeated.count(), 100);
    }
}
