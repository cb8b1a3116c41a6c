//! Who calls, and what he may do.
//!
//! Every service that speaks for itself or for others has an [`Issuer`](crate::auth::Issuer) with keys of its own and publishes them; every
//! service has a [`Verifier`](crate::auth::Verifier) that trusts the issuers it is told of, and nothing else a request says about its sender.
//! A token is for one service and for minutes, so what was sent to one cannot be used at another, or tomorrow.
//!
//! What is absent: shared secrets, an issuer that must be up for a token to be verified, an algorithm to choose.

/// Callers, their roles, and our services as callers.
mod caller;
/// Permissions in API documents.
mod document;
/// The one signature algorithm.
mod ed25519;
/// Permissions as types in a handler's signature.
mod extract;
/// From a request to its caller.
mod gate;
/// The signing side: keys that rotate, tokens that last minutes.
mod issuer;
/// Other services' public keys, fetched and kept.
mod key_source;
/// Public keys as they are published and read.
mod keys;
/// Tokens for our own calls.
mod outgoing;
/// What a route may ask of its caller.
mod permission;
/// `/.well-known/jwks.json`.
mod published;
/// 401 and 403, with the challenges of RFC 6750.
mod refusal;
/// When signing keys come and go.
mod rotation;
/// What tokens allow.
mod scope;
/// Signing keys in the service's database.
mod store;
/// Tokens and their claims.
mod token;
/// The checking side: one strict entrance.
mod verifier;

pub use caller::{Caller, Role, Service, Who};
pub(crate) use document::complete_document;
pub use document::{Route, RouteError, routes};
pub use extract::{
    AccountHolder, Administrator, AnyCaller, Anyone, Customer, Employee, Peer, Permit, Public, Scoped, ScopedOrGuest,
    ServiceCaller, peer,
};
pub use gate::{Authenticate, Authenticating, Gate, bearer_token};
pub use issuer::{Issuer, MintError};
pub use key_source::{JWKS_PATH, KeySource, KeySourceOptions};
pub use keys::{BadKeySet, Jwk, Jwks, KeySet};
pub use outgoing::{CallerTokens, ServiceTokens, TokenSource};
pub use permission::{Permission, UnknownPermission};
pub use published::publish_keys;
pub use refusal::Refusal;
pub use rotation::{PUBLISHED_AFTER_S, PUBLISHED_AHEAD_S, Plan, SIGNS_FOR_S, Span, rotate};
pub use scope::{
    AccountsAdmin, DeliveriesRead, DeliveriesWrite, ItemsRead, ItemsWrite, OrdersRead, OrdersReview, OrdersWrite,
    Scope, ScopeName, Scopes, StockRead, StockWrite, UnknownScope,
};
pub use token::{ACCESS_TOKEN_TYP, Claims, LEEWAY_S, MAX_TOKEN_BYTES, MAX_TOKEN_LIFETIME_S, Token};
pub use verifier::{Expected, TokenError, Verified, Verifier};
