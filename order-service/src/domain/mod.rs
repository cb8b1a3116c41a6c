//! What an order may do. Pure: no clock, no network, no memory, so that the driver, the sweeps and the model checks all
//! run this very code.

/// Requests that become orders: parsed at the door.
pub mod checkout;
/// One line of an order, and what was in force when its copies were taken.
pub mod line;
/// An order on its four axes, its moves, and the one action that is outstanding.
pub mod order;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod table_tests;

pub use line::{Line, TakenCopies};
pub use order::{Action, Command, Order, Refusal, apply, next};
