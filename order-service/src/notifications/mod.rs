//! Messages to customers: one when an order is created, and one for every change of its state, in order, each sent at most
//! once by itself.
//!
//! A listener in this process hears of every change of an order and writes the message down in the transaction in which it
//! acknowledges the event. A sender takes messages one at a time per order: `sending` is on disk before anything leaves,
//! so a crash or a lost answer leaves `unknown`, never a second message.

/// Flags and environment.
mod config;
/// From an event to a message.
mod follow;
/// Sends what is due.
mod worker;

use service_kit::{
    Clock,
    db::Db,
    http::{Background, StartError},
    relay::{Relay, RelayOptions},
};

pub use config::NotificationConfig;
pub use worker::Pace;

/// The listener's name among the subscribers of the outbox. It stays the same for ever.
const LISTENER: &str = "notifications";

/// Starts listening and sending, until the service stops. To be called before the first request is served: an event that
/// nobody listens for is not kept.
pub async fn start(
    db: &Db,
    clock: Clock,
    config: &NotificationConfig,
    background: &mut Background,
) -> Result<(), StartError> {
    let sms = config.sender().map_err(StartError::Part)?;
    let listening = Relay::start_local(db.clone(), LISTENER, clock, RelayOptions::default(), move |tx, event| {
        follow::follow(tx, event, clock.now())
    });
    let relay = listening.await.map_err(|error| StartError::Part(error.to_string()))?;
    let stopping = background.stopping();
    background.spawn(async move {
        stopping.cancelled().await;
        relay.stop().await;
    });
    background.spawn(worker::work(db.clone(), clock, sms, config.pace.clone(), background.stopping()));
    Ok(())
}
