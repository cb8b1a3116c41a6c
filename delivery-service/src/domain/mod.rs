//! What a delivery may do. Pure: no clock, no database, no network.

/// A courier as it may be entered.
mod courier;
/// A delivery, its commands and the one table of its moves.
mod delivery;
/// Requests, read once at the door.
mod request;

pub use courier::{NewCourier, UpdateCourier};
pub use delivery::{Booking, Command, Delivery, Parcel, Refusal, apply, is_legal, name};
pub use request::{courier_name, note};

/// The courier of every booking that names none.
pub const DEFAULT_COURIER: &str = "local";

/// Characters in a courier's name at most.
pub const MAX_COURIER_NAME_CHARS: usize = 64;
/// Characters in a courier's telephone number at most.
pub const MAX_PHONE_CHARS: usize = 32;
/// Characters in the note of a move at most.
pub const MAX_NOTE_CHARS: usize = 500;

#[cfg(test)]
mod request_tests;
