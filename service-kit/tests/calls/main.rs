//! Calls between services when something is wrong: time runs out, a service is silent, slow, or comes back.
#![expect(clippy::unwrap_used, reason = "tests")]

/// Answers in many pieces.
mod answers;
/// A service that is silent is let be, and found again when it is back.
mod breaking;
/// What is left of a request's time goes with every call made for it.
mod deadlines;
/// A service with moods.
mod moody;
