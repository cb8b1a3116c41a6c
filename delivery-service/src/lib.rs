//! The delivery service: parcels, who carries them, and where they are.
//!
//! A booking repeated is one delivery, and a delivery canceled before its booking arrives stays canceled.

/// The only outgoing HTTP: the order service is told of every change.
mod clients;
/// Flags and environment.
mod config;
/// What a delivery may do: one table of moves, pure.
pub mod domain;
/// Why something was not done, and what a caller is told.
mod error;
/// The only incoming HTTP.
mod http;
/// Where a test may kill this process.
mod points;
/// Opening what the service needs, and serving.
mod start;
/// The only SQL.
pub mod store;

pub use config::Config;
pub use points::fault_points;
pub use start::start;
pub use store::MIGRATIONS;
