use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::store;
use crate::{Clock, db::Db};

/// An answer is kept this long: a client that repeats itself does so within the day.
pub const KEPT_MS: i64 = 2 * 24 * 3_600 * 1_000;
/// How often old answers are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// Forgets answers older than [`KEPT_MS`], until `stopping`. For a service's background work.
pub async fn forgetting(db: Db, clock: Clock, stopping: CancellationToken) {
    loop {
        let before = clock.now().plus_ms(-KEPT_MS);
        match db.write(move |tx| store::forget(tx, before)).await {
            Ok(answers) => tracing::debug!(answers, "old answers are forgotten"),
            Err(error) => tracing::warn!(%error, "old answers are kept"),
        }
        if tokio::time::timeout(SWEEP, stopping.cancelled()).await.is_ok() {
            return;
        }
    }
}
