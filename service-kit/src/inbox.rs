//! What was handled, written in the transaction of the effect: delivered twice, handled once.

use std::collections::HashMap;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::{StreamExt, stream};
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

/// Subjects whose events are handled beside one another, at most: so many share a commit.
const MAX_SUBJECTS_AT_ONCE: usize = 32;

/// What a service's `/events` answers: handles each event of a batch in its own transaction, those of one subject in order.
///
/// After an event that was not handled the later ones of its subject are held, so that no effect ever overtakes another
/// of its subject. Other subjects go on, unless it is the database that cannot be reached.
pub async fn handle_batch<H>(db: &Db, batch: Vec<CloudEvent>, handler: H) -> BatchAnswer
where
    H: Fn(&mut Tx<'_>, &CloudEvent) -> Result<(), HandleError> + Send + Sync + 'static,
{
    let handling = Handling { db: db.clone(), handler: Arc::new(handler), unavailable: Arc::default() };
    let mut places = HashMap::new();
    let mut subjects: Vec<Vec<(usize, CloudEvent)>> = Vec::new();
    for (place, event) in batch.into_iter().enumerate() {
        let subject = (event.source.clone(), event.subject.clone());
        let of_subject = *places.entry(subject).or_insert_with(|| {
            subjects.push(Vec::new());
            subjects.len() - 1
        });
        subjects[of_subject].push((place, event));
    }
    let handled = subjects.into_iter().map(|events| handling.clone().in_turn(events));
    let handled = stream::iter(handled).buffer_unordered(MAX_SUBJECTS_AT_ONCE);
    let mut results: Vec<(usize, EventResult)> = handled.map(stream::iter).flatten().collect().await;
    results.sort_unstable_by_key(|(place, _)| *place);
    BatchAnswer { results: results.into_iter().map(|(_, result)| result).collect() }
}

/// How the events of one batch are handled.
struct Handling<H> {
    db: Db,
    handler: Arc<H>,
    /// Whether the database was found to be away.
    unavailable: Arc<AtomicBool>,
}

impl<H> Clone for Handling<H> {
    fn clone(&self) -> Self {
        let Handling { db, handler, unavailable } = self;
        Handling { db: db.clone(), handler: Arc::clone(handler), unavailable: Arc::clone(unavailable) }
    }
}

impl<H> Handling<H>
where
    H: Fn(&mut Tx<'_>, &CloudEvent) -> Result<(), HandleError> + Send + Sync + 'static,
{
    /// Handles the events of one subject.
    async fn in_turn(self, events: Vec<(usize, CloudEvent)>) -> Vec<(usize, EventResult)> {
        let mut stuck = false;
        let mut results = Vec::with_capacity(events.len());
        for (place, event) in events {
            let result = if stuck || self.unavailable.load(Ordering::Relaxed) {
                EventResult { id: event.id, outcome: EventOutcome::Held, detail: None }
            } else {
                self.one(event).await
            };
            stuck |= matches!(result.outcome, EventOutcome::Rejected | EventOutcome::Held);
            results.push((place, result));
        }
        results
    }

    async fn one(&self, event: CloudEvent) -> EventResult {
        let (id, subject) = (event.id.clone(), event.subject.clone());
        let handling = handle_one(&self.db, event, Arc::clone(&self.handler));
        let handled = match orders::in_subject(&subject) {
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
                self.unavailable.fetch_or(error.is_retryable(), Ordering::Relaxed);
                (EventOutcome::Held, Some("not now".to_owned()))
            }
        };
        EventResult { id, outcome, detail }
    }
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
