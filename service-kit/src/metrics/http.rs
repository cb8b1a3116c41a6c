use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus::{HistogramOpts, HistogramVec, IntGauge, Opts, core::Collector};

use super::SECONDS;

/// The label of what has no route: its path is the caller's text, and no caller writes our labels.
const NO_ROUTE: &str = "(none)";

/// Requests of one service, by route pattern, method and status.
#[derive(Clone)]
pub(crate) struct HttpMetrics {
    requests: HistogramVec,
    in_flight: IntGauge,
}

impl HttpMetrics {
    pub(super) fn new() -> HttpMetrics {
        let requests = HistogramOpts::new("lastcopy_http_request_seconds", "From a request's head to its answer's");
        let in_flight = Opts::new("lastcopy_http_requests_in_flight", "Requests that are not answered yet");
        HttpMetrics {
            requests: HistogramVec::new(requests.buckets(SECONDS.to_vec()), &["method", "route", "status"])
                .expect("BUG: a histogram's name"),
            in_flight: IntGauge::with_opts(in_flight).expect("BUG: a gauge's name"),
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 2] {
        [Box::new(self.requests.clone()), Box::new(self.in_flight.clone())]
    }

    /// How many requests are not answered yet: what limits them counts them.
    pub(crate) fn in_flight(&self) -> IntGauge {
        self.in_flight.clone()
    }

    pub(crate) fn answered(&self, method: &Method, route: Option<&str>, status: StatusCode, elapsed: Duration) {
        let labels = [name(method), route.unwrap_or(NO_ROUTE), status.as_str()];
        self.requests.with_label_values(&labels).observe(elapsed.as_secs_f64());
    }
}

/// A request that is not answered yet: it counts in its gauge for as long as this lives.
pub(crate) struct InFlight<'a>(&'a IntGauge);

impl<'a> InFlight<'a> {
    pub(crate) fn begin(gauge: &'a IntGauge) -> InFlight<'a> {
        gauge.inc();
        InFlight(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Methods are free text on the wire.
fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
