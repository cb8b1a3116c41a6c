use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

use super::fields::Label;
use crate::{AccountId, Timestamp};

/// A new API key, for a program of the shop.
#[derive(Debug, Clone, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"name": "till at the door", "scopes": ["items:read", "orders:write"], "expires_at": "2027-11-18T00:00:00Z"}"#
)]
pub struct CreateApiKeyRequest {
    /// For its owner, to tell it from his others.
    pub name: Label,
    /// What it allows; no more than its owner may do.
    pub scopes: Vec<String>,
    /// From this instant on it is refused; absent: never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
}

/// An API key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "name": "till at the door", "scopes": ["items:read", "orders:write"], "revoked": false, "created_at": "2026-11-18T11:06:40.123456Z"}"#
)]
pub struct ApiKeyView {
    /// Stands in the key itself too, after `lck_`, without hyphens.
    pub id: String,
    pub name: Label,
    /// Whose key it is; absent for the keys of the configuration.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<AccountId>,
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
    /// To a few minutes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used_at: Option<Timestamp>,
    pub revoked: bool,
}

/// A key that was made. It is shown this once: only its hash is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct NewApiKeyView {
    /// Send it as `X-API-Key`.
    pub key: String,
    pub api_key: ApiKeyView,
}

/// A page of API keys, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct ApiKeyPage {
    pub items: Vec<ApiKeyView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}
