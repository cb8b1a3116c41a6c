//! What was handled, written in the transaction of the effect: delivered twice, handled once.

use std::collections::HashSet;
use std::sync::Arc;

use shared_types::events::{BatchAnswer, CloudEvent, EventOutcome, EventResult};

use crate::db::{Db, DbError, Tx};
use crate::telemetry::{orders, traced};
use crate::{faults, params};

/// Whether this event comes for the first time. To be asked in the transaction of the effect: the row and the effect
/// are committed together, and of two that ask at the same time the second waits for the first.
pub fn first_time(tx: &mut Tx<'_>, source: &str, event_id: &str) -> Result<bool, DbError> {
    let inserted = tx.execute(
        "insert into inbox (source, event_id) values ($1, $2) on conflict do nothing",
        &params![source, event_id],
    )?;
    Ok(inserted == 1 || faults::sabotaged("no_inbox"))
}

/// Why a handler did not handle an event.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// It can never be handled as it is. Said often enough, it is parked by the relay.
    #[error("{0}")]
    Rejected(String),
    /// Not now. It comes again, however often this is said.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What a service's `/events` answers: handles each event of a batch in its own transaction, in order.
///
/// After an event that was not handled the later ones of its subject are held, so that no effect ever overtakes another
/// of its subject. Other subjects go on, unless it is the database that cannot be reached.
pub async fn handle_batch<H>(db: &Db, batch: Vec<CloudEvent>, handler: H) -> BatchAnswer
where
    H: Fn(&mut Tx<'_>, &CloudEvent) -> Result<(), HandleError> + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    let mut stuck = HashSet::new();
    let mut unavailable = false;
    let mut results = Vec::with_capacity(batch.len());
    for event in batch {
        let (id, subject) = (event.id.clone(), (event.source.clone(), event.subject.clone()));
        if unavailable || stuck.contains(&subject) {
            results.push(EventResult { id, outcome: EventOutcome::Held, detail: None });
            continue;
        }
        let handling = handle_one(db, event, Arc::clone(&handler));
        let handled = match orders::in_subject(&subject.1) {
            Some(order_id) => traced("handle", &order_id, handling).await,
            None => handling.await,
        };
        let (outcome, detail) = match handled {
            Ok(outcome) => (outcome, None),
            Err(HandleError::Rejected(detail)) => {
                tracing::warn!(event_id = %id, detail, "event rejected");
                (EventOutcome::Rejected, Some(detail))
            }
            // Ours to mend, not the event's fault: it is held, not rejected. The error itself stays in our log.
            Err(HandleError::Db(error)) => {
                tracing::error!(event_id = %id, %error, "event not handled");
                unavailable = error.is_retryable();
                (EventOutcome::Held, Some("not now".to_owned()))
            }
        };
        if matches!(outcome, EventOutcome::Rejected | EventOutcome::Held) {
            stuck.insert(subject);
        }
        results.push(EventResult { id, outcome, detail });
    }
    BatchAnswer { results }
}

async fn handle_one<H>(db: &Db, event: CloudEvent, handler: Arc<H>) -> Result<EventOutcome, HandleError>
where
    H: Fn(&mut Tx<'_>, &CloudEvent) -> Result<(), HandleError> + Send + Sync + 'static,
{
    let handle = move |tx: &mut Tx<'_>| {
        if !first_time(tx, &event.source, &event.id)? {
            return Ok(EventOutcome::Duplicate);
        }
        handler(tx, &event)?;
        Ok(EventOutcome::Handled)
    };
    db.write(handle).await
}
