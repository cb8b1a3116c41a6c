//! The sandbox payment provider over HTTP: its ledger, its cards, its webhooks, and what survives a crash.
#![expect(clippy::unwrap_used, reason = "tests")]

/// The provider, running on a ledger of its own.
mod bank;
/// What each magic card does.
mod cards;
/// Killed at every fault point.
mod crashes;
/// What is refused, and leaves nothing behind.
mod input;
/// One id, one payment.
mod ledger;
/// The ledger against its pure half.
mod model;
/// A process that can be killed.
#[path = "../shop/cluster/process.rs"]
#[allow(dead_code, reason = "a cluster does more with its processes")]
mod process;
/// A shop that is told things.
mod shop;
/// Signed, and repeated until acknowledged.
mod webhooks;

/// What every process of the shop is given, and this one does not ask for.
const OPERATOR_KEY: &str = "operator-of-the-shop-under-test-01";
