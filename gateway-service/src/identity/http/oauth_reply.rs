use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use paperclip::{
    actix::{OperationModifier, web::Json},
    v2::{
        models::{DefaultOperationRaw, DefaultSchemaRaw, Either, Response},
        schema::{Apiv2Errors, Apiv2Schema},
    },
};
use shared_types::identity::OAuthErrorView;

use crate::identity::oauth::{OAuthCode, OAuthError};

/// A refusal in OAuth2's own words, as JSON (RFC 6749 §5.2).
#[derive(Debug)]
pub struct OAuthFail(pub OAuthError);

impl From<OAuthError> for OAuthFail {
    fn from(error: OAuthError) -> Self {
        OAuthFail(error)
    }
}

impl fmt::Display for OAuthFail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl ResponseError for OAuthFail {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header(("cache-control", "no-store")).insert_header(("pragma", "no-cache"));
        match self.0.code {
            OAuthCode::InvalidClient => {
                response.insert_header(("www-authenticate", "Basic realm=\"lastcopy\", charset=\"UTF-8\""));
            }
            OAuthCode::TemporarilyUnavailable => {
                response.insert_header(("retry-after", "1"));
            }
            OAuthCode::InvalidRequest
            | OAuthCode::InvalidGrant
            | OAuthCode::InvalidScope
            | OAuthCode::UnauthorizedClient
            | OAuthCode::UnsupportedGrantType
            | OAuthCode::UnsupportedResponseType
            | OAuthCode::AccessDenied
            | OAuthCode::ServerError => {}
        }
        response.json(OAuthErrorView {
            error: self.0.code.as_str().to_owned(),
            error_description: self.0.description.to_owned(),
        })
    }
}

/// The statuses that are documented.
const STATUSES: &[(u16, &str)] =
    &[(400, "The request is refused; `error` says why."), (401, "The client is unknown or its secret is wrong.")];

impl Apiv2Errors for OAuthFail {
    const ERROR_MAP: &'static [(u16, &'static str)] = STATUSES;

    fn update_error_definitions(operation: &mut DefaultOperationRaw) {
        for (status, description) in STATUSES {
            let mut schema = OAuthErrorView::schema_with_ref();
            schema.retain_ref();
            let response =
                Response { description: Some((*description).to_owned()), schema: Some(schema), ..Default::default() };
            operation.responses.insert(status.to_string(), Either::Right(response));
        }
    }

    fn update_definitions(map: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {
        <Json<OAuthErrorView> as OperationModifier>::update_definitions(map);
    }
}
