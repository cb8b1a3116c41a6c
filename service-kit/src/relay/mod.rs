//! Carries the outbox to one subscriber: in order per subject, again and again, until each event is acknowledged.
//!
//! An event is sent at least once. It goes from the outbox when the subscriber has answered for it, and a subscriber
//! that answered without being heard finds the event in its inbox the next time. So a crash, a lost reply, or two
//! relays at once cost extra work and nothing else.
//!
//! What is absent: no transaction is open while anything waits for the subscriber, and no event is given up on.

/// Gateways, each with a queue of its own.
mod gateways;
/// Pauses that grow.
mod pause;
/// A batch on its way.
mod post;
/// What an answer means for each event of its batch.
mod settle;
/// The loop.
mod worker;

use std::sync::LazyLock;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::db::{Db, DbError};
use crate::outbox::{self, deliveries};
use crate::{Client, Clock};
pub use gateways::tell_gateways;
use worker::Worker;

/// How a relay paces itself.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// Events in one request; at most [`MAX_EVENT_BATCH`](shared_types::limits::MAX_EVENT_BATCH).
    pub batch_events: usize,
    /// Once woken, so long is waited for what is committed meanwhile: one request and one acknowledgement for all of it,
    /// and none of it beside the very purchase that it tells of.
    pub gather_ms: i64,
    /// How often to look without having been woken: another replica's commits wake nobody here.
    pub poll_interval_ms: i64,
    /// The pause after a first failure; it doubles up to the longest, each shortened at random by up to a half.
    pub first_pause_ms: i64,
    pub longest_pause_ms: i64,
    /// How long one that was killed keeps others, and itself when it is back, from relaying.
    pub lease_ms: i64,
    /// Definite refusals of one event after which it is parked.
    pub park_after: i64,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            batch_events: 100,
            gather_ms: 10,
            poll_interval_ms: 500,
            first_pause_ms: 200,
            longest_pause_ms: 5_000,
            lease_ms: 4_000,
            park_after: 10,
        }
    }
}

/// A running relay to one subscriber. Dropping it stops it in mid-work, which loses nothing.
#[derive(Debug)]
pub struct Relay {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Subscribes `subscriber` to every event from now on and relays to `/events` of `client`. The name stays the same
    /// for ever; the address behind it may change.
    ///
    /// To be called before the service accepts its first request: an event without subscribers is not kept.
    pub async fn start(
        db: Db,
        subscriber: &str,
        client: Client,
        clock: Clock,
        options: RelayOptions,
    ) -> Result<Self, DbError> {
        let name = subscriber.to_owned();
        // Known to be ours by its beginning.
        static THIS_PROCESS: LazyLock<Uuid> = LazyLock::new(Uuid::now_v7);
        let subscriber_id = db.write_at_start(move |tx| {
            deliveries::purge(tx)?;
            deliveries::bury_leases(tx, &THIS_PROCESS.to_string())?;
            outbox::subscribe(tx, &name)
        });
        let subscriber_id = subscriber_id.await?;
        let holder = format!("{} {}", *THIS_PROCESS, Uuid::now_v7());
        let worker = Worker::new(db, client, clock, options, subscriber.to_owned(), subscriber_id, holder);
        let (stop, stopped) = watch::channel(false);
        Ok(Self { stop, task: tokio::spawn(worker.run(stopped)) })
    }

    /// Stops relaying and gives the lease back. What was not acknowledged waits for the next relay.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "a relay had failed");
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
