//! What the catalog said a moment ago, for as long as it is true.
//!
//! An answer is kept under its method, path, query and what its caller may see, and served until one of its books
//! changes or its time is over. What is kept is what everybody with the same permissions sees: nothing personal comes
//! near it. What is absent: an answer that was asked for before a change and is served after this gateway heard of the
//! change. See `docs/decisions/0011-what-is-kept-says-since-when.md`.

/// One question at a time.
mod flights;
/// What was dropped when.
mod marks;
/// Which answers may be kept, and what they depend on.
mod reading;
/// What a write makes stale.
mod writing;

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use service_kit::{RawAnswer, RequestContext, faults, metrics::Counters};
use shared_types::Problem;

use flights::Flights;
pub use marks::Stale;
use marks::{Depends, Mark, Marks};
pub use reading::{Condition, Key};
pub use writing::stale_after;

/// Bytes that are kept at most, bodies and keys together.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Whether an answer came from here: `HIT`, or `MISS` where any part of it was asked for.
const X_CACHE: &str = "x-cache";

/// Answers, by how they came about: the hit ratio is one of them by their sum.
pub static ANSWERS: Counters<1> = Counters::new(
    "lastcopy_cache_answers_total",
    "Reads of the catalog answered by the cache (hit) or by the catalog (miss)",
    ["outcome"],
    &[["hit"], ["miss"]],
);

/// Answers of the catalog.
#[derive(Debug)]
pub struct Cache {
    ttl: Duration,
    entries: moka::sync::Cache<Key, Arc<Entry>>,
    flights: Flights,
    marks: Marks,
}

/// An answer that is kept.
#[derive(Debug)]
struct Entry {
    answer: RawAnswer,
    on: Depends,
    /// Before it was asked for.
    since: Mark,
    asked_at: Instant,
}

impl Cache {
    /// A cache whose answers are served for `ttl` at most; zero switches it off.
    pub fn new(ttl: Duration) -> Cache {
        let weigh = |key: &Key, entry: &Arc<Entry>| {
            let books = entry.on.books.len() * size_of::<i64>();
            u32::try_from(key.bytes() + entry.answer.body.len() + books + 512).unwrap_or(u32::MAX)
        };
        let entries = moka::sync::Cache::builder().max_capacity(MAX_BYTES).weigher(weigh).time_to_live(ttl).build();
        Cache { ttl, entries, flights: Flights::default(), marks: Marks::new() }
    }

    /// From now on nothing is served that was asked for earlier and depends on this.
    pub fn forget(&self, stale: &Stale) {
        self.marks.forget(stale);
    }

    /// The answer that is kept under this key, or the one that `ask` gets, which is then kept.
    pub async fn look<F, R>(&self, key: Key, condition: Condition<'_>, ask: F) -> Result<RawAnswer, Problem>
    where
        F: Fn() -> R,
        R: Future<Output = Result<RawAnswer, Problem>>,
    {
        if self.ttl.is_zero() {
            return self.missed(ask().await, condition);
        }
        let arrived = self.marks.now();
        if let Some(entry) = self.entries.get(&key).filter(|entry| self.serves(entry, arrived)) {
            return Ok(self.hit(&entry, condition));
        }
        loop {
            let seat = self.flights.board(&key);
            let mut own = None;
            let found = seat.found.get_or_init(async || {
                let (entry, answered) = self.ask_and_keep(&key, &ask).await;
                own = Some(answered);
                entry
            });
            let found = found.await.clone();
            seat.land();
            match (own, found) {
                // Whoever asked himself has an answer from after his arrival, whatever was dropped meanwhile.
                (Some(answered), _) => return self.missed(answered, condition),
                (None, Some(entry)) if self.serves(&entry, arrived) => return Ok(self.hit(&entry, condition)),
                // Asked for before a change that this caller may know of, so it is not for him: the next one is.
                (None, Some(_)) => {}
                // Nothing to share. Those who waited do not queue up to fail one after the other.
                (None, None) => return self.missed(ask().await, condition),
            }
        }
    }

    /// Whether an answer may be given to somebody who arrived then: it was asked for since, or nothing it depends on has
    /// changed, and it is not too old.
    fn serves(&self, entry: &Entry, arrived: Mark) -> bool {
        let true_now = entry.since >= arrived || self.marks.hold(entry.since, &entry.on);
        true_now && entry.asked_at.elapsed() < self.ttl
    }

    async fn ask_and_keep<F, R>(&self, key: &Key, ask: &F) -> (Option<Arc<Entry>>, Result<RawAnswer, Problem>)
    where
        F: Fn() -> R,
        R: Future<Output = Result<RawAnswer, Problem>>,
    {
        let (since, asked_at) = (self.marks.now(), Instant::now());
        let answered = ask().await;
        // Sabotage: the age of an answer begins when it is here, as if nothing could have changed on its way.
        let since = if faults::sabotaged("late_mark") { self.marks.now() } else { since };
        let Some(on) = answered.as_ref().ok().and_then(|answer| key.depends(answer)) else { return (None, answered) };
        let Ok(answer) = &answered else { return (None, answered) };
        let entry = Arc::new(Entry { answer: reading::kept(answer), on, since, asked_at });
        if self.marks.hold(since, &entry.on) {
            self.entries.insert(key.clone(), Arc::clone(&entry));
        }
        (Some(entry), answered)
    }

    fn hit(&self, entry: &Entry, condition: Condition<'_>) -> RawAnswer {
        ANSWERS.with(["hit"]).inc();
        let context = RequestContext::current();
        if context.header(X_CACHE).is_none() {
            context.set_header(X_CACHE, "HIT");
        }
        condition.applied_to(reading::kept(&entry.answer))
    }

    fn missed(&self, answered: Result<RawAnswer, Problem>, condition: Condition<'_>) -> Result<RawAnswer, Problem> {
        ANSWERS.with(["miss"]).inc();
        RequestContext::current().set_header(X_CACHE, "MISS");
        Ok(condition.applied_to(answered?))
    }
}
