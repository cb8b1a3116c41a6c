use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use shared_types::{Code, Problem};

use super::{permission::Permission, verifier::TokenError};
use crate::http::problem_response;

/// Why a caller is not let in. Answered as a problem document with the challenge of RFC 6750 §3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 401: the route needs to know who calls, and nobody said.
    NoCredential,
    /// 400: there is a credential and it cannot be read.
    Unreadable(&'static str),
    /// 401: the token is refused.
    BadToken(TokenError),
    /// 401: another credential is refused (a cookie, a key), and why.
    BadCredential(&'static str),
    /// 403: we know who he is, and this is not his to do.
    Forbidden(Permission),
    /// 503: whether he is who he says cannot be found out at the moment.
    Unavailable(String),
}

/// Part of every challenge: whose credentials are asked for.
const REALM: &str = "Bearer realm=\"lastcopy\"";

impl Refusal {
    fn problem(&self) -> Problem {
        match self {
            Refusal::NoCredential => Problem::new(Code::Unauthorized, "say who you are: `Authorization: Bearer …`"),
            Refusal::Unreadable(reason) => Problem::new(Code::MalformedHeader, *reason),
            Refusal::BadToken(error) => Problem::new(Code::Unauthorized, error.to_string()),
            Refusal::BadCredential(reason) => Problem::new(Code::Unauthorized, *reason),
            Refusal::Forbidden(permission) => Problem::new(Code::Forbidden, format!("this needs {permission}")),
            Refusal::Unavailable(reason) => Problem::new(Code::Unavailable, reason.clone()),
        }
    }

    /// The `WWW-Authenticate` header, with the error codes of RFC 6750 §3.1.
    fn challenge(&self) -> Option<String> {
        match self {
            // Nothing was wrong with what was not sent: no error code.
            Refusal::NoCredential => Some(REALM.to_owned()),
            Refusal::Unreadable(_) => Some(format!("{REALM}, error=\"invalid_request\"")),
            Refusal::BadToken(error) => {
                Some(format!("{REALM}, error=\"invalid_token\", error_description=\"{error}\""))
            }
            Refusal::BadCredential(reason) => {
                Some(format!("{REALM}, error=\"invalid_token\", error_description=\"{reason}\""))
            }
            Refusal::Forbidden(Permission::Scope(scope) | Permission::ScopeOrGuest(scope)) => {
                Some(format!("{REALM}, error=\"insufficient_scope\", scope=\"{scope}\""))
            }
            Refusal::Forbidden(_) => Some(format!("{REALM}, error=\"insufficient_scope\"")),
            Refusal::Unavailable(_) => None,
        }
    }
}

/// For handlers whose bodies ask for more than their routes do.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        refusal.problem()
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        if error == TokenError::Unavailable {
            Refusal::Unavailable(error.to_string())
        } else {
            Refusal::BadToken(error)
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.problem(), f)
    }
}

impl std::error::Error for Refusal {}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = problem_response(self.problem());
        let challenge = self.challenge().and_then(|text| text.parse().ok());
        if let Some(challenge) = challenge {
            response.headers_mut().insert(actix_web::http::header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
