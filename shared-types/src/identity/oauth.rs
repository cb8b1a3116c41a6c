use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

use super::fields::Label;

/// Registers an application, in the words of RFC 7591 §2.
#[derive(Debug, Clone, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"client_name": "Book club", "redirect_uris": ["https://club.example/callback"], "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "client_secret_basic", "scope": "items:read orders:read"}"#
)]
pub struct RegisterApplicationRequest {
    /// Shown to whoever is asked for consent.
    pub client_name: Label,
    /// Compared letter by letter; https, http on the own machine, or an app's own scheme.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// `authorization_code`, `refresh_token` (comes with it), `client_credentials`; absent: the first two.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grant_types: Option<Vec<String>>,
    /// `client_secret_basic` (where absent) or `client_secret_post` for an application that keeps a secret; `none` for
    /// one in its users' hands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token_endpoint_auth_method: Option<String>,
    /// Scopes that it may ask for, separated by spaces; no more than its owner has.
    pub scope: String,
}

/// What is changed of an application; a field that is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"redirect_uris": ["https://club.example/callback", "https://club.example/other"]}"#)]
pub struct UpdateApplicationRequest {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_name: Option<Label>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub redirect_uris: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
}

/// An application, in the words of RFC 7591 §3.2.1.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"client_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "client_name": "Book club", "redirect_uris": ["https://club.example/callback"], "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "client_secret_basic", "scope": "items:read orders:read", "client_id_issued_at": 1795000000}"#
)]
pub struct ApplicationView {
    pub client_id: String,
    /// In the answer that made it, and in no other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_secret: Option<String>,
    /// Beside a secret: 0, it does not expire.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_secret_expires_at: Option<i64>,
    /// Seconds since 1970 UTC.
    pub client_id_issued_at: i64,
    pub client_name: Label,
    pub redirect_uris: Vec<String>,
    pub grant_types: Vec<String>,
    /// `none`, or `client_secret_basic` for either way to send the secret.
    pub token_endpoint_auth_method: String,
    pub scope: String,
}

/// A page of applications, latest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct ApplicationPage {
    pub items: Vec<ApplicationView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// Tokens for an application (RFC 6749 §5.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9.…", "token_type": "Bearer", "expires_in": 600, "refresh_token": "lcr_…", "scope": "items:read orders:read"}"#
)]
pub struct TokensView {
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    /// Good for one renewal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refresh_token: Option<String>,
    pub scope: String,
}

/// What a token is (RFC 7662 §2.2). Of one that is no good, nothing is said but that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"active": true, "scope": "items:read", "client_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "token_type": "Bearer", "exp": 1795000600, "iat": 1795000000, "sub": "01936f2e-7b1c-7cc3-98c4-dc0c0c073990"}"#
)]
pub struct IntrospectionView {
    pub active: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_id: Option<String>,
    /// `Bearer` for an access token; absent for a refresh token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token_type: Option<String>,
    /// Seconds since 1970 UTC, like `iat`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub: Option<String>,
}

/// Why an OAuth2 request was refused (RFC 6749 §5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"error": "invalid_grant", "error_description": "the code was used, is too old, or is none of ours"}"#
)]
pub struct OAuthErrorView {
    pub error: String,
    pub error_description: String,
}

/// Where everything is, and what is supported (RFC 8414 §2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct ServerMetadataView {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub revocation_endpoint: String,
    pub introspection_endpoint: String,
    pub jwks_uri: String,
    pub scopes_supported: Vec<String>,
    pub response_types_supported: Vec<String>,
    pub response_modes_supported: Vec<String>,
    pub grant_types_supported: Vec<String>,
    pub code_challenge_methods_supported: Vec<String>,
    pub token_endpoint_auth_methods_supported: Vec<String>,
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// RFC 9207.
    pub authorization_response_iss_parameter_supported: bool,
}
