//! Webhooks to subscribers: what happens to orders is told at addresses that employees registered, signed (Standard
//! Webhooks), at least once, retried for a day.
//!
//! The move of an order writes one message per subscriber in its own transaction (`store::telling`). A sender takes what is due and records every attempt. A crash between sending and
//! recording sends again, under the same `webhook-id`.

/// Flags and environment.
mod config;
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

use service_kit::{Clock, db::Db, http::Background};

pub use config::WebhookConfig;
pub(crate) use request::{read_change, read_new};
pub use worker::Pace;

use crate::clients::Subscribers;

/// Starts sending, until the service stops.
pub fn start(db: &Db, clock: Clock, config: &WebhookConfig, background: &mut Background) -> Subscribers {
    let subscribers = config.subscribers();
    let (pace, stopping) = (config.pace.clone(), background.stopping());
    background.spawn(worker::work(db.clone(), clock, subscribers.clone(), pace, stopping));
    subscribers
}
