//! What the catalog said a moment ago, for as long as it is true.
//!
//! An answer is kept under its method, path, query and what its caller may see, and served until one of its books
//! changes or its time is over. What is kept is what everybody with the same permissions sees: nothing personal comes
//! near it. What is absent: an answer that was asked for before a change and is served after this gateway heard of the
//! change. See `docs/decisions/0011-what-is-kept-says-since-when.md`.
//!
//! Gateways that share a Redis keep their answers there, and none of them serves what another's caller has changed. While
//! it does not answer, each has what it keeps in its own memory.

/// One question at a time.
mod flights;
/// What was dropped when.
mod marks;
/// Answers on their way to other gateways and back.
mod packed;
/// Which answers may be kept, and what they depend on.
mod reading;
/// What a write makes stale.
mod writing;

use std::{
    future::Future,
    hash::RandomState,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use actix_web::{
    http::header::{HeaderName, HeaderValue},
    web::Bytes,
};
use quick_cache::Weighter;
use service_kit::{
    RawAnswer, RequestContext, faults,
    http::Check,
    metrics::{Counter, Counters},
};
use shared_types::{BookId, Problem};

use crate::shared::{Found, Point, Shared};
use flights::Flights;
pub use marks::Stale;
use marks::{Depends, Mark, Marks};
pub use reading::{Key, see_the_same};
pub use writing::stale_after;

/// Bytes that are kept at most, bodies and keys together.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of a book with all that is kept of it.
const ORDINARY_BYTES: usize = 1_024;
/// Parts of the cache, each with a lock and so many bytes of its own that the largest answer fits into it.
const SHARDS: usize = 8;
/// An answer that is larger is kept by nobody but the gateway that asked.
const MAX_SHARED_BYTES: usize = 1024 * 1024;
/// Whether an answer came from here: `HIT`, or `MISS` where any part of it was asked for.
const X_CACHE: &str = "x-cache";
const HIT: &str = "HIT";

/// Says nothing of the cache in this request's answer: what is in it is never kept, or it tells of a change.
pub fn say_nothing() {
    RequestContext::current().drop_header(X_CACHE);
}

/// Answers, by how they came about: the hit ratio is one of them by their sum.
pub static ANSWERS: Counters<1> = Counters::new(
    "lastcopy_cache_answers_total",
    "Reads of the catalog answered by the cache (hit) or by the catalog (miss)",
    ["outcome"],
    &[["hit"], ["miss"]],
);

/// Answers of the catalog.
pub struct Cache {
    ttl: Duration,
    shared: Option<Arc<Shared>>,
    entries: quick_cache::sync::Cache<Key, Arc<Entry>, Weight, RandomState>,
    flights: Flights,
    marks: Marks,
    hits: Counter,
    misses: Counter,
}

/// An answer that is kept.
#[derive(Debug)]
struct Entry {
    /// As much of it as is as true the next time.
    answer: RawAnswer,
    /// Its headers for the public, once somebody had it from here.
    shown: OnceLock<Box<[Header]>>,
    on: Depends,
    /// Before it was asked for.
    since: Mark,
    /// The same at all gateways, where Redis has said it.
    there: Option<Point>,
    asked_at: Instant,
}

/// An answer that is kept, for whoever may have it now.
pub struct AtHand(Arc<Entry>);

impl AtHand {
    pub fn body(&self) -> Bytes {
        self.0.answer.body.clone()
    }

    /// The headers that the public has of it, made out of it once, and that it was kept.
    pub fn headers(&self, make: fn(&RawAnswer) -> Vec<Header>) -> &[Header] {
        self.0.shown.get_or_init(|| {
            let hit = (HeaderName::from_static(X_CACHE), HeaderValue::from_static(HIT));
            make(&self.0.answer).into_iter().chain([hit]).collect()
        })
    }
}

type Header = (HeaderName, HeaderValue);

/// Bytes of what is kept around an answer, its headers among them.
const AROUND_BYTES: usize = 768;

/// Bytes that an answer takes.
#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Entry>> for Weight {
    fn weight(&self, key: &Key, entry: &Arc<Entry>) -> u64 {
        let books = entry.on.books.len() * size_of::<BookId>();
        (key.bytes() + entry.answer.body.len() + books + AROUND_BYTES) as u64
    }
}

/// Whether there is something to serve.
enum Kept {
    Yes(RawAnswer),
    /// The point before which nothing more is asked for, where Redis has said it.
    No(Option<Point>),
}

impl Cache {
    /// A cache whose answers are served for `ttl` at most; zero switches it off. With `shared` it is that of all gateways.
    pub fn new(ttl: Duration, shared: Option<Arc<Shared>>) -> Cache {
        let mut options = quick_cache::OptionsBuilder::new();
        options.shards(SHARDS).weight_capacity(MAX_BYTES as u64).estimated_items_capacity(MAX_BYTES / ORDINARY_BYTES);
        let options = options.build().expect("BUG: all that a cache has to know is said");
        // Callers choose the keys: where each of them ends up is nobody's to know.
        let hasher = RandomState::new();
        let entries = quick_cache::sync::Cache::with_options(options, Weight, hasher, Default::default());
        let [hits, misses] = ["hit", "miss"].map(|outcome| ANSWERS.with([outcome]));
        Cache { ttl, shared, entries, flights: Flights::default(), marks: Marks::new(), hits, misses }
    }

    /// What is kept here is kept in this process: it answers whenever the process does.
    pub fn check(&self) -> Check {
        Check::new("cache", || async { Ok(()) })
    }

    /// From now on nothing is served that was asked for earlier and depends on this: here, and at every gateway that
    /// shares the cache.
    pub async fn forget(&self, stale: &[Stale]) {
        stale.iter().for_each(|stale| self.marks.forget(stale));
        let Some(shared) = self.shared.as_ref().filter(|_| !stale.is_empty()) else { return };
        match stale.iter().map(Stale::names).collect::<Option<Vec<_>>>() {
            Some(names) => shared.drop_marks(&names.concat()).await,
            None => drop(shared.begin().await),
        }
    }

    /// The answer that is kept under this key, where this gateway has its cache to itself.
    pub fn at_hand(&self, key: &Key) -> Option<AtHand> {
        if self.shared.is_some() {
            return None;
        }
        let entry = self.kept_here(key, self.marks.now())?;
        self.hits.inc();
        Some(AtHand(entry))
    }

    /// The answer that is kept under this key, or the one that `ask` gets, which is then kept.
    pub async fn look<F, R>(&self, key: Key, ask: F) -> Result<RawAnswer, Problem>
    where
        F: Fn() -> R,
        R: Future<Output = Result<RawAnswer, Problem>>,
    {
        if self.ttl.is_zero() {
            return self.missed(ask().await);
        }
        let arrived = self.marks.now();
        let mut there = match self.kept(&key, arrived).await {
            Kept::Yes(answer) => return Ok(self.hit(answer)),
            Kept::No(there) => there,
        };
        loop {
            let seat = self.flights.board(&key);
            let mut own = None;
            let found = seat.found.get_or_init(async || {
                let (entry, answered) = self.ask_and_keep(&key, &there, &ask).await;
                own = Some(answered);
                entry
            });
            let found = found.await.clone();
            seat.land();
            match (own, found) {
                // Whoever asked himself has an answer from after his arrival, whatever was dropped meanwhile.
                (Some(answered), _) => return self.missed(answered),
                (None, Some(entry)) if self.serves_who_waited(&entry, arrived, &there) => {
                    return Ok(self.hit(entry.answer.clone()));
                }
                // Asked for before a change that this caller may know of, so it is not for him: the next one is.
                (None, Some(_)) => match self.kept(&key, arrived).await {
                    Kept::Yes(answer) => return Ok(self.hit(answer)),
                    Kept::No(now) => there = now,
                },
                // Nothing to share. Those who waited do not queue up to fail one after the other.
                (None, None) => return self.missed(ask().await),
            }
        }
    }

    /// What may be given to somebody who arrived then: by the word of all gateways, or else by that of this one.
    async fn kept(&self, key: &Key, arrived: Mark) -> Kept {
        if let Some(shared) = &self.shared
            && let Some(found) = shared.look(&key.digest()).await
        {
            return match found {
                Found::Answer(bytes) => packed::unpacked(&bytes).map_or(Kept::No(None), Kept::Yes),
                Found::Nothing(point) => Kept::No(Some(point)),
            };
        }
        self.kept_here(key, arrived).map_or(Kept::No(None), |entry| Kept::Yes(entry.answer.clone()))
    }

    fn kept_here(&self, key: &Key, arrived: Mark) -> Option<Arc<Entry>> {
        self.entries.get(key).filter(|entry| self.serves(entry, arrived))
    }

    /// Whether an answer may be given to somebody who arrived then: it was asked for since, or nothing it depends on has
    /// changed, and it is not too old.
    fn serves(&self, entry: &Entry, arrived: Mark) -> bool {
        let true_now = entry.since >= arrived || self.marks.hold(entry.since, &entry.on);
        // Sabotage: no answer is ever too old.
        true_now && (entry.asked_at.elapsed() < self.ttl || faults::sabotaged("no_ttl"))
    }

    /// The same for somebody who waited for it while another asked. He may know of a change that was made at another
    /// gateway: with Redis, nothing at all was dropped between the question and his arrival.
    fn serves_who_waited(&self, entry: &Entry, arrived: Mark, there: &Option<Point>) -> bool {
        entry.there == *there && self.serves(entry, arrived)
    }

    async fn ask_and_keep<F, R>(
        &self,
        key: &Key,
        there: &Option<Point>,
        ask: &F,
    ) -> (Option<Arc<Entry>>, Result<RawAnswer, Problem>)
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
        let (answer, shown) = (reading::kept(answer), OnceLock::new());
        let entry = Arc::new(Entry { answer, shown, on, since, there: there.clone(), asked_at });
        self.keep_for_all(key, &entry).await;
        if self.marks.hold(since, &entry.on) {
            self.entries.insert(key.clone(), Arc::clone(&entry));
        }
        (Some(entry), answered)
    }

    async fn keep_for_all(&self, key: &Key, entry: &Entry) {
        let (Some(shared), Some(since)) = (&self.shared, &entry.there) else { return };
        let left = self.ttl.saturating_sub(entry.asked_at.elapsed());
        if entry.answer.body.len() <= MAX_SHARED_BYTES && !left.is_zero() {
            shared.keep(&key.digest(), since, &entry.on.names(), &packed::packed(&entry.answer), left).await;
        }
    }

    fn hit(&self, answer: RawAnswer) -> RawAnswer {
        self.hits.inc();
        RequestContext::current().set_header_once(X_CACHE, HIT);
        answer
    }

    fn missed(&self, answered: Result<RawAnswer, Problem>) -> Result<RawAnswer, Problem> {
        self.misses.inc();
        RequestContext::current().set_header(X_CACHE, "MISS");
        answered
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use service_kit::auth::Caller;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn key(book: i64) -> Key {
        Key::of_book(&Caller::anonymous(), BookId::new(book).unwrap())
    }

    async fn look(cache: &Cache, book: i64, bytes: usize) {
        let body = format!(r#"{{"id": {book}, "title": "{}"}}"#, "x".repeat(bytes));
        let ask = || async { Ok(RawAnswer::made(200.try_into().unwrap(), &[], &body)) };
        assert_eq!(cache.look(key(book), ask).await.unwrap().body.len(), body.len());
    }

    #[actix_web::test]
    async fn no_more_is_kept_than_there_is_room_for() {
        let cache = Cache::new(Duration::from_secs(3_600), None);
        for book in 1..=100 {
            look(&cache, book, MIB).await;
        }
        let kept = (1..=100).filter(|book| cache.at_hand(&key(*book)).is_some()).count();
        assert!((32..=64).contains(&kept), "{kept}");
    }

    #[actix_web::test]
    async fn the_largest_answer_is_kept() {
        let cache = Cache::new(Duration::from_secs(3_600), None);
        look(&cache, 1, 4 * MIB - 1_024).await;
        assert!(cache.at_hand(&key(1)).is_some());
    }
}
