//! The sandbox payment provider: a bank for development and for tests, with a durable ledger of its own.
//!
//! It stands for somebody else's service, so it shares nothing with the shop but the wire: payments are opened under ids
//! that the shop chose, everything may be repeated, and whatever happens is told by signed webhooks until they are
//! acknowledged. Which card does what is in `domain/card.rs`.

/// The only outgoing HTTP: webhooks.
mod clients;
/// Flags, environment, and how long things take.
mod config;
/// What a payment may do, and what each card does: pure.
pub mod domain;
/// Why something was not done, and what a caller is told.
mod error;
/// The only incoming HTTP.
mod http;
/// Where a test may kill this process.
mod points;
/// Opening what the provider needs, and serving.
mod start;
/// The only SQL.
pub mod store;
/// Beside the requests: late confirmations, and webhooks until they are acknowledged.
mod worker;

pub use config::{Config, Pace};
pub use points::fault_points;
pub use start::start;
pub use store::MIGRATIONS;
