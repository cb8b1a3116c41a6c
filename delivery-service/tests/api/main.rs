//! The delivery service over HTTP, on a database of its own per test.
#![expect(clippy::unwrap_used, reason = "tests")]

/// Booking and canceling, in any order and at once.
mod booking;
/// Who carries parcels.
mod couriers;
/// What the order service is told.
mod events;
/// What cannot be read or is not valid.
mod input;
/// Idempotency keys.
mod keys;
/// The service against its pure half.
mod model;
/// Statuses, one move after another.
mod moves;
/// Whose parcels.
mod owners;
/// The service under test, and a fake order service.
mod stage;
