//! What identity decides, without a database, a clock or a network.

/// What OAuth2 asks of addresses, challenges and parameters.
mod oauth;
/// Where a caller comes from, as far as it can be believed.
mod origin;
/// What a password may not be, given whose it is.
mod password;
/// Guessing is slowed down, and nobody is locked out by a stranger.
pub mod throttle;

pub use oauth::{CodeChallenge, Parameters, RedirectUri, RedirectUriError};
pub use origin::{Network, Origin, TrustedProxies};
pub use password::refuse_obvious;
