//! What tests of every crate share.

/// Waiting on conditions.
mod eventually;

pub use eventually::{eventually, eventually_some};
