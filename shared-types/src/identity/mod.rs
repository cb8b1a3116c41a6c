//! Who is who: accounts and their fields.

/// Accounts: registering, signing in, looking after oneself and others.
mod accounts;
/// The audit log.
mod audit;
/// The fields of an account, parsed at the door.
mod fields;
/// API keys.
mod keys;
/// OAuth2: applications, tokens, errors.
mod oauth;

pub use accounts::{
    AccountPage, AccountView, ChangePasswordRequest, CreateAccountRequest, RegisterRequest, ResetPasswordRequest,
    SetPasswordRequest, TokenRequest, TokenView, UpdateAccountRequest,
};
pub use audit::{AuditEntryView, AuditPage, AuditQuery};
pub use fields::{Email, FieldRule, Label, NewPassword, PersonName, Phone, Role, Username};
pub use keys::{ApiKeyPage, ApiKeyView, CreateApiKeyRequest, NewApiKeyView};
pub use oauth::{
    ApplicationPage, ApplicationView, IntrospectionView, OAuthErrorView, RegisterApplicationRequest,
    ServerMetadataView, TokensView, UpdateApplicationRequest,
};
