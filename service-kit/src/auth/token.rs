use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};
use shared_types::Timestamp;

use super::caller::{Caller, Service};

/// An access token lives this long at most.
pub const MAX_TOKEN_LIFETIME_S: i64 = 10 * 60;
/// Clocks of two machines may differ by so much.
pub const LEEWAY_S: i64 = 5;
/// Bytes in a token at most.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The `typ` of an access token (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYP: &str = "at+jwt";

/// What a new token shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Subject, role, scopes, and through whom he calls.
    pub caller: Caller,
    /// The one service that may believe the token.
    pub aud: Service,
    /// How long it holds; [`MAX_TOKEN_LIFETIME_S`] at most, in whole seconds.
    pub lifetime: Duration,
}

/// A signed access token. Its text is shown to nobody but the one it is sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: Arc<str>,
    /// As it is sent, made once for all the calls that it is good for.
    authorization: HeaderValue,
    expires: Timestamp,
}

impl Token {
    pub(super) fn new(text: &str, expires: Timestamp) -> Token {
        let authorization = HeaderValue::try_from(format!("Bearer {text}"));
        let mut authorization = authorization.expect("BUG: a token is plain ASCII (RFC 7519 §3)");
        authorization.set_sensitive(true);
        Token { text: Arc::from(text), authorization, expires }
    }

    /// The value of an `Authorization` header (RFC 6750 §2.1). It is cloned without copying its text.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    /// The token itself, for an `Authorization` header or a token endpoint's answer.
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// From this instant on nobody believes it.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(until {})", self.expires)
    }
}

/// The claims as they travel (RFC 9068 §2.2). What is not here is passed over; what is here twice, or of another type
/// (a float for a time, a list for the audience), makes the token unreadable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WireClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    /// Seconds since 1970 UTC, like all times in tokens.
    pub exp: i64,
    pub iat: i64,
    pub nbf: i64,
    pub jti: String,
    pub role: String,
    pub scope: String,
    /// The same as a list, for clients who look into their token. Nobody here reads it.
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    pub scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub act: Option<Actor>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sid: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Actor {
    pub sub: String,
}

/// Whole seconds since 1970 UTC.
pub(super) const fn seconds(instant: Timestamp) -> i64 {
    instant.micros().div_euclid(1_000_000)
}
