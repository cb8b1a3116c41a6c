//! When the write-ahead log is copied into its database (SQLite's checkpoint), and by whom.
//!
//! SQLite by itself copies in the commit that made the log long. So does the writer here, before anybody hears of the commit: who
//! knows of it reads, and a log that is read from does not begin anew. Behind large commits, such as an import's, there would be a
//! copy in each, and pages that several of them touch would be copied every time: there the log grows longer, and a thread
//! copies it on a connection of its own while commits go on. It cannot catch up with a writer that never pauses: the
//! short rest is the writer's. The commit after that begins the log anew.
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

/// A commit is large that brings this part of a log that is copied.
const LARGE_PART: u32 = 2;
/// So many times as long is a log with large commits in it before it is copied. Imports into a large shop were no faster with
/// logs four times as long.
const LARGE_LOGS: u32 = 4;
/// How often the copier goes through the log when it is asked. What comes during the first time is copied the second time;
/// what comes during that is a short rest.
const PASSES: u32 = 2;
/// Commits after which the writer copies the rest at most, each time. Somebody who reads for long keeps the log from beginning
/// anew, and the writer does not try for ever.
const RESTS_COMMITS: u32 = 8;

thread_local! {
    /// Pages in the log after this thread's latest commit: the hook that is told is a plain function and has no other place.
    static LOG_PAGES: Cell<u32> = const { Cell::new(0) };
}

/// The writer's side.
pub(super) struct Checkpoints {
    /// A log of so many pages is copied.
    every_pages: u32,
    /// Pages in the log after the latest commit.
    log_pages: u32,
    /// Whether there are large commits in the log.
    is_large: bool,
    /// How long the log is when the copier is asked next.
    ask_at_pages: u32,
    /// After how many commits the writer still copies what the copier left.
    rests: u32,
    copier: Copier,
}

impl Checkpoints {
    /// From now on commits of `writer`, which the thread makes that calls [`after_commit`](Checkpoints::after_commit), copy nothing
    /// by themselves. `copier`: another connection to the same database.
    pub(super) fn start(writer: &Connection, copier: Connection, every_pages: u32) -> std::io::Result<Checkpoints> {
        writer.wal_hook(Some(|_, pages| {
            LOG_PAGES.set(u32::try_from(pages).unwrap_or(0));
            Ok(())
        }));
        let copier = Copier::start(copier)?;
        let every_pages = every_pages.max(1);
        let mut checkpoints =
            Checkpoints { every_pages, log_pages: 0, is_large: false, ask_at_pages: 0, rests: 0, copier };
        checkpoints.begin_anew();
        Ok(checkpoints)
    }

    /// After each commit, before anybody hears of it.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        let mut before = std::mem::replace(&mut self.log_pages, LOG_PAGES.get());
        if self.log_pages < before {
            self.begin_anew();
            before = 0;
        }
        self.is_large |= self.log_pages - before >= self.every_pages.div_ceil(LARGE_PART);
        if self.is_large {
            self.have_it_copied(writer);
        } else if self.log_pages >= self.every_pages {
            copy(writer);
        }
    }

    fn begin_anew(&mut self) {
        self.is_large = false;
        self.ask_at_pages = self.every_pages.saturating_mul(LARGE_LOGS);
        self.rests = 0;
        self.copier.forget_the_rest();
    }

    fn have_it_copied(&mut self, writer: &Connection) {
        if self.log_pages >= self.ask_at_pages {
            self.ask_at_pages = self.log_pages.saturating_add(self.every_pages.saturating_mul(LARGE_LOGS));
            self.copier.ask();
        } else if self.copier.leaves_a_rest() {
            self.rests = RESTS_COMMITS;
        }
        if self.rests > 0 {
            self.rests -= 1;
            copy(writer);
        }
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
    fn leaves_a_rest(&self) -> bool {
        self.leaves_rest.load(Ordering::Relaxed) && self.leaves_rest.swap(false, Ordering::Relaxed)
    }

    /// There is none: the log began anew.
    fn forget_the_rest(&self) {
        self.leaves_rest.store(false, Ordering::Relaxed);
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

    /// Pages of a log that is copied.
    const EVERY_PAGES: u32 = 16;
    /// What is written in a commit, small and large: so many pages.
    const SMALL: usize = 1;
    const LARGE: usize = 20;
    /// Commits that fill a log many times over.
    const COMMITS: u32 = 2_000;

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
        fn sell(&mut self, pages: usize) -> u32 {
            self.writer.execute("insert into sale values (1, ?)", ["a page ".repeat(500 * pages)]).unwrap();
            self.checkpoints.after_commit(&self.writer);
            self.checkpoints.log_pages
        }

        /// How many sales it takes until the log begins anew: a commit finds it shorter than it was.
        fn sales_until_anew(&mut self, pages: usize) -> Option<u32> {
            let mut before = 0;
            (1..=COMMITS).find(|_| {
                let now = self.sell(pages);
                std::mem::replace(&mut before, now) > now
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

    /// Three logs, each of which begins anew after so many sales. Closed in order there is no log, and everything is in the
    /// database.
    fn begins_anew_after(sales_of_a_log: std::ops::RangeInclusive<u32>, pages: usize) {
        let mut shop = Shop::open();
        let mut sold = 0;
        for _ in 0..3 {
            let sales = shop.sales_until_anew(pages).expect("the log begins anew");
            assert!(sales_of_a_log.contains(&sales), "after {sales} sales");
            sold += sales;
        }
        assert_eq!(sales(&open(&shop.folder)), sold);
        drop(shop.checkpoints);
        shop.writer.close().unwrap();
        assert!(!shop.folder.path().join("shop.db-wal").exists());
        assert_eq!(sales(&open(&shop.folder)), sold);
    }

    #[test]
    fn a_log_of_small_commits_is_as_long_as_it_may_be_and_begins_anew() {
        begins_anew_after(EVERY_PAGES / 4..=EVERY_PAGES, SMALL);
    }

    #[test]
    fn a_log_of_large_commits_grows_longer_and_begins_anew_while_its_writer_never_pauses() {
        begins_anew_after(LARGE_LOGS / 2 + 1..=COMMITS, LARGE);
    }

    #[test]
    fn a_log_that_is_read_from_stays_and_begins_anew_afterwards() {
        for pages in [SMALL, LARGE] {
            let mut shop = Shop::open();
            shop.sell(pages);
            let reader = open(&shop.folder);
            reader.execute_batch("begin").unwrap();
            assert_eq!(sales(&reader), 1);
            // Copied as often as it may be, the log stays: it has what the reader sees.
            let read_from = (0..COMMITS / 10).map(|_| shop.sell(pages)).collect::<Vec<_>>();
            assert!(read_from.is_sorted(), "the log began anew");
            assert_eq!(sales(&reader), 1);
            drop(reader);
            assert!(shop.sales_until_anew(pages).is_some());
        }
    }
}
