//! Numbers about a running service, in the text that Prometheus reads, at `GET /metrics`.
//!
//! A service declares its families as statics, shows them once at its start, and counts with one line:
//!
//! ```
//! use service_kit::metrics::{Counters, Gauges};
//!
//! /// Answers of the cache, by how they came about.
//! pub static CACHE: Counters<1> = Counters::new(
//!     "lastcopy_cache_answers_total",
//!     "Reads answered by the cache (hit) or past it (miss)",
//!     ["outcome"],
//!     &[["hit"], ["miss"]],
//! );
//! pub static BREAKER_OPEN: Gauges<1> =
//!     Gauges::new("lastcopy_breaker_open", "1: calls to this part are not tried", ["part"], &[["catalog"]]);
//!
//! // In `start`, with the `Background` that goes to `serve`:
//! let mut background = service_kit::http::Background::default();
//! background.show(&[&CACHE, &BREAKER_OPEN]);
//! // Wherever it happens:
//! CACHE.with(["hit"]).inc();
//! BREAKER_OPEN.with(["catalog"]).set(1);
//! ```
//!
//! The values of labels are `&'static str`: whatever a caller sends (a path, an id, a name) cannot become one, so the
//! number of series is bounded by the program's text. What is counted inside a transaction goes through
//! [`Tx::count`](crate::db::Tx::count), which counts once the transaction has committed and not before.
//!
//! Whatever has to be asked for (a queue in the database) is a
//! [`Probe`](crate::metrics::Probe), run whenever somebody reads the page.

/// A service's own counters, gauges and histograms.
mod family;
/// Requests, by route.
mod http;
/// All families of one service, and the page that shows them.
mod registry;

pub use family::{Counters, Family, Gauges, Histograms};
pub use registry::{Metrics, MetricsDoor, Probe, ProbeResult};

pub(crate) use http::{HttpMetrics, InFlight};
pub(crate) use registry::page;

/// Only ever goes up. Counting is one atomic addition.
pub type Counter = prometheus::IntCounter;
/// Goes up and down.
pub type Gauge = prometheus::IntGauge;
/// Observations, sorted into buckets.
pub type Histogram = prometheus::Histogram;

/// Upper bounds in seconds of what a caller waits for.
pub const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds in seconds of what a disk or a lock takes.
pub const SHORT_SECONDS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];
/// Upper bounds of small numbers: how many there are in a batch.
pub const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
