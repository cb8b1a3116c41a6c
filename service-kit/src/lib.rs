//! What every Lastcopy service needs and has nothing to do with books.

/// Who calls, and what he may do.
pub mod auth;
/// Errors and what caused them, in words.
mod causes;
/// The outgoing HTTP client: deadlines, and the three ways a call can end.
pub mod client;
/// The wall clock, read here and nowhere else.
mod clock;
/// The request being served: its id, carried through logs and calls.
pub mod context;
/// One SQL text on two engines, in transactions that are all or nothing.
pub mod db;
/// Work that falls due, taken on in batches until the service stops.
pub mod due;
/// Named fault points and sabotage, in test builds only.
pub mod faults;
/// The server shell: start, stop, limits, problems, health, API documents.
pub mod http;
/// One key, one effect, one answer.
pub mod idempotency;
/// Delivered twice, handled once.
pub mod inbox;
/// Numbers about a running service, for Prometheus.
pub mod metrics;
/// Events, written in the transaction of the change they tell about.
pub mod outbox;
/// The HTTP client for the world outside: addresses that others chose.
pub mod outside;
/// The life of a process: start, say so, wait for a signal, stop.
pub mod process;
/// Carries events out, in order, until they are acknowledged.
pub mod relay;
/// What is believed for a while.
mod remembered;
/// Logging and traces.
pub mod telemetry;
/// What tests of every crate share: throw-away databases, waiting on conditions.
#[cfg(feature = "testing")]
pub mod testing;
/// Calls that share requests under load.
pub mod together;

pub use client::{Client, ClientOptions, NoAnswer, NotSent, Outcome, RawAnswer, Silence};
pub use clock::Clock;
pub use context::RequestContext;
pub use remembered::Remembered;
