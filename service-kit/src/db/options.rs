//! The limits of a database, each with its unit.

use std::time::Duration;

/// Test builds copy the log every few writes: what kills a process, or takes power away, finds it copied by half.
const CHECKPOINT_PAGES: u32 = if cfg!(feature = "faults") { 100 } else { 1_000 };

/// How much a [`Db`](super::Db) takes on and how long it waits. Every limit has a number: what exceeds it is refused.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// SQLite: connections that read. The one that writes is not among them.
    pub readers: u32,
    /// Postgres: connections, for reading and writing.
    pub connections: u32,
    /// Closures that may wait for their turn. The next one is answered `Overloaded`.
    pub queue_jobs: usize,
    /// SQLite: closures that share one commit.
    pub batch_jobs: usize,
    /// SQLite: pages of 4 KiB in the write-ahead log from which on it is copied into its database; four times as many behind
    /// large commits.
    pub checkpoint_pages: u32,
    /// SQLite: how long to wait for a lock that another connection holds.
    pub busy_timeout_ms: u32,
    /// Postgres: how long one statement may run.
    pub statement_timeout_ms: u32,
    /// Postgres: how long one statement may wait for a lock.
    pub lock_timeout_ms: u32,
    /// How long a closure may wait for a connection before it is answered `Overloaded`.
    pub pool_wait_ms: u32,
    /// Postgres: how long a start waits for a server that is not there yet.
    pub start_wait_ms: u32,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self {
            readers: 4,
            connections: 16,
            queue_jobs: 1024,
            batch_jobs: 64,
            checkpoint_pages: CHECKPOINT_PAGES,
            busy_timeout_ms: 5_000,
            statement_timeout_ms: 10_000,
            lock_timeout_ms: 5_000,
            pool_wait_ms: 5_000,
            start_wait_ms: 60_000,
        }
    }
}

impl DbOptions {
    pub(super) fn start_wait(&self) -> Duration {
        Duration::from_millis(self.start_wait_ms.into())
    }

    pub(super) fn pool_wait(&self) -> Duration {
        Duration::from_millis(self.pool_wait_ms.into())
    }
}
