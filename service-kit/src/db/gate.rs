//! How many closures may run and how many may wait: a full house refuses at once instead of growing a queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use super::error::DbError;

/// One place per connection in front of a pool, and a bounded number of closures waiting for one.
pub(super) struct Gate {
    places: Arc<Semaphore>,
    size: u32,
    waiting: AtomicUsize,
    limit: usize,
    patience: Duration,
}

impl Gate {
    pub(super) fn new(places: u32, limit: usize, patience: Duration) -> Self {
        let size = places.max(1);
        let places = usize::try_from(size).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places)), size, waiting: AtomicUsize::new(0), limit, patience }
    }

    /// Runs `work` on a blocking thread once there is a place. A place is held until `work` has returned, even when the
    /// caller stops waiting: the connection behind it is still in use.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, DbError>
    where
        W: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let place = self.enter().await?;
        let done = tokio::task::spawn_blocking(move || {
            let answer = work();
            drop(place);
            answer
        });
        done.await.map_err(|error| interrupted(&error))
    }

    async fn enter(&self) -> Result<OwnedSemaphorePermit, DbError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = Waiting::begin(&self.waiting, self.limit)?;
        match tokio::time::timeout(self.patience, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_closed)) => Err(DbError::Unavailable("closed".to_owned())),
            Err(_elapsed) => Err(DbError::Overloaded),
        }
    }

    /// Nobody enters any more; returns when everybody has left.
    pub(super) async fn close(&self) {
        // Every place taken means that nobody is inside. The error case means another caller closed it before.
        if let Ok(all) = self.places.acquire_many(self.size).await {
            self.places.close();
            drop(all);
        }
    }
}

fn interrupted(error: &JoinError) -> DbError {
    if error.is_panic() { DbError::Panicked } else { DbError::Unavailable("the runtime is stopping".to_owned()) }
}

/// Counts one who waits, for as long as it lives: a caller that gives up leaves the queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize, limit: usize) -> Result<Self, DbError> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let waiting = Self(count);
        if before >= limit { Err(DbError::Overloaded) } else { Ok(waiting) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
