//! What a payment may do. Pure, so that tests and model checks run this very code.

/// The magic cards.
pub mod card;
/// A payment and its moves.
pub mod payment;
#[cfg(test)]
mod table_tests;

pub use card::Behaviour;
pub use payment::{Asked, Command, Means, Payment, Refusal, When, apply, news};
