//! Work that falls due: rows that somebody has to send, call or tell. Taken on as soon as a commit may have made some due,
//! and looked for from time to time, since other replicas' commits wake nobody here.

use std::{future::Future, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::db::{Db, DbError};

/// Takes on what is due and does it, until the service stops; what is being done then is waited for.
///
/// `claim` takes on so many pieces of what is due at most, so that nobody else does them meanwhile; none: there is nothing
/// for now. `carry_out` does one. As many are done at the same time as there are `seats`: one that takes long keeps its own
/// seat and nobody else's.
pub async fn work_off<T, C, W>(
    db: &Db,
    poll_ms: u64,
    seats: usize,
    stopping: &CancellationToken,
    claim: impl Fn(usize) -> C,
    carry_out: impl Fn(T) -> W,
) where
    C: Future<Output = Result<Vec<T>, DbError>>,
    W: Future<Output = ()> + Send + 'static,
{
    let mut committed = db.committed_due();
    let mut under_way = JoinSet::new();
    while !stopping.is_cancelled() {
        // Before it is looked for: what is committed from here on wakes us.
        committed.mark_unchanged();
        while let Some(done) = under_way.try_join_next() {
            unless_it_panicked(done);
        }
        let free = seats.saturating_sub(under_way.len());
        if free > 0 {
            match claim(free).await {
                Ok(claimed) if claimed.is_empty() => {}
                Ok(claimed) => {
                    claimed.into_iter().for_each(|piece| drop(under_way.spawn(carry_out(piece))));
                    continue;
                }
                Err(error) => tracing::error!(%error, "what is due cannot be read"),
            }
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            Some(done) = under_way.join_next() => unless_it_panicked(done),
            // A closed channel wakes nobody; the time-out is the ordinary end of a pause.
            _ = timeout(Duration::from_millis(poll_ms), committed.changed()), if free > 0 => {}
        }
    }
    under_way.join_all().await;
}

fn unless_it_panicked(done: Result<(), JoinError>) {
    if let Err(error) = done
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}
