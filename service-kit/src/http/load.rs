//! How much a service takes on at a time. Beyond that, a quick refusal is worth more than a place in a growing queue.

use prometheus::IntGauge;
use shared_types::{Code, Problem};

use super::limits::MAX_REQUESTS_IN_FLIGHT;
use crate::metrics::InFlight;

/// Requests that are being served by all workers of a service: the gauge of what is in flight, so that they are counted once.
#[derive(Debug, Clone)]
pub(super) struct Load(IntGauge);

/// One request's part of the load, for as long as it lives; that of one whose caller went away has ended with it.
pub(super) struct Share<'a>(#[expect(dead_code, reason = "it counts until it is dropped")] InFlight<'a>);

impl Load {
    /// Counted by this gauge.
    pub(super) const fn of(in_flight: IntGauge) -> Load {
        Load(in_flight)
    }

    /// A share for a request at this path, or the refusal. Questions after the service's health and what other services
    /// tell it are always let in: they are few, and an orchestrator that gets no answer makes the load worse.
    pub(super) fn share(&self, path: &str) -> Result<Share<'_>, Problem> {
        let share = Share(InFlight::begin(&self.0));
        if self.0.get() <= MAX_REQUESTS_IN_FLIGHT || is_probe(path) || path == "/events" {
            return Ok(share);
        }
        Err(Problem::new(Code::Overloaded, "too many requests are being served; ask again in a moment"))
    }
}

/// A question after the service's health; the gateway's public API has it, too.
fn is_probe(path: &str) -> bool {
    path.starts_with("/health/") || path.starts_with("/api/v1/health/")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_only_health_and_events_are_served_until_somebody_is_done() {
        let load = Load::of(IntGauge::new("in_flight", "for a test").unwrap());
        let mut shares: Vec<Share<'_>> = (0..MAX_REQUESTS_IN_FLIGHT).map(|_| load.share("/books").unwrap()).collect();
        let refused = load.share("/books").err().unwrap();
        assert_eq!((refused.code, refused.retryable), (Code::Overloaded, true));
        for path in ["/health/live", "/health/ready", "/api/v1/health/live", "/events"] {
            assert!(load.share(path).is_ok(), "{path}");
        }
        shares.pop();
        assert!(load.share("/books").is_ok());
    }
}
