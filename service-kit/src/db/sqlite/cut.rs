//! Several files as they all were at one instant, while their services go on.
//!
//! Each file's write lock is held until there is a snapshot of every one: in that moment nothing is committed anywhere.
//! The pages are then copied out of the snapshots, and nobody waits for that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, backup};

use super::{cannot_open, flags};
use crate::db::error::OpenError;

/// Times that the write lock is asked for, and the pause between two. A writer under load lets go of it for an instant
/// between two commits, which the growing pauses of SQLite's own waiting would miss. Together less than a writer's own
/// wait, so that no commit is refused because of a cut.
const ASKED_TIMES: i32 = 2_000;
const ASKED_EVERY: Duration = Duration::from_millis(1);
/// Pages copied between two words about progress.
const PAGES_A_STEP: i32 = 256;

/// A snapshot of each of several SQLite files, all of the same instant. Their write-ahead logs grow as long as it lives.
pub struct Cut {
    snapshots: Vec<Snapshot>,
}

struct Snapshot {
    path: PathBuf,
    connection: Connection,
}

impl Cut {
    /// Blocking: waits for the commits that are under way, and holds back new ones until the snapshots are there. A file
    /// that nobody has open is as good.
    pub fn through(files: &[PathBuf]) -> Result<Cut, OpenError> {
        let snapshots =
            files.iter().map(|path| Snapshot::before(path)).collect::<Result<Vec<Snapshot>, OpenError>>()?;
        let writers = files.iter().map(|path| pen_of(path)).collect::<Result<Vec<Connection>, OpenError>>()?;
        for writer in &writers {
            writer.execute_batch("begin immediate").map_err(cannot_open)?;
        }
        for snapshot in &snapshots {
            snapshot.take()?;
        }
        // Closing a connection ends its transaction.
        drop(writers);
        Ok(Cut { snapshots })
    }

    /// Size of all files together.
    pub fn bytes(&self) -> Result<u64, OpenError> {
        self.snapshots.iter().map(Snapshot::bytes).sum()
    }

    /// Blocking: writes every file, under its own name, into an existing folder, synced. `copied` hears of every step's
    /// bytes.
    pub fn copy_into(&self, folder: &Path, mut copied: impl FnMut(u64)) -> Result<(), OpenError> {
        for snapshot in &self.snapshots {
            let name = snapshot.path.file_name().unwrap_or_default();
            snapshot.copy_to(&folder.join(name), &mut copied)?;
        }
        Ok(())
    }
}

/// A connection that can keep everybody else from writing.
fn pen_of(path: &Path) -> Result<Connection, OpenError> {
    let connection = Connection::open_with_flags(path, flags(OpenFlags::empty())).map_err(cannot_open)?;
    connection.busy_handler(Some(soon_again)).map_err(cannot_open)?;
    Ok(connection)
}

fn soon_again(times: i32) -> bool {
    std::thread::park_timeout(ASKED_EVERY);
    times < ASKED_TIMES
}

impl Snapshot {
    /// Everything but the snapshot itself.
    fn before(path: &Path) -> Result<Snapshot, OpenError> {
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, read_only).map_err(cannot_open)?;
        connection.busy_handler(Some(soon_again)).map_err(cannot_open)?;
        Ok(Snapshot { path: path.to_path_buf(), connection })
    }

    /// A transaction sees what was committed before its first read.
    fn take(&self) -> Result<(), OpenError> {
        self.connection.execute_batch("begin; select count(*) from sqlite_schema;").map_err(cannot_open)
    }

    fn bytes(&self) -> Result<u64, OpenError> {
        let number = |pragma| self.connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        let pages = number("page_count").map_err(cannot_open)?;
        Ok(u64::try_from(pages * self.page_bytes()?).unwrap_or_default())
    }

    fn page_bytes(&self) -> Result<i64, OpenError> {
        self.connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(cannot_open)
    }

    fn copy_to(&self, path: &Path, copied: &mut impl FnMut(u64)) -> Result<(), OpenError> {
        let page_bytes = u64::try_from(self.page_bytes()?).unwrap_or_default();
        let mut target = Connection::open(path).map_err(cannot_open)?;
        // The copy is as durable as what it was taken from.
        target.execute_batch("pragma synchronous = full").map_err(cannot_open)?;
        let copying = backup::Backup::new(&self.connection, &mut target).map_err(cannot_open)?;
        let mut left = None;
        loop {
            let step = copying.step(PAGES_A_STEP).map_err(cannot_open)?;
            let progress = copying.progress();
            let before = left.replace(progress.remaining).unwrap_or(progress.pagecount);
            copied(u64::try_from(before - progress.remaining).unwrap_or_default() * page_bytes);
            if step == backup::StepResult::Done {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const CUTS: usize = 60;

    fn counter(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("pragma journal_mode = wal; create table counter (n integer not null) strict")
            .unwrap();
        connection.execute_batch("insert into counter values (0)").unwrap();
        path
    }

    fn counted(path: &Path) -> i64 {
        let connection = Connection::open(path).unwrap();
        connection.query_row("select n from counter", (), |row| row.get(0)).unwrap()
    }

    /// Ends the counting, also when an assertion failed.
    struct Stop<'a>(&'a AtomicBool);

    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Counts in the first file, then in the second, until told to stop.
    fn count(files: &[PathBuf], stopping: &AtomicBool) {
        let connections: Vec<Connection> = files.iter().map(|path| Connection::open(path).unwrap()).collect();
        for connection in &connections {
            // As many commits as there can be.
            connection.execute_batch("pragma busy_timeout = 5000; pragma synchronous = off").unwrap();
        }
        while !stopping.load(Ordering::Relaxed) {
            for connection in &connections {
                connection.execute_batch("update counter set n = n + 1").unwrap();
            }
        }
    }

    #[test]
    fn files_are_copied_as_they_all_were_at_one_instant() {
        let folder = tempfile::tempdir().unwrap();
        let files = [counter(folder.path(), "first.db"), counter(folder.path(), "second.db")];
        let stopping = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _stop = Stop(&stopping);
            scope.spawn(|| count(&files, &stopping));
            for number in 0..CUTS {
                let copy = folder.path().join(format!("copy-{number}"));
                std::fs::create_dir(&copy).unwrap();
                let cut = Cut::through(&files).unwrap();
                // What is written from here on is not in it.
                let mut bytes = 0;
                cut.copy_into(&copy, |more| bytes += more).unwrap();
                assert_eq!(bytes, cut.bytes().unwrap());
                let ahead = counted(&copy.join("first.db")) - counted(&copy.join("second.db"));
                assert!((0..=1).contains(&ahead), "the first file is {ahead} ahead of the second");
            }
        });
        assert!(counted(&files[0]) > 0, "nothing was written meanwhile");
    }

    #[test]
    fn a_file_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nothing.db");
        assert!(matches!(Cut::through(std::slice::from_ref(&path)), Err(OpenError::Unavailable(_))));
        assert!(!path.exists());
    }
}
