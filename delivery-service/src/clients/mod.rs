//! The only outgoing HTTP: the order service is told of every change.

use service_kit::{
    Client, ClientOptions, Clock,
    auth::{Issuer, Scopes, Service, ServiceTokens},
    db::Db,
    relay::{Relay, RelayOptions},
};

/// The order service's name among the subscribers. It stays the same for ever; the address may change.
const ORDER: &str = "order";

/// Starts telling the order service at this address, beginning with what it was not told in an earlier life.
///
/// To be called before the first request: an event that nobody subscribed to is not kept.
pub async fn tell_order(db: Db, order_url: &str, issuer: &Issuer) -> Result<Relay, String> {
    let client = Client::new(order_url, ClientOptions::default()).map_err(|error| error.to_string())?;
    let client = client.with_tokens(ServiceTokens::new(issuer.clone(), Service::Order, Scopes::NONE));
    let relay = Relay::start(db, ORDER, client, Clock::system(), RelayOptions::default());
    relay.await.map_err(|error| error.to_string())
}
