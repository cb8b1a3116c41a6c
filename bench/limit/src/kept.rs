//! Answers that were asked for a moment ago, kept as the shop's gateway keeps them: for a while, for callers with the same
//! permissions, and no longer than their book does not change.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::web::Bytes;

/// An answer is served for so long, as in the shop.
const TTL: Duration = Duration::from_secs(60);
/// Books share so many counters of changes, as in the shop.
const COUNTERS: usize = 4_096;

/// What an API key may see, as a number.
pub type Sight = u32;

/// An answer with all that decides whether it still holds.
pub struct Entry {
    pub body: Bytes,
    since: u64,
    asked_at: Instant,
}

/// Answers by book and by what their callers may see.
pub struct Kept {
    entries: RwLock<HashMap<(usize, Sight), Arc<Entry>>>,
    now: AtomicU64,
    /// The last change of each book. None changes here, and each is looked at.
    changes: Vec<AtomicU64>,
}

impl Kept {
    pub fn new() -> Kept {
        let changes = (0..COUNTERS).map(|_| AtomicU64::default()).collect();
        Kept { entries: RwLock::default(), now: AtomicU64::default(), changes }
    }

    /// The answer about this book to somebody who may see so much; where none holds, the one that `ask` gives.
    pub fn look(&self, book: usize, sight: Sight, ask: impl FnOnce() -> Bytes) -> Arc<Entry> {
        let known = self.entries.read().unwrap_or_else(PoisonError::into_inner).get(&(book, sight)).cloned();
        if let Some(entry) = known.filter(|entry| self.holds(book, entry)) {
            return entry;
        }
        let entry = Entry { since: self.now.load(Ordering::SeqCst), asked_at: Instant::now(), body: ask() };
        let entry = Arc::new(entry);
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.insert((book, sight), Arc::clone(&entry));
        entry
    }

    fn holds(&self, book: usize, entry: &Entry) -> bool {
        let changed = self.changes[book % COUNTERS].load(Ordering::SeqCst);
        changed <= entry.since && entry.asked_at.elapsed() < TTL
    }
}
