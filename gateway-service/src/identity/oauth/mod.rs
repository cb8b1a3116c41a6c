//! OAuth2 for other people's programs: RFC 6749 with what RFC 9700 makes of it.
//!
//! What is absent: the implicit and the password grant, PKCE by `plain`, redirect URIs that only resemble the
//! registered one, a consent that is given without asking, a token that outlives the consent behind it by more than a
//! minute.

/// Registering and managing applications.
mod applications;
/// Which application asks.
mod clients;
/// From a person's consent to a code.
mod consent;
/// Refusals in OAuth2's own words.
mod error;
/// Codes, refresh tokens and credentials for tokens.
mod grants;
/// Revoking tokens, and telling what they are.
mod tokens;

pub use clients::Credentials;
pub use consent::{Asked, Misasked};
pub use error::{OAuthCode, OAuthError};
