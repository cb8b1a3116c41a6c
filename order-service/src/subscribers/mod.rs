//! Webhooks to subscribers: what happens to orders is told at addresses that employees registered, signed (Standard
//! Webhooks), at least once, retried for a day.
//!
//! A listener in this process hears of every change of an order and writes one message per subscriber in the transaction in
//! which it acknowledges the event. A sender takes what is due and records every attempt. A crash between sending and
//! recording sends again, under the same `webhook-id`.

/// Flags and environment.
mod config;
/// From an event to messages.
mod follow;
/// Who is being told at the moment.
mod lines;
/// Requests, read once at the door.
mod request;
/// When to try again.
mod schedule;
/// Fresh secrets.
mod secret;
/// Sends what is due.
mod worker;

use service_kit::{
    Clock,
    db::Db,
    http::{Background, StartError},
    relay::{Relay, RelayOptions},
};

pub use config::WebhookConfig;
pub(crate) use request::{read_change, read_new};
pub use worker::Pace;

use crate::clients::Subscribers;

/// The listener's name among the subscribers of the outbox. It stays the same for ever.
const LISTENER: &str = "webhooks";

/// Starts listening and sending, until the service stops. To be called before the first request is served: an event that
/// nobody listens for is not kept.
pub async fn start(
    db: &Db,
    clock: Clock,
    config: &WebhookConfig,
    background: &mut Background,
) -> Result<Subscribers, StartError> {
    let subscribers = config.subscribers();
    let listening = Relay::start_local(db.clone(), LISTENER, clock, RelayOptions::default(), move |tx, event| {
        follow::follow(tx, event, clock.now())
    });
    let relay = listening.await.map_err(|error| StartError::Part(error.to_string()))?;
    let stopping = background.stopping();
    background.spawn(async move {
        stopping.cancelled().await;
        relay.stop().await;
    });
    let (pace, stopping) = (config.pace.clone(), background.stopping());
    background.spawn(worker::work(db.clone(), clock, subscribers.clone(), pace, stopping));
    Ok(subscribers)
}
