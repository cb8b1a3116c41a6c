//! The one writer, with group commit.
//!
//! A commit costs one flush of the disk, however much is in it. The writer takes what is waiting, runs each closure in one
//! IMMEDIATE transaction, commits once and only then answers all of them. There is one order of writes, and nobody is
//! answered before the commit is on disk.
//!
//! A closure that refuses leaves nothing behind. Few do so after they have changed something, so a batch is run without
//! savepoints first, and again, each closure in one of its own, where such a closure was among them.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode};

use super::checkpoints::Checkpoints;
use super::error::sorted;
use super::lock::FileLock;
use super::statement::{control, run_control};
use crate::db::bells::Bells;
use crate::db::error::{DbError, OpenError};
use crate::db::job::Job;
use crate::db::metrics::DbMetrics;
use crate::db::options::DbOptions;
use crate::db::tx::{Effects, Tx};
use crate::faults;

/// The writer's door. Dropping it lets the thread finish what is queued and end.
pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    metrics: Arc<DbMetrics>,
}

/// What one thread writes with. The lock, where this process holds it, goes last: the file is free for another process once the
/// last commit is done, and the log is copied.
pub(super) struct Pen {
    pub(super) checkpoints: Checkpoints,
    pub(super) connection: Connection,
    pub(super) lock: Option<FileLock>,
}

impl Writer {
    pub(super) fn start(
        pen: Pen,
        options: &DbOptions,
        bells: Bells,
        metrics: Arc<DbMetrics>,
    ) -> Result<Self, OpenError> {
        let (queue, jobs) = sync_channel(options.queue_jobs.max(1));
        let batch_jobs = options.batch_jobs.max(1);
        let of_thread = Arc::clone(&metrics);
        let thread = std::thread::Builder::new().name("db-writer".to_owned()).spawn(move || {
            let Pen { connection, checkpoints, lock } = pen;
            let mut batches = Batches { checkpoints, connection, bells, metrics: of_thread };
            batches.run_until_closed(&jobs, batch_jobs);
            drop(batches);
            drop(lock);
        });
        let thread = thread.map_err(|error| OpenError::Unavailable(error.to_string()))?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), metrics })
    }

    pub(super) fn submit(&self, job: Box<dyn Job>) -> Result<(), DbError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or_else(stopped)?;
        self.metrics.waiting_writes.inc();
        queue.try_send(job).map_err(|refused| {
            self.metrics.waiting_writes.dec();
            match refused {
                TrySendError::Full(_) => self.metrics.overloaded(),
                TrySendError::Disconnected(_) => stopped(),
            }
        })
    }

    /// Whether the thread is there to take work.
    pub(super) fn ping(&self) -> Result<(), DbError> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.as_ref().is_some_and(|thread| !thread.is_finished()) { Ok(()) } else { Err(stopped()) }
    }

    /// Blocking: takes no more work, finishes what is queued, closes the file.
    pub(super) fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(_panic)) = thread.map(JoinHandle::join) {
            tracing::error!("the database writer had panicked");
        }
    }
}

fn stopped() -> DbError {
    DbError::Unavailable("the writer has stopped".to_owned())
}

/// Why a batch was not committed. In both cases it was rolled back: nothing of it is in the file.
enum NotCommitted {
    /// Busy, full, or the transaction was lost under way.
    Unavailable(String),
    /// A deferred constraint said no at the commit, to one closure or another.
    Constraint(String),
}

struct Batches {
    /// Before the connection, which is the last to be closed: it then removes the log.
    checkpoints: Checkpoints,
    connection: Connection,
    bells: Bells,
    metrics: Arc<DbMetrics>,
}

impl Batches {
    fn run_until_closed(&mut self, jobs: &Receiver<Box<dyn Job>>, batch_jobs: usize) {
        while let Ok(first) = jobs.recv() {
            let mut batch = vec![first];
            batch.extend(jobs.try_iter().take(batch_jobs - 1));
            self.metrics.waiting_writes.sub(i64::try_from(batch.len()).unwrap_or(i64::MAX));
            batch.retain(|job| !job.abandoned());
            self.settle(batch);
        }
    }

    /// Runs, commits and answers. A constraint refused at the commit does not say whose it was, so each is run again
    /// alone: a neighbour never pays for it.
    fn settle(&mut self, mut batch: Vec<Box<dyn Job>>) {
        match self.commit_together(&mut batch) {
            Ok(effects) => {
                // Before anybody is told: whoever knows of the commit reads, and a log that is read from does not begin anew.
                self.checkpoints.after_commit(&self.connection);
                effects.follow(&self.bells);
                batch.into_iter().for_each(Job::answer);
            }
            Err(NotCommitted::Constraint(_)) if batch.len() > 1 => {
                batch.into_iter().for_each(|job| self.settle(vec![job]));
            }
            Err(NotCommitted::Constraint(name)) => {
                batch.into_iter().for_each(|job| job.fail(DbError::Constraint(name.clone())));
            }
            Err(NotCommitted::Unavailable(reason)) => {
                tracing::warn!(%reason, jobs = batch.len(), "a batch was not committed");
                batch.into_iter().for_each(|job| job.fail(DbError::Unavailable(reason.clone())));
            }
        }
    }

    /// Answers what follows from the closures whose changes were kept.
    fn commit_together(&self, batch: &mut Vec<Box<dyn Job>>) -> Result<Effects, NotCommitted> {
        let mut effects = Effects::default();
        if batch.is_empty() {
            return Ok(effects);
        }
        let ran = match self.run_all(batch, Self::run_bare)? {
            None => self.run_all(batch, Self::run_in_savepoint)?,
            ran => ran,
        };
        effects.join(ran.unwrap_or_default());
        if faults::sabotaged("acknowledge_before_commit") {
            batch.drain(..).for_each(Job::answer);
            faults::let_it_be_heard();
        }
        faults::point("db.commit.before");
        let (began, jobs) = (Instant::now(), batch.len());
        match run_control(&self.connection, "commit") {
            Ok(()) => {
                faults::point("db.commit.after");
                self.metrics.committed(began, jobs);
                Ok(effects)
            }
            Err(error) => {
                let refused = refused_or_abort(error);
                self.roll_back();
                Err(refused)
            }
        }
    }

    /// Begins a transaction and runs every closure in it. `None`: one of them has left changes behind that it does not
    /// keep, and all of them are undone.
    fn run_all(
        &self,
        batch: &mut [Box<dyn Job>],
        run: impl Fn(&Self, &mut dyn Job) -> Result<Option<Effects>, DbError>,
    ) -> Result<Option<Effects>, NotCommitted> {
        control(&self.connection, begin()).map_err(not_committed)?;
        let mut effects = Effects::default();
        for job in batch.iter_mut() {
            match run(self, job.as_mut()) {
                Ok(Some(more)) => effects.join(more),
                Ok(None) => {
                    self.roll_back();
                    return Ok(None);
                }
                Err(error) => {
                    self.roll_back();
                    return Err(not_committed(error));
                }
            }
        }
        Ok(Some(effects))
    }

    fn run_bare(&self, job: &mut dyn Job) -> Result<Option<Effects>, DbError> {
        let before = self.connection.total_changes();
        let (keeps, effects) = self.run(job)?;
        Ok((keeps || self.connection.total_changes() == before).then_some(effects))
    }

    fn run_in_savepoint(&self, job: &mut dyn Job) -> Result<Option<Effects>, DbError> {
        control(&self.connection, "savepoint job")?;
        let (keeps, effects) = self.run(job)?;
        if !keeps {
            control(&self.connection, "rollback to job")?;
        }
        control(&self.connection, "release job")?;
        Ok(Some(effects))
    }

    /// Whether the closure keeps its changes, and what follows from them.
    fn run(&self, job: &mut dyn Job) -> Result<(bool, Effects), DbError> {
        let mut tx = Tx::sqlite(&self.connection);
        let keeps = job.run(&mut tx);
        let effects = if keeps { tx.effects() } else { Effects::default() };
        // A full disk or an I/O error inside a statement ends the whole transaction, silently for the neighbours.
        if self.connection.is_autocommit() {
            return Err(DbError::Unavailable("the transaction was lost: disk full or failing".to_owned()));
        }
        Ok((keeps, effects))
    }

    fn roll_back(&self) {
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = control(&self.connection, "rollback") {
            abort("cannot roll back", &error);
        }
    }
}

/// IMMEDIATE waits for whoever else writes, before anything is read: a deferred transaction that has read is refused as
/// soon as it wants to write what somebody else has written.
fn begin() -> &'static str {
    if faults::sabotaged("deferred_transactions") { "begin" } else { "begin immediate" }
}

fn not_committed(error: DbError) -> NotCommitted {
    NotCommitted::Unavailable(error.to_string())
}

/// A commit that was refused is rolled back and may be repeated. After any other failure nobody knows
/// what is on disk: the process ends without answering, and its successor finds out by reading.
fn refused_or_abort(error: rusqlite::Error) -> NotCommitted {
    let refused = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::ConstraintViolation | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull
        )
    );
    let error = sorted(error);
    if !refused {
        abort("the outcome of a commit is unknown", &error);
    }
    if let DbError::Constraint(name) = error {
        return NotCommitted::Constraint(name);
    }
    not_committed(error)
}

pub(super) fn abort(what: &'static str, error: &DbError) -> ! {
    tracing::error!(%error, "{what}: stopping, so that nothing is acknowledged that may be lost");
    std::process::abort()
}
