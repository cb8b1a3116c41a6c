//! The catalog: books, their stock, and which order took which copies.
//!
//! A copy is sold by one statement that compares and decrements at once; everything else here is about answering the
//! same when asked again. Read `domain::taking`, then `store::takings`.

/// Each thing that can be done, as one transaction with its fault points.
mod catalog;
/// The only outgoing HTTP: gateways are told of every change of a book.
mod clients;
/// The command line and the start.
mod config;
/// What is decided without a database: fields, takings, listings, words to search for.
pub mod domain;
/// Why something was not done.
mod error;
/// The only incoming HTTP.
mod http;
/// What the catalog counts.
mod metrics;
/// The only SQL.
pub mod store;

pub use catalog::fault_points;
pub use config::{Config, start};
