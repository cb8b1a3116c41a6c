//! The only outgoing HTTP of the service.

/// Parcels of several orders in one request.
mod bookings;
/// Asks the catalog for copies.
mod catalog;
/// Asks the delivery service for parcels.
mod delivery;
/// Looks for several orders in one request.
mod looks;
/// Asks payment providers for money.
pub mod payments;

/// Messages to telephones.
mod sms;
/// Webhooks to subscribers.
mod subscriber;
/// Copies for several orders in one request.
mod takings;
/// Calls that share requests while others are under way.
mod together;

use reqwest::Method;
use serde::de::IgnoredAny;
use service_kit::{
    Client, ClientOptions, Outcome,
    auth::{Issuer, Scopes, Service, ServiceTokens},
    client::ClientError,
};

pub use catalog::{Catalog, take_request};
pub use delivery::Delivery;
pub use sms::{AfricasTalking, Sent, Sms};
pub use subscriber::Subscribers;

/// `part` is whom it asks, as the numbers have it.
fn client(part: &'static str, base: &str, call_ms: u64) -> Result<Client, ClientError> {
    let defaults = ClientOptions::default();
    let options = ClientOptions { call_ms, connect_ms: defaults.connect_ms.min(call_ms) };
    Ok(Client::new(base, options)?.guarded(part))
}

/// A client whose every call carries a token of ours for that one service. What we may do there follows from who we
/// are, so the token names no scopes.
fn signed_client(base: &str, call_ms: u64, issuer: &Issuer, aud: Service) -> Result<Client, ClientError> {
    Ok(client(aud.text(), base, call_ms)?.with_tokens(ServiceTokens::new(issuer.clone(), aud, Scopes::NONE)))
}

/// Whether the service behind this client answers, for readiness.
async fn alive(client: &Client) -> Result<(), String> {
    match client.unguarded().call::<(), IgnoredAny>(Method::GET, "/health/live", None, &[200]).await {
        Outcome::Done(IgnoredAny) => Ok(()),
        Outcome::Refused(problem) => Err(problem.to_string()),
        Outcome::Unknown(no_answer) => Err(no_answer.to_string()),
    }
}
