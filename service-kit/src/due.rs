//! Work that falls due: rows that somebody has to send, call or tell. Taken on as soon as a commit may have made some due,
//! and looked for from time to time, since other replicas' commits wake nobody here.

use std::{future::Future, time::Duration};

use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::db::{Db, DbError};

/// Takes on what is due and does it, until the service stops; what is being done then is waited for.
///
/// `claim` takes on a batch of what is due, so that nobody else does it meanwhile; an empty one ends the round. `carry_out`
/// does one piece, beside the others of its batch.
pub async fn work_off<T, C, W>(
    db: &Db,
    poll_ms: u64,
    stopping: &CancellationToken,
    claim: impl Fn() -> C,
    carry_out: impl Fn(T) -> W,
) where
    C: Future<Output = Result<Vec<T>, DbError>>,
    W: Future<Output = ()> + Send + 'static,
{
    let mut committed = db.committed_events();
    while !stopping.is_cancelled() {
        // Before it is looked for: what is committed from here on wakes us.
        committed.mark_unchanged();
        match claim().await {
            Ok(claimed) if claimed.is_empty() => {}
            Ok(claimed) => {
                claimed.into_iter().map(&carry_out).collect::<JoinSet<()>>().join_all().await;
                continue;
            }
            Err(error) => tracing::error!(%error, "what is due cannot be read"),
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            // A closed channel wakes nobody; the time-out is the ordinary end of a pause.
            _ = timeout(Duration::from_millis(poll_ms), committed.changed()) => {}
        }
    }
}
