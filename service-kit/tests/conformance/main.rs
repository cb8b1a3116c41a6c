//! The same promises, kept on both engines: `LASTCOPY_TEST_DB=postgres` runs this suite on a server of its
//! own, anything else on SQLite.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Processes that die in mid-work.
mod crash;
/// Idempotency keys.
mod keys;
/// Full houses, panics, locks held by strangers.
mod limits;
/// Answers that never arrive.
mod lost;
/// Opening, refusing to open, closing.
mod opening;
/// Many writers, one row.
mod races;
/// A server that goes and comes back, and the way to it.
mod server;
/// A shop in miniature, and closures that can be held up.
mod shelf;
/// Statements, values, names of constraints.
mod sql;
/// All or nothing.
mod transactions;
