use super::{Relay, RelayOptions};
use crate::{
    Client, ClientOptions, Clock,
    auth::{Issuer, Scopes, Service, ServiceTokens},
    db::{Db, DbError, Engine, Tx},
    http::Background,
    outbox,
};

/// What gateways are called among the subscribers, with their place in the list. The name stays, the address may change.
const GATEWAY: &str = "gateway.";
/// How often another replica's commits are looked for: they wake nobody here, and a gateway is to know of a change within
/// 100 ms.
const POLL_MS: i64 = 50;
/// A gateway that is back is told within this time.
const LONGEST_PAUSE_MS: i64 = 500;

/// Starts telling every gateway until the service stops, each of which has a queue of its own: what one of them keeps is none of the others'
/// business. A gateway that is no longer in the list is forgotten, with all that it was not told.
///
/// To be called before the first request: an event that nobody subscribed to is not kept.
pub async fn tell_gateways(
    db: &Db,
    urls: &[String],
    issuer: &Issuer,
    background: &mut Background,
) -> Result<(), String> {
    let wanted: Vec<String> = (1..=urls.len()).map(|place| format!("{GATEWAY}{place}")).collect();
    let listed = wanted.clone();
    let forgotten = db.write_at_start(move |tx| forget_all_but(tx, &listed)).await;
    forgotten.map_err(|error| error.to_string())?;
    let defaults = RelayOptions { longest_pause_ms: LONGEST_PAUSE_MS, ..RelayOptions::default() };
    let options = match db.engine() {
        // One process has the file, so nobody commits unnoticed.
        Engine::Sqlite => defaults,
        Engine::Postgres => RelayOptions { poll_interval_ms: POLL_MS, ..defaults },
    };
    let tokens = ServiceTokens::new(issuer.clone(), Service::Gateway, Scopes::NONE);
    for (name, url) in wanted.iter().zip(urls) {
        let client = Client::new(url, ClientOptions::default()).map_err(|error| error.to_string())?;
        let client = client.with_tokens(tokens.clone());
        let relay = Relay::start(db.clone(), name, client, Clock::system(), options.clone()).await;
        let (relay, stopping) = (relay.map_err(|error| error.to_string())?, background.stopping());
        background.spawn(async move {
            stopping.cancelled().await;
            relay.stop().await;
        });
    }
    Ok(())
}

fn forget_all_but(tx: &mut Tx<'_>, wanted: &[String]) -> Result<(), DbError> {
    let known = outbox::backlog(tx)?.into_iter().map(|backlog| backlog.subscriber);
    for name in known.filter(|name| name.starts_with(GATEWAY) && !wanted.contains(name)) {
        outbox::unsubscribe(tx, &name)?;
    }
    Ok(())
}
