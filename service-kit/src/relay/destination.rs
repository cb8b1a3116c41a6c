//! Where events go: to another service over HTTP, or to a handler of this very process.

use std::collections::HashSet;
use std::sync::Arc;

use reqwest::Method;
use serde_json::value::RawValue;
use shared_types::events::{BatchAnswer, CloudEvent, EventOutcome, EventResult};

use crate::db::{Db, Tx};
use crate::inbox::HandleError;
use crate::outbox::deliveries::{self, Delivery};
use crate::{Client, NoAnswer, Outcome};

/// CloudEvents' JSON batch format (CloudEvents 1.0, HTTP protocol binding, section 3.3).
const BATCH_TYPE: &str = "application/cloudevents-batch+json";

/// What a process of ours does with an event.
pub(super) type Handler = Arc<dyn Fn(&mut Tx<'_>, &CloudEvent) -> Result<(), HandleError> + Send + Sync>;

pub(super) enum Destination {
    /// `/events` of another service.
    Service(Client),
    /// A handler here, whose effect and the acknowledgement are one transaction.
    Handler(Handler),
}

impl Destination {
    /// Sends a batch; answers what became of each event.
    pub(super) async fn deliver(&self, db: &Db, subscriber_id: i64, batch: &[Delivery]) -> Outcome<BatchAnswer> {
        match self {
            Destination::Service(client) => post(client, batch).await,
            Destination::Handler(handler) => Outcome::Done(handle(db, subscriber_id, batch, handler).await),
        }
    }
}

async fn post(client: &Client, batch: &[Delivery]) -> Outcome<BatchAnswer> {
    let bodies: Result<Vec<&RawValue>, _> = batch.iter().map(|delivery| serde_json::from_str(&delivery.body)).collect();
    match bodies {
        Ok(bodies) => {
            let headers = [("content-type", BATCH_TYPE)];
            client.call_with(Method::POST, "/events", &headers, Some(&bodies), &[200]).await
        }
        Err(error) => Outcome::Unknown(NoAnswer(format!("the outbox holds no JSON: {error}"))),
    }
}

/// Each event in its own transaction, in order; after one that was not handled the later ones of its subject are held.
async fn handle(db: &Db, subscriber_id: i64, batch: &[Delivery], handler: &Handler) -> BatchAnswer {
    let mut stuck = HashSet::new();
    let mut results = Vec::with_capacity(batch.len());
    for delivery in batch {
        let id = delivery.event_id.clone();
        if stuck.contains(&delivery.subject) {
            results.push(EventResult { id, outcome: EventOutcome::Held, detail: None });
            continue;
        }
        let (outcome, detail) = match handle_one(db, subscriber_id, delivery.clone(), Arc::clone(handler)).await {
            Ok(outcome) => (outcome, None),
            Err(HandleError::Rejected(reason)) => (EventOutcome::Rejected, Some(reason)),
            Err(HandleError::Db(error)) => {
                tracing::error!(event_id = %id, %error, "event not handled");
                (EventOutcome::Held, Some(error.to_string()))
            }
        };
        if matches!(outcome, EventOutcome::Rejected | EventOutcome::Held) {
            stuck.insert(&delivery.subject);
        }
        results.push(EventResult { id, outcome, detail });
    }
    BatchAnswer { results }
}

/// The delivery goes in the transaction of the effect. Of two relays the second waits at that row, finds it gone, and
/// does nothing.
async fn handle_one(
    db: &Db,
    subscriber_id: i64,
    delivery: Delivery,
    handler: Handler,
) -> Result<EventOutcome, HandleError> {
    let event: CloudEvent =
        serde_json::from_str(&delivery.body).map_err(|error| HandleError::Rejected(error.to_string()))?;
    let handle = move |tx: &mut Tx<'_>| {
        if !deliveries::claim(tx, subscriber_id, delivery.position)? {
            return Ok(EventOutcome::Duplicate);
        }
        handler(tx, &event)?;
        Ok(EventOutcome::Handled)
    };
    db.write(handle).await
}
