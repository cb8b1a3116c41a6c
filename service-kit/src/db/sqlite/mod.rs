//! The embedded engine: any number of readers, each on a snapshot of its own, and one writer.

/// The log is copied into its database beside the writer.
mod checkpoints;
/// Several files as they all were at one instant.
mod cut;
/// SQLite's error codes and messages, sorted into [`DbError`].
mod error;
/// One process per file.
mod lock;
/// What a process that was killed left behind.
mod predecessor;
/// Pragmas, set and read back.
mod settings;
/// One statement.
mod statement;
/// The writer thread and its group commit.
mod writer;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags};

use super::bells::Bells;
use super::error::{DbError, OpenError};
use super::gate::Gate;
use super::job::{self, Job};
use super::metrics::DbMetrics;
use super::migrate::{self, Migration};
use super::options::DbOptions;
use super::tx::Tx;
use super::url::Engine;
use checkpoints::Checkpoints;
use lock::FileLock;
use writer::{Pen, Writer};

pub use cut::Cut;
pub(super) use statement::{execute, query};

/// How many prepared statements a connection keeps.
const STATEMENT_CACHE: usize = 256;

pub(super) struct SqliteDb {
    readers: r2d2::Pool<SqliteConnectionManager>,
    gate: Gate,
    /// Absent when the file was opened for reading only.
    writer: Option<Writer>,
}

/// Who else may have the file open for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    Nobody,
    /// The service whose file it is.
    ItsService,
}

impl SqliteDb {
    /// Blocking: opens, asserts, migrates, starts the writer.
    pub(super) fn open(
        path: &Path,
        options: &DbOptions,
        migrations: &[Migration],
        bells: Bells,
        metrics: &Arc<DbMetrics>,
        beside: Company,
    ) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| OpenError::Unavailable(error.to_string()))?;
        }
        let lock = match (FileLock::hold(path), beside) {
            (Err(OpenError::InUse { .. }), Company::ItsService) => None,
            (held, _) => Some(held?),
        };
        if lock.is_some() {
            predecessor::put_log_on_disk(path).map_err(|error| OpenError::Unavailable(error.to_string()))?;
        }
        let mut connection =
            Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_CREATE)).map_err(cannot_open)?;
        settings::for_writing(&connection, options)?;
        match &lock {
            Some(_) => migrate::run(&mut connection, Engine::Sqlite, migrations)?,
            None => migrate::assert_current(&mut connection, Engine::Sqlite, migrations)?,
        }
        let readers = readers(path, flags(OpenFlags::empty()), options)?;
        if lock.is_some() {
            // By now there is a log: it was opened by the first statement, and stays while this process lives.
            predecessor::put_names_on_disk(path).map_err(|error| OpenError::Unavailable(error.to_string()))?;
        }
        let copier = Connection::open_with_flags(path, flags(OpenFlags::empty())).map_err(cannot_open)?;
        settings::for_writing(&copier, options)?;
        let checkpoints = Checkpoints::start(&connection, copier, options.checkpoint_pages)
            .map_err(|error| OpenError::Unavailable(error.to_string()))?;
        let pen = Pen { connection, checkpoints, lock };
        let writer = Writer::start(pen, options, bells, Arc::clone(metrics))?;
        Ok(Self { readers, gate: gate(options, metrics), writer: Some(writer) })
    }

    /// Blocking: opens a file that another process may be writing. Takes no lock and changes nothing.
    pub(super) fn open_read_only(
        path: &Path,
        options: &DbOptions,
        metrics: &Arc<DbMetrics>,
    ) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Self { readers: readers(path, flags, options)?, gate: gate(options, metrics), writer: None })
    }

    pub(super) async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let readers = self.readers.clone();
        self.gate.run(move || read_one_snapshot(&readers, &f)).await.map_err(E::from)?
    }

    /// On the calling thread, if nobody has to be waited for.
    pub(super) async fn look_up<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        match self.gate.try_run(|| read_one_snapshot(&self.readers, &f)) {
            Some(answer) => answer,
            None => self.read(f).await,
        }
    }

    pub(super) fn submit(&self, job: Box<dyn Job>) -> Result<(), DbError> {
        self.writer.as_ref().ok_or(DbError::ReadOnly)?.submit(job)
    }

    pub(super) fn ping_writer(&self) -> Result<(), DbError> {
        self.writer.as_ref().map_or(Ok(()), Writer::ping)
    }

    /// Finishes what is queued, then gives the file back.
    pub(super) async fn close(self: Arc<Self>) -> Result<(), DbError> {
        self.gate.close().await;
        let closing = tokio::task::spawn_blocking(move || {
            if let Some(writer) = &self.writer {
                writer.close();
            }
        });
        closing.await.map_err(|error| DbError::Unavailable(error.to_string()))
    }
}

/// A deferred transaction takes its snapshot with its first read, and holds no lock that a writer would wait for.
fn read_one_snapshot<T, E, F>(readers: &r2d2::Pool<SqliteConnectionManager>, f: &F) -> Result<T, E>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E>,
    E: From<DbError>,
{
    let connection = readers.get().map_err(|error| DbError::Unavailable(error.to_string()))?;
    statement::control(&connection, "begin")?;
    let mut tx = Tx::sqlite(&connection);
    let answer = job::contain(&f, &mut tx);
    let ended = if connection.is_autocommit() { Ok(()) } else { statement::control(&connection, "rollback") };
    let answer = answer?;
    ended?;
    Ok(answer)
}

fn readers(
    path: &Path,
    flags: OpenFlags,
    options: &DbOptions,
) -> Result<r2d2::Pool<SqliteConnectionManager>, OpenError> {
    let busy_timeout_ms = options.busy_timeout_ms;
    let manager = SqliteConnectionManager::file(path)
        .with_flags(flags)
        .with_init(move |connection| settings::for_reading(connection, busy_timeout_ms));
    let pool = r2d2::Pool::builder()
        .max_size(options.readers.max(1))
        .connection_timeout(options.pool_wait())
        .max_lifetime(None)
        .idle_timeout(None)
        .test_on_check_out(false)
        .build(manager)
        .map_err(|error| OpenError::Unavailable(format!("{}: {error}", path.display())))?;
    let connection = pool.get().map_err(|error| OpenError::Unavailable(error.to_string()))?;
    settings::assert_reading(&connection, busy_timeout_ms)?;
    drop(connection);
    Ok(pool)
}

fn gate(options: &DbOptions, metrics: &Arc<DbMetrics>) -> Gate {
    Gate::new(options.readers, options.queue_jobs, options.pool_wait(), Arc::clone(metrics))
}

/// The write-ahead log of a database: what was committed and is not in its file yet. It may be absent.
pub fn log_of(database: &Path) -> PathBuf {
    beside(database, "-wal")
}

/// A file of the same name with something after it.
fn beside(database: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(end);
    PathBuf::from(name)
}

/// No mutex inside SQLite: Rust already lets one thread at a time use a connection.
fn flags(more: OpenFlags) -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more
}

fn cannot_open(error: rusqlite::Error) -> OpenError {
    OpenError::Unavailable(error.to_string())
}
