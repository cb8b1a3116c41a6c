//! How many closures may run and how many may wait: a full house refuses at once instead of growing a queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use super::error::DbError;
use super::metrics::DbMetrics;

/// One place per connection in front of a pool, and a bounded number of closures waiting for one.
pub(super) struct Gate {
    places: Arc<Semaphore>,
    size: u32,
    waiting: AtomicUsize,
    limit: usize,
    patience: Duration,
    metrics: Arc<DbMetrics>,
}

impl Gate {
    pub(super) fn new(places: u32, limit: usize, patience: Duration, metrics: Arc<DbMetrics>) -> Self {
        let size = places.max(1);
        let places = usize::try_from(size).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        metrics.connections.set(size.into());
        let places = Arc::new(Semaphore::new(places));
        Self { places, size, waiting: AtomicUsize::new(0), limit, patience, metrics }
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

    /// Runs `work` here and now if there is a place.
    pub(super) fn try_run<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let _place = Place::taken(permit, &self.metrics);
        Some(work())
    }

    async fn enter(&self) -> Result<Place, DbError> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Place::taken(permit, &self.metrics));
        }
        let _waiting = self.wait()?;
        match tokio::time::timeout(self.patience, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Place::taken(permit, &self.metrics)),
            Ok(Err(_closed)) => Err(DbError::Unavailable("closed".to_owned())),
            Err(_elapsed) => Err(self.metrics.overloaded()),
        }
    }

    fn wait(&self) -> Result<Waiting<'_>, DbError> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting::begin(self);
        if before >= self.limit { Err(self.metrics.overloaded()) } else { Ok(waiting) }
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
struct Waiting<'a>(&'a Gate);

impl<'a> Waiting<'a> {
    fn begin(gate: &'a Gate) -> Self {
        gate.metrics.waiting_for_connection.inc();
        Self(gate)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.waiting_for_connection.dec();
    }
}

/// A place inside, for as long as it lives.
struct Place {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<DbMetrics>,
}

impl Place {
    fn taken(permit: OwnedSemaphorePermit, metrics: &Arc<DbMetrics>) -> Self {
        metrics.connections_in_use.inc();
        Self { _permit: permit, metrics: Arc::clone(metrics) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.connections_in_use.dec();
    }
}
