use std::{path::Path, sync::mpsc};

use rusqlite::{Connection, Result, config::DbConfig};
use tokio::sync::oneshot;

/// Jobs in one commit, at most.
const BATCH_JOBS: usize = 1_024;

/// What is left to do when the job's commit is on disk.
type Answer = Box<dyn FnOnce() + Send>;
type Job = Box<dyn FnOnce(&Connection) -> Result<Answer> + Send>;

/// One thread writes: it takes what waits, runs it in one transaction, commits once, and only then answers.
#[derive(Clone)]
pub struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// Opens `file` with write-ahead log and `synchronous=FULL`, makes its tables and starts the thread.
    pub fn open(file: &Path, tables: &str) -> Result<Writer> {
        let connection = connection(file)?;
        connection.execute_batch(tables)?;
        let (jobs, waiting) = mpsc::channel();
        std::thread::spawn(move || write_all(&connection, &waiting));
        Ok(Writer(jobs))
    }

    /// Runs `work` and answers once it is on disk. Whatever SQLite has against it ends the process.
    pub async fn write<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> T {
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let answer = work(connection)?;
            Ok(Box::new(move || drop(tell.send(answer))))
        });
        drop(self.0.send(job));
        told.await.unwrap_or_else(|_| std::process::abort())
    }
}

/// A connection with write-ahead log and `synchronous=FULL`.
pub fn connection(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full;")?;
    connection.set_prepared_statement_cache_capacity(64);
    keep_plans(&connection)?;
    Ok(connection)
}

/// Else a statement with a bound `limit` is prepared anew each time.
pub fn keep_plans(connection: &Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn write_all(connection: &Connection, waiting: &mpsc::Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let batch = std::iter::once(first).chain(waiting.try_iter().take(BATCH_JOBS - 1));
        let answers = commit_together(connection, batch).unwrap_or_else(|error| {
            eprintln!("limit: {error}");
            std::process::abort()
        });
        answers.into_iter().for_each(|answer| answer());
    }
}

fn commit_together(connection: &Connection, batch: impl Iterator<Item = Job>) -> Result<Vec<Answer>> {
    connection.prepare_cached("begin immediate")?.execute([])?;
    let answers: Vec<Answer> = batch.map(|job| job(connection)).collect::<Result<_>>()?;
    connection.prepare_cached("commit")?.execute([])?;
    Ok(answers)
}
