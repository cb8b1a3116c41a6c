//! Messages to customers: one when an order is created, and one for every change of its state, in order, each sent at most
//! once by itself.
//!
//! The move of an order writes its message down in its own transaction (`store::telling`). A sender takes messages one at a time per order: `sending` is on disk before anything leaves,
//! so a crash or a lost answer leaves `unknown`, never a second message.

/// Flags and environment.
mod config;
/// Sends what is due.
mod worker;

use service_kit::{
    Clock,
    db::Db,
    http::{Background, StartError},
};

pub use config::NotificationConfig;
pub use worker::Pace;

/// Starts sending, until the service stops.
pub fn start(
    db: &Db,
    clock: Clock,
    config: &NotificationConfig,
    background: &mut Background,
) -> Result<(), StartError> {
    let sms = config.sender().map_err(StartError::Part)?;
    background.spawn(worker::work(db.clone(), clock, sms, config.pace.clone(), background.stopping()));
    Ok(())
}
