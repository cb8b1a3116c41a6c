//! What is over goes: expired tokens, codes, resets and sign-ins.

use std::{sync::Arc, time::Duration};

use service_kit::db::DbError;
use tokio_util::sync::CancellationToken;

use super::{Identity, store};

/// How often it is looked for.
const EVERY_S: u64 = 60 * 60;
/// Rows that one transaction removes at most: others wait for no long one.
const BATCH_ROWS: i64 = 500;
/// What is over is kept for this long, so that a second use of an old token is still noticed.
pub const KEEP_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

impl Identity {
    /// Removes what is over, now and every hour, until the service stops.
    pub(super) async fn keep_clean(self: Arc<Self>, stopping: CancellationToken) {
        let mut ticks = tokio::time::interval(Duration::from_secs(EVERY_S));
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            match self.clean(&stopping).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "expired sign-ins and tokens removed"),
                Err(error) => tracing::warn!(%error, "expired sign-ins and tokens were not removed"),
            }
        }
    }

    /// Batch after batch, until one is not full. How many rows went.
    async fn clean(&self, stopping: &CancellationToken) -> Result<u64, DbError> {
        let mut rows = 0;
        while !stopping.is_cancelled() {
            let (now, over) = (self.clock.now(), self.clock.now().plus_ms(-KEEP_MS));
            let removed = self.db.write(move |tx| store::cleanup::remove(tx, now, over, BATCH_ROWS)).await?;
            rows += removed;
            if removed < BATCH_ROWS.unsigned_abs() {
                break;
            }
        }
        Ok(rows)
    }
}
