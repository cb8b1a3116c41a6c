//! The server engine: one transaction per closure, from a pool that every replica has of its own.
//!
//! The client drives its connection on the calling thread and panics on one that serves async tasks. So a connection is
//! taken, used, returned and dropped on blocking threads only, and never leaves the closure it was lent to.

/// What an address says: the server, its certificates, our limits.
mod address;
/// Connecting, with settings set and read back.
mod connection;
/// SQLSTATEs, sorted into `DbError`.
mod error;
/// Encryption on the way to the server.
mod tls;
/// One open transaction.
mod transaction;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;

use super::bells::Bells;
use super::error::{DbError, Failure, OpenError};
use super::gate::Gate;
use super::job;
use super::metrics::DbMetrics;
use super::migrate::{self, Migration};
use super::options::DbOptions;
use super::tx::Tx;
use super::url::Engine;
use connection::Connector;
use error::NotCommitted;

pub(super) use address::Address;
pub(super) use error::cause;
pub(super) use transaction::PgTx;

/// How often a closure is run when the server gives up its transaction (a deadlock, a serialization failure, a
/// connection that was gone before the commit).
const MAX_RUNS: u32 = 12;
/// The pause before the second run; it doubles up to the longest. Each is multiplied by a random factor of 0 to 1, so
/// that two who met do not meet again.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// One at a time migrates: "lastcopy" as a number, since advisory locks have no names.
const MIGRATION_LOCK: i64 = 0x6c61_7374_636f_7079;

pub(super) struct PgDb {
    /// Taken out when the last handle goes: see `Drop`.
    pool: Option<r2d2::Pool<Connector>>,
    gate: Gate,
    bells: Bells,
    metrics: Arc<DbMetrics>,
    read_only: bool,
}

impl PgDb {
    /// Blocking: connects, asserts, migrates under a lock.
    pub(super) fn open(
        address: &Address,
        options: &DbOptions,
        migrations: &[Migration],
        bells: Bells,
        metrics: Arc<DbMetrics>,
    ) -> Result<Self, OpenError> {
        let connector = Connector::new(address, options)?;
        let mut client = connector.connect_to_migrate()?;
        // Waits for another replica that is migrating; let go with the connection.
        client.execute("select pg_advisory_lock($1)", &[&MIGRATION_LOCK]).map_err(error::cannot_open)?;
        migrate::run(&mut client, Engine::Postgres, migrations)?;
        drop(client);
        Self::connected(connector, options, bells, metrics, false)
    }

    /// Blocking: connects to a live shop and changes nothing.
    pub(super) fn open_read_only(
        address: &Address,
        options: &DbOptions,
        bells: Bells,
        metrics: Arc<DbMetrics>,
    ) -> Result<Self, OpenError> {
        Self::connected(Connector::new(address, options)?, options, bells, metrics, true)
    }

    fn connected(
        connector: Connector,
        options: &DbOptions,
        bells: Bells,
        metrics: Arc<DbMetrics>,
        read_only: bool,
    ) -> Result<Self, OpenError> {
        drop(connector.connect_and_assert(read_only)?);
        let pool = r2d2::Pool::builder()
            .max_size(options.connections.max(1))
            .min_idle(Some(1))
            .connection_timeout(options.pool_wait())
            .error_handler(Box::new(connection::LogErrors))
            .build(connector)
            .map_err(|error| OpenError::Unavailable(error.to_string()))?;
        let gate = Gate::new(options.connections, options.queue_jobs, options.pool_wait(), Arc::clone(&metrics));
        Ok(Self { pool: Some(pool), gate, bells, metrics, read_only })
    }

    pub(super) async fn read<T, E, F>(self: &Arc<Self>, f: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let db = Arc::clone(self);
        self.gate.run(move || db.run(&f, Access::Read)).await.map_err(E::from)?
    }

    pub(super) async fn write<T, E, F>(self: &Arc<Self>, f: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        if self.read_only {
            return Err(DbError::ReadOnly.into());
        }
        let db = Arc::clone(self);
        self.gate.run(move || db.run(&f, Access::Write)).await.map_err(E::from)?
    }

    /// Waits for the closures under way; the connections end with the last handle.
    pub(super) async fn close(self: Arc<Self>) -> Result<(), DbError> {
        self.gate.close().await;
        let closing = tokio::task::spawn_blocking(move || drop(self));
        closing.await.map_err(|error| DbError::Unavailable(error.to_string()))
    }

    /// Runs the closure until the server lets one run through, at most `MAX_RUNS` times.
    #[expect(clippy::disallowed_methods, reason = "nothing wakes us when a deadlock has gone; the pause is bounded")]
    fn run<T, E, F>(&self, f: &F, access: Access) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E>,
        E: From<DbError>,
    {
        let mut pause = FIRST_PAUSE;
        for _ in 1..MAX_RUNS {
            match self.run_once(f, access) {
                Ended::Again(_) => {
                    self.metrics.reruns.inc();
                    std::thread::sleep(jittered(pause));
                }
                Ended::Settled(result) => return result,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        match self.run_once(f, access) {
            Ended::Again(error) | Ended::Settled(Err(error)) => Err(error),
            Ended::Settled(Ok(answer)) => Ok(answer),
        }
    }

    fn run_once<T, E, F>(&self, f: &F, access: Access) -> Ended<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E>,
        E: From<DbError>,
    {
        let mut connection = match self.connection() {
            Ok(connection) => connection,
            Err(error) => return Ended::Settled(Err(error.into())),
        };
        let open = match PgTx::begin(&mut connection, access) {
            Ok(open) => open,
            Err(failure) => return Ended::failed(failure),
        };
        let mut tx = Tx::postgres(open);
        let answer = job::contain(f, &mut tx);
        let (again, effects) = (tx.again(), tx.effects());
        match (answer, tx.into_postgres()) {
            (Ok(answer), Some(open)) => match self.commit(open, access) {
                Ok(()) => {
                    effects.follow(&self.bells);
                    Ended::Settled(Ok(answer))
                }
                Err(NotCommitted::Refused(failure)) => Ended::failed(failure),
                Err(NotCommitted::Unknown(error)) => Ended::Settled(Err(error.into())),
            },
            // Dropping an open transaction rolls it back.
            (Err(error), open) => {
                drop(open);
                if again { Ended::Again(error) } else { Ended::Settled(Err(error)) }
            }
            (Ok(_), None) => {
                Ended::Settled(Err(DbError::Sql("BUG: a transaction of another engine".to_owned()).into()))
            }
        }
    }

    fn commit(&self, open: PgTx<'_>, access: Access) -> Result<(), NotCommitted> {
        let began = Instant::now();
        let committed = open.commit();
        match (&committed, access) {
            (Ok(()), Access::Write) => self.metrics.committed(began, 1),
            (Err(NotCommitted::Unknown(error)), Access::Write) => {
                tracing::warn!(%error, "a commit was not answered: whoever asked for it repeats it");
                self.metrics.unknown_commits.inc();
            }
            (Ok(()) | Err(_), Access::Read | Access::Write) => {}
        }
        committed
    }

    fn connection(&self) -> Result<r2d2::PooledConnection<Connector>, DbError> {
        let pool = self.pool.as_ref().ok_or_else(|| DbError::Unavailable("closed".to_owned()))?;
        pool.get().map_err(|error| DbError::Unavailable(error.to_string()))
    }
}

impl Drop for PgDb {
    /// The last handle may go on a thread that serves async tasks, where dropping a connection would panic.
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            std::thread::spawn(move || drop(pool));
        }
    }
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// One snapshot for all statements, no changes.
    Read,
    Write,
}

/// How one run of a closure ended.
enum Ended<T, E> {
    Settled(Result<T, E>),
    /// Nothing was kept; another run may succeed.
    Again(E),
}

impl<T, E: From<DbError>> Ended<T, E> {
    fn failed(failure: Failure) -> Self {
        if failure.again { Self::Again(failure.error.into()) } else { Self::Settled(Err(failure.error.into())) }
    }
}

fn jittered(pause: Duration) -> Duration {
    let longest_us = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rand::rng().random_range(0..=longest_us))
}
