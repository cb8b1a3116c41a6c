//! One SQL text, two engines.
//!
//! A closure gets a [`Tx`](crate::db::Tx) and answers `Ok` (all of it is committed before the caller hears so) or `Err`
//! (nothing of it remains). Closures are synchronous: none can wait for the network inside a transaction. They may be
//! run more than once before they are answered, so their only effects are their statements.
//!
//! What is absent: no ORM, no connection outside a closure, no deferred transaction that writes, no lock held
//! by a caller.

/// What a commit wakes.
mod bells;
/// Postgres' spelling, rewritten for SQLite.
mod dialect;
/// What went wrong, by what can be done about it.
mod error;
/// A full house refuses.
mod gate;
/// Closures on their way, panics contained.
mod job;
/// What a database says of itself.
mod metrics;
/// Numbered changes of the schema.
mod migrate;
/// Limits with their units.
mod options;
/// The server engine.
mod pg;
/// What a caller may know.
mod problem;
/// Rows that own their values.
mod row;
/// The embedded engine.
mod sqlite;
/// Everything that one database holds, into another.
pub mod transfer;
/// The inside of a closure.
mod tx;
/// Addresses.
mod url;
/// Parameters and columns.
mod value;
/// A start that waits for its database.
mod waiting;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

pub use error::{DbError, OpenError};
pub use migrate::Migration;
pub use options::DbOptions;
pub use row::Row;
pub use sqlite::{Cut, log_of};
pub use tx::Tx;
pub use url::{DatabaseUrl, DatabaseUrlError, Engine};
pub use value::{FromValue, Value};

use bells::{Bell, Bells, Listeners};
use job::Write;
use metrics::DbMetrics;
use pg::PgDb;
use sqlite::{Company, SqliteDb};
use url::Place;

/// A database. Clones are cheap and share one pool, one writer and one set of limits.
#[derive(Clone)]
pub struct Db {
    /// Where it is, and how long a start waits for it: for [`write_at_start`](Self::write_at_start).
    url: DatabaseUrl,
    start_wait: Duration,
    backend: Backend,
    listeners: Listeners,
    metrics: Arc<DbMetrics>,
}

#[derive(Clone)]
enum Backend {
    Sqlite(Arc<SqliteDb>),
    Postgres(Arc<PgDb>),
}

impl Db {
    /// Opens the database, asserts its settings and brings its schema up to date: the kit's tables, then the service's.
    ///
    /// An SQLite file belongs to one process at a time. A server that is not there yet is waited for, as long as
    /// `start_wait_ms` says; one that refuses is not.
    pub async fn open(
        url: &DatabaseUrl,
        options: DbOptions,
        migrations: &'static [Migration],
    ) -> Result<Self, OpenError> {
        Db::open_as(url, options, migrations, Company::Nobody).await
    }

    /// As [`open`](Self::open), for a tool that writes a line or two: an SQLite file whose service is running is shared
    /// with it. Then the schema stays as it is, and is refused where this binary knows another one. Each of the two
    /// waits for the other's commits, so this is not for a service.
    pub async fn open_beside(
        url: &DatabaseUrl,
        options: DbOptions,
        migrations: &'static [Migration],
    ) -> Result<Self, OpenError> {
        Db::open_as(url, options, migrations, Company::ItsService).await
    }

    async fn open_as(
        url: &DatabaseUrl,
        options: DbOptions,
        migrations: &'static [Migration],
        beside: Company,
    ) -> Result<Self, OpenError> {
        let address = match url.place() {
            Place::File(path) => {
                let path = path.clone();
                return Self::over(url, options.start_wait(), move |bells, metrics| {
                    let db = SqliteDb::open(&path, &options, migrations, bells, metrics, beside)?;
                    Ok(Backend::Sqlite(Arc::new(db)))
                })
                .await;
            }
            Place::Server { address, .. } => address,
        };
        let options = address.adjust(options);
        waiting::until_there(url, options.start_wait(), || {
            let (address, options) = (address.clone(), options.clone());
            Self::over(url, options.start_wait(), move |bells, metrics| {
                let db = PgDb::open(&address, &options, migrations, bells, Arc::clone(metrics))?;
                Ok(Backend::Postgres(Arc::new(db)))
            })
        })
        .await
    }

    /// Opens a database that others are using, to look at it: no migration, no lock, and every write is refused.
    pub async fn open_read_only(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let (place, options) = (url.place().clone(), DbOptions::default());
        Self::over(url, options.start_wait(), move |bells, metrics| match place {
            Place::File(path) => {
                SqliteDb::open_read_only(&path, &options, metrics).map(|db| Backend::Sqlite(Arc::new(db)))
            }
            Place::Server { address, .. } => {
                let options = address.adjust(options);
                let db = PgDb::open_read_only(&address, &options, bells, Arc::clone(metrics))?;
                Ok(Backend::Postgres(Arc::new(db)))
            }
        })
        .await
    }

    /// Opening blocks its thread.
    async fn over<F>(url: &DatabaseUrl, start_wait: Duration, open: F) -> Result<Self, OpenError>
    where
        F: FnOnce(Bells, &Arc<DbMetrics>) -> Result<Backend, OpenError> + Send + 'static,
    {
        let (bells, listeners) = bells::hang();
        let metrics = Arc::<DbMetrics>::default();
        let shown = Arc::clone(&metrics);
        let opened = tokio::task::spawn_blocking(move || open(bells, &shown)).await;
        let backend = opened.unwrap_or_else(|error| Err(OpenError::Refused(error.to_string())))?;
        Ok(Self { url: url.clone(), start_wait, backend, listeners, metrics })
    }

    /// Runs a closure on one snapshot, which holds everything that was acknowledged before. Changes are refused.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        match &self.backend {
            Backend::Sqlite(db) => db.read(f).await,
            Backend::Postgres(db) => db.read(f).await,
        }
    }

    /// As [`read`](Self::read), for a closure that finds a few rows by their keys: microseconds in a file, which are not
    /// worth another thread. There it runs at once, on the calling thread, where a connection is free. A closure that
    /// counts, searches or lists would hold up everybody whom this thread serves.
    pub async fn look_up<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        match &self.backend {
            Backend::Sqlite(db) => db.look_up(f).await,
            Backend::Postgres(db) => db.read(f).await,
        }
    }

    /// Runs a closure in one transaction, all or nothing. Answers only once the commit is on disk.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        match &self.backend {
            Backend::Sqlite(db) => {
                let (job, answer) = Write::new(f);
                db.submit(Box::new(job))?;
                answer.await.unwrap_or_else(|_| Err(DbError::Unavailable("the writer has stopped".to_owned()).into()))
            }
            Backend::Postgres(db) => db.write(f).await,
        }
    }

    /// As [`write`](Self::write), for what a service writes before it serves. A database that goes away meanwhile is
    /// waited for, as long as `start_wait_ms` says, as it is in [`open`](Self::open). An answer may be lost and the closure
    /// run again after it had its effect, so a second run must find that and leave it as it is.
    pub async fn write_at_start<T, F>(&self, f: F) -> Result<T, DbError>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let f = Arc::new(f);
        let run = || {
            let f = Arc::clone(&f);
            self.write(move |tx| f(tx))
        };
        waiting::until_there(&self.url, self.start_wait, run).await
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// Whether the database answers, for readiness.
    pub async fn ping(&self) -> Result<(), DbError> {
        if let Backend::Sqlite(db) = &self.backend {
            db.ping_writer()?;
        }
        self.read(|tx| tx.query_one("select 1 as one", &[]).map(drop)).await
    }

    /// Changes after every commit of this process in which [`Tx::note_event`] was called. A hint, not a count of
    /// events: commits of one batch are one change, and other replicas' commits are none.
    pub fn committed_events(&self) -> watch::Receiver<u64> {
        self.listeners.of(Bell::Events)
    }

    /// As [`committed_events`](Self::committed_events), for commits in which [`Tx::note_due`] was called.
    pub fn committed_due(&self) -> watch::Receiver<u64> {
        self.listeners.of(Bell::Due)
    }

    /// Its numbers, for the page of the service it belongs to.
    pub(crate) fn collectors(&self) -> Vec<Box<dyn prometheus::core::Collector>> {
        self.metrics.collectors()
    }

    /// Takes no more work, finishes what was taken, gives the file or the connections back. Other handles to the same
    /// database answer `Unavailable` from now on.
    pub async fn close(self) {
        let closed = match self.backend {
            Backend::Sqlite(db) => db.close().await,
            Backend::Postgres(db) => db.close().await,
        };
        if let Err(error) = closed {
            tracing::warn!(%error, "the database was not closed in order");
        }
    }
}
