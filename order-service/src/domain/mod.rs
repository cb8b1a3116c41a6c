//! What an order may do. Pure: no clock, no network, no memory, so that the driver, the sweeps and the model checks all
//! run this very code.

/// Requests that become orders: parsed at the door.
pub mod checkout;
/// Parcels, and undoing an order that was approved.
mod fulfillment;
/// One line of an order, and what is in force for it.
pub mod line;
/// The purchase, read aloud: `apply` and `next`.
mod moves;
/// An order on its axes, what may be asked of it, and why it may refuse.
pub mod order;
/// Money: attempts to pay, and the axis that follows from them.
pub mod payment;
/// Orders that people write, submit and decide about.
mod review;
/// Taking copies, and hearing of them.
mod stock;
/// What people are told of a move.
pub mod telling;

#[cfg(test)]
mod tests;

pub use line::{Line, Terms};
pub use moves::{apply, look, next};
pub use order::{Action, Command, Flow, Order, Refusal};
pub use payment::{Attempt, ProviderName};
