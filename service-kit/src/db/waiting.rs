//! A start that waits for its database: in a cluster, who is started first is an accident.

use std::time::{Duration, Instant};

use super::error::OpenError;
use super::url::DatabaseUrl;

/// The pause after the first attempt; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Tries until the database is there or refuses, at most for `limit`.
pub(super) async fn until_there<T, F>(
    url: &DatabaseUrl,
    limit: Duration,
    mut open: impl FnMut() -> F,
) -> Result<T, OpenError>
where
    F: Future<Output = Result<T, OpenError>>,
{
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let reason = match open().await {
            Err(OpenError::Unavailable(reason)) => reason,
            opened => {
                if pause > FIRST_PAUSE {
                    tracing::info!(database = %url, waited = ?began.elapsed(), "the database answers");
                }
                return opened;
            }
        };
        if began.elapsed() + pause > limit {
            return Err(OpenError::Unavailable(format!("not there within {limit:?}: {reason}")));
        }
        tracing::warn!(database = %url, reason, ?limit, "waiting for the database");
        // Nothing wakes us: the time-out is the pause.
        drop(tokio::time::timeout(pause, std::future::pending::<()>()).await);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
