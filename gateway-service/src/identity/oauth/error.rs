use shared_types::{Code, Problem};

/// The error codes of RFC 6749 §4.1.2.1 and §5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthCode {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    AccessDenied,
    ServerError,
    TemporarilyUnavailable,
}

impl OAuthCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            OAuthCode::InvalidRequest => "invalid_request",
            OAuthCode::InvalidClient => "invalid_client",
            OAuthCode::InvalidGrant => "invalid_grant",
            OAuthCode::InvalidScope => "invalid_scope",
            OAuthCode::UnauthorizedClient => "unauthorized_client",
            OAuthCode::UnsupportedGrantType => "unsupported_grant_type",
            OAuthCode::UnsupportedResponseType => "unsupported_response_type",
            OAuthCode::AccessDenied => "access_denied",
            OAuthCode::ServerError => "server_error",
            OAuthCode::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The HTTP status where the error is an answer and not part of a redirection.
    pub const fn status(self) -> u16 {
        match self {
            OAuthCode::InvalidClient => 401,
            OAuthCode::ServerError => 500,
            OAuthCode::TemporarilyUnavailable => 503,
            OAuthCode::InvalidRequest
            | OAuthCode::InvalidGrant
            | OAuthCode::InvalidScope
            | OAuthCode::UnauthorizedClient
            | OAuthCode::UnsupportedGrantType
            | OAuthCode::UnsupportedResponseType
            | OAuthCode::AccessDenied => 400,
        }
    }
}

/// A refusal: its code, and a sentence for the developer of the application.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct OAuthError {
    pub code: OAuthCode,
    /// Visible ASCII without quotes and backslashes (RFC 6749 §5.2), and never what was sent.
    pub description: &'static str,
}

impl OAuthError {
    pub const fn new(code: OAuthCode, description: &'static str) -> OAuthError {
        OAuthError { code, description }
    }

    pub const fn request(description: &'static str) -> OAuthError {
        OAuthError::new(OAuthCode::InvalidRequest, description)
    }
}

/// A failure of ours.
impl From<Problem> for OAuthError {
    fn from(problem: Problem) -> Self {
        if matches!(problem.code, Code::Unavailable | Code::Overloaded) {
            return OAuthError::new(OAuthCode::TemporarilyUnavailable, "a part of the shop does not answer");
        }
        OAuthError::new(OAuthCode::ServerError, "the fault is in our log under the id of the request")
    }
}
