//! The limits of a database, each with its unit.

use std::time::Duration;

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
