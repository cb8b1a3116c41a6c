//! A start that waits for its database: in a cluster, who is started first is an accident.

use std::time::{Duration, Instant};

use super::error::{DbError, OpenError};
use super::url::DatabaseUrl;

/// The pause after the first attempt; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A failure that may be over in a moment, or not.
pub(super) trait Passing: Sized {
    /// Why the database is not there, of a failure that waiting may cure.
    fn unavailable(self) -> Result<String, Self>;
    fn gave_up(why: String) -> Self;
}

impl Passing for OpenError {
    fn unavailable(self) -> Result<String, Self> {
        if let OpenError::Unavailable(reason) = self { Ok(reason) } else { Err(self) }
    }

    fn gave_up(why: String) -> Self {
        OpenError::Unavailable(why)
    }
}

impl Passing for DbError {
    fn unavailable(self) -> Result<String, Self> {
        if let DbError::Unavailable(reason) = self { Ok(reason) } else { Err(self) }
    }

    fn gave_up(why: String) -> Self {
        DbError::Unavailable(why)
    }
}

/// Tries until the database is there or refuses, at most for `limit`.
pub(super) async fn until_there<T, E, F>(
    url: &DatabaseUrl,
    limit: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    E: Passing,
    F: Future<Output = Result<T, E>>,
{
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let reason = match attempt().await.map_err(E::unavailable) {
            Ok(done) => {
                if pause > FIRST_PAUSE {
                    tracing::info!(database = %url, waited = ?began.elapsed(), "the database answers");
                }
                return Ok(done);
            }
            Err(failure) => failure?,
        };
        if began.elapsed() + pause > limit {
            return Err(E::gave_up(format!("not there within {limit:?}: {reason}")));
        }
        tracing::warn!(database = %url, reason, ?limit, "waiting for the database");
        // Nothing wakes us: the time-out is the pause.
        drop(tokio::time::timeout(pause, std::future::pending::<()>()).await);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
