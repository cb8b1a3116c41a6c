use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Deserializer, Serialize};

use super::fields::{Email, NewPassword, PersonName, Phone, Role, Username};
use crate::{AccountId, Secret, Timestamp};

/// A customer opens an account.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"username": "ana", "email": "ana@example.com", "password": "seven green lamps", "name": "Ana Lovelace", "phone": "+254711223344"}"#
)]
pub struct RegisterRequest {
    /// 3 to 64 letters, digits, dots, hyphens and underscores; upper and lower case are the same name.
    pub username: Username,
    pub email: Email,
    /// 12 to 128 characters.
    pub password: NewPassword,
    pub name: PersonName,
    /// E.164, such as `+254711223344`: where messages about orders go.
    #[serde(default)]
    pub phone: Option<Phone>,
}

/// An administrator opens an account for somebody.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"username": "ben", "email": "ben@example.com", "password": "eleven old bicycles", "name": "Ben Otieno", "role": "employee"}"#
)]
pub struct CreateAccountRequest {
    pub username: Username,
    pub email: Email,
    pub password: NewPassword,
    pub name: PersonName,
    #[serde(default)]
    pub phone: Option<Phone>,
    pub role: Role,
}

/// What one changes about oneself; a field that is absent stays.
#[derive(Debug, Clone, Default, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"name": "Ana Lovelace-Kimani", "phone": "+254711223345"}"#)]
pub struct UpdateAccountRequest {
    #[serde(default)]
    pub name: Option<PersonName>,
    /// `null` removes it.
    #[serde(default, deserialize_with = "present")]
    pub phone: Option<Option<Phone>>,
    /// Needs `current_password`: whoever receives the mail can have the password reset.
    #[serde(default)]
    pub email: Option<Email>,
    #[serde(default)]
    pub current_password: Option<Secret>,
}

/// Tells a `null` (there, and nothing) from a field that is absent.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A new password for oneself. Every other sign-in ends.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"current_password": "seven green lamps", "new_password": "eleven old bicycles"}"#)]
pub struct ChangePasswordRequest {
    pub current_password: Secret,
    /// 12 to 128 characters.
    pub new_password: NewPassword,
}

/// Somebody cannot sign in any more and asks for a message with a reset token.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"username": "ana"}"#)]
pub struct ResetPasswordRequest {
    /// Username or e-mail address.
    pub username: String,
}

/// A new password for whoever holds the reset token. Every sign-in of the account ends.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"token": "lcp_…", "new_password": "eleven old bicycles"}"#)]
pub struct SetPasswordRequest {
    pub token: Secret,
    /// 12 to 128 characters.
    pub new_password: NewPassword,
}

/// Signs in.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"username": "ana", "password": "seven green lamps"}"#)]
pub struct TokenRequest {
    /// Username or e-mail address.
    pub username: String,
    pub password: Secret,
}

/// An access token (RFC 6749 §5.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9.…", "token_type": "bearer", "expires_in": 600, "scopes": ["items:read", "orders:read", "orders:write"]}"#
)]
pub struct TokenView {
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// What it allows.
    pub scopes: Vec<String>,
}

/// An account as its owner and administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "username": "ana", "email": "ana@example.com", "name": "Ana Lovelace", "phone": "+254711223344", "role": "customer", "disabled": false, "version": 1, "created_at": "2026-11-18T11:06:40.123456Z"}"#
)]
pub struct AccountView {
    pub id: AccountId,
    pub username: Username,
    pub email: Email,
    pub name: PersonName,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<Phone>,
    pub role: Role,
    /// Disabled by an administrator: it cannot sign in, and its tokens and keys are refused.
    pub disabled: bool,
    /// Counts the changes; its `ETag` is this number in quotes.
    pub version: i64,
    pub created_at: Timestamp,
}

/// A page of accounts, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct AccountPage {
    pub items: Vec<AccountView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}
