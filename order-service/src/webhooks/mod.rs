//! What comes in by webhook: who sent it, and what it says. Pure; the effect is the store's.

/// What a webhook says, once its sender is known.
pub mod event;
/// The secrets of a sender, two while one is being replaced.
pub mod secrets;
/// Who sent a message, told by its signature.
pub mod signature;
#[cfg(test)]
mod signature_tests;

pub use event::{Event, Report, is_event_id};
pub use secrets::Secrets;
pub use signature::{Headers, Sender, Senders, verify};
