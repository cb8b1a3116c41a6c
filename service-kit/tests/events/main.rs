//! From the outbox of one service to the inbox of another, over HTTP, on both engines (`LASTCOPY_TEST_DB`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// The service that is told, with its moods.
mod consumer;
/// A subscriber in the process that tells.
/// What goes wrong on the way, and nothing is lost or done twice.
mod mishaps;
/// Events that a consumer refuses.
mod poison;
/// The service that tells.
mod producer;
/// More than one relay.
mod replicas;
