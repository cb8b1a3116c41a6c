//! The write-ahead log is copied into its database (SQLite's checkpoint) beside the writer.
//!
//! SQLite by itself copies at the end of the commit that made the log long, and all who wait for the writer then wait for two
//! more syncs and a thousand pages. Here a thread copies on a connection of its own, while commits go on. It cannot catch
//! up with a writer that never pauses: the short rest is the writer's, between two commits and after their answers. The commit
//! after that begins the log anew, unless somebody still reads from it.
//!
//! Nothing of the promise depends on it: what is committed is synced in the log, and SQLite syncs log and database around each
//! copy, whoever makes it.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, ffi};

use super::error::sorted;
use super::writer::abort;

/// How often the copier goes through the log when it is asked. What comes during the first time is copied the second time;
/// what comes during that is a short rest.
const PASSES: u32 = 2;
/// Commits after which the writer copies the rest at most, each time. Somebody who reads for long keeps the log from beginning
/// anew, and the writer does not try for ever.
const RESTS_COMMITS: u32 = 8;

thread_local! {
    /// Pages in the log after this thread's latest commit.
    static LOG_PAGES: Cell<u32> = const { Cell::new(0) };
}

/// The writer's side.
pub(super) struct Checkpoints {
    /// Pages that come to the log between two copies.
    every_pages: u32,
    /// Pages in the log after the latest commit.
    log_pages: u32,
    /// How long the log is when the copier is asked next.
    ask_at_pages: u32,
    /// After how many commits the writer still copies the rest.
    rests: u32,
    copier: Copier,
}

impl Checkpoints {
    /// From now on commits of `writer`, which this thread makes, copy nothing by themselves. `copier`: another connection
    /// to the same database.
    pub(super) fn start(writer: &Connection, copier: Connection, every_pages: u32) -> std::io::Result<Checkpoints> {
        let every_pages = every_pages.max(1);
        writer.wal_hook(Some(|_, pages| {
            LOG_PAGES.set(u32::try_from(pages).unwrap_or(0));
            Ok(())
        }));
        let copier = Copier::start(copier)?;
        Ok(Checkpoints { every_pages, log_pages: 0, ask_at_pages: every_pages, rests: 0, copier })
    }

    /// After each commit, once those who waited for it have their answers.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        let before = std::mem::replace(&mut self.log_pages, LOG_PAGES.get());
        if self.log_pages < before {
            self.has_begun_anew();
        } else if self.log_pages >= self.ask_at_pages {
            self.ask_at_pages = self.log_pages.saturating_add(self.every_pages);
            self.copier.ask();
        } else if self.copier.leaves_the_rest() {
            self.rests = RESTS_COMMITS;
        }
        if self.rests > 0 {
            self.rests -= 1;
            copy(writer);
        }
    }

    fn has_begun_anew(&mut self) {
        self.ask_at_pages = self.every_pages;
        self.rests = 0;
        self.copier.leaves_the_rest();
    }
}

/// The thread that copies. Dropping it lets it end what it does, and gives its connection back.
struct Copier {
    bell: Option<SyncSender<()>>,
    leaves_rest: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Copier {
    fn start(connection: Connection) -> std::io::Result<Copier> {
        let (bell, asked) = sync_channel(1);
        let leaves_rest = Arc::new(AtomicBool::new(false));
        let of_thread = Arc::clone(&leaves_rest);
        let thread = std::thread::Builder::new()
            .name("db-checkpoint".to_owned())
            .spawn(move || copy_when_asked(&connection, &asked, &of_thread))?;
        Ok(Copier { bell: Some(bell), leaves_rest, thread: Some(thread) })
    }

    /// Returns at once. Whoever asks while it is asked already adds nothing.
    fn ask(&self) {
        if let Some(bell) = &self.bell {
            bell.try_send(()).ok();
        }
    }

    /// Whether it has done its part since this was asked last.
    fn leaves_the_rest(&self) -> bool {
        self.leaves_rest.load(Ordering::Relaxed) && self.leaves_rest.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        drop(self.bell.take());
        if let Some(Err(_panic)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that copies the write-ahead log had panicked");
        }
    }
}

fn copy_when_asked(connection: &Connection, asked: &Receiver<()>, leaves_rest: &AtomicBool) {
    while asked.recv().is_ok() {
        for _ in 0..PASSES {
            copy(connection);
        }
        leaves_rest.store(true, Ordering::Relaxed);
    }
}

/// Copies what nobody who reads still needs as it was. It waits for nobody: where another one copies, nothing is done. What could
/// not be copied stays in the log, which grows, and is copied with the next.
fn copy(connection: &Connection) {
    let copied = connection.prepare_cached("pragma wal_checkpoint(passive)").and_then(|mut pragma| {
        // It answers a row: whether it had to leave it, pages in the log, pages that are copied.
        pragma.query_row([], |_| Ok(()))
    });
    match copied {
        Err(error) if is_failed_sync(&error) => abort("the write-ahead log may not be on the disk", &sorted(error)),
        Err(error) => tracing::warn!(%error, "the write-ahead log was not copied into its database"),
        Ok(()) => {}
    }
}

/// It may have been the log's, and have taken a commit with it that is just being written: Linux tells of it once.
fn is_failed_sync(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_FSYNC)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::settings;
    use super::*;
    use crate::db::options::DbOptions;

    /// Pages between two copies.
    const EVERY_PAGES: u32 = 16;
    /// Commits of a page or two that fill a log many times over.
    const COMMITS: u32 = 5_000;

    struct Shop {
        checkpoints: Checkpoints,
        writer: Connection,
        folder: tempfile::TempDir,
    }

    impl Shop {
        fn open() -> Shop {
            let folder = tempfile::tempdir().unwrap();
            let writer = open(&folder);
            writer.execute_batch("create table sale (copies integer, note text) strict").unwrap();
            let checkpoints = Checkpoints::start(&writer, open(&folder), EVERY_PAGES).unwrap();
            Shop { checkpoints, writer, folder }
        }

        /// Pages in the log after it.
        fn sell(&mut self) -> u32 {
            self.writer.execute("insert into sale values (1, ?)", ["a page ".repeat(500)]).unwrap();
            self.checkpoints.after_commit(&self.writer);
            self.checkpoints.log_pages
        }

        /// How many sales it takes until the log begins anew: a commit finds it shorter than it was.
        fn sales_until_anew(&mut self) -> Option<u32> {
            let mut before = 0;
            (1..=COMMITS).find(|_| {
                let pages = self.sell();
                std::mem::replace(&mut before, pages) > pages
            })
        }
    }

    fn open(folder: &tempfile::TempDir) -> Connection {
        let connection = Connection::open(folder.path().join("shop.db")).unwrap();
        settings::for_writing(&connection, &DbOptions::default()).unwrap();
        connection
    }

    fn sales(connection: &Connection) -> u32 {
        connection.query_row("select count(*) from sale", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_log_of_a_writer_that_never_pauses_begins_anew() {
        let mut shop = Shop::open();
        let mut sold = 0;
        for _ in 0..3 {
            sold += shop.sales_until_anew().expect("the log begins anew");
        }
        assert_eq!(sales(&open(&shop.folder)), sold);
        // Closed in order it leaves no log, and everything in the database.
        drop(shop.checkpoints);
        shop.writer.close().unwrap();
        assert!(!shop.folder.path().join("shop.db-wal").exists());
        assert_eq!(sales(&open(&shop.folder)), sold);
    }

    #[test]
    fn a_log_that_is_read_from_stays_and_begins_anew_afterwards() {
        let mut shop = Shop::open();
        shop.sell();
        let mut reader = open(&shop.folder);
        let reading = reader.transaction().unwrap();
        assert_eq!(sales(&reading), 1);
        // Copied as often as it may be, the log stays: it has what the reader sees.
        let read_from = (0..COMMITS / 10).map(|_| shop.sell()).collect::<Vec<_>>();
        assert!(read_from.is_sorted(), "the log began anew");
        assert_eq!(sales(&reading), 1);
        drop(reading);
        assert!(shop.sales_until_anew().is_some());
    }
}
