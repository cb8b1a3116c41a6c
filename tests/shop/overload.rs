//! More is asked of the shop than it can do: as much as it can do is done, the rest is refused quickly, and afterwards it
//! is as it was.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use shared_types::BookId;
use tokio::{task::JoinSet, time::interval};

use crate::{
    cluster::{Basket, Caller, Cluster, Gateway, Order, Part},
    storms,
};

/// Buyers who keep the shop as busy as it can be: each buys again as soon as he has his answer.
const BUSY: usize = 64;
/// How much more is asked than can be done.
const TIMES: u32 = 4;
/// Questions under way at most, so that the crowd does not eat up the machine that it shares with the shop.
const MAX_UNDER_WAY: usize = 4_000;

/// What became of the questions of one phase.
#[derive(Default)]
struct Tally {
    took: Duration,
    /// Answers with a 2xx: what each took.
    admitted: Vec<Duration>,
    /// Answers that say "not now".
    refused: Vec<Duration>,
    /// Questions that the crowd itself did not send.
    unsent: usize,
}

/// What became of one question.
struct Ended {
    status: u16,
    told_when: bool,
    took: Duration,
}

impl Tally {
    fn count(&mut self, ended: &Ended) {
        match ended.status {
            200..=299 => self.admitted.push(ended.took),
            429 | 503 => {
                assert!(ended.told_when, "{}: a refusal that does not say whether to come again", ended.status);
                self.refused.push(ended.took);
            }
            other => panic!("a purchase was answered {other}"),
        }
    }

    fn add(&mut self, mut other: Tally) {
        self.took += other.took;
        self.admitted.append(&mut other.admitted);
        self.refused.append(&mut other.refused);
        self.unsent += other.unsent;
    }

    /// Purchases a second that were taken on.
    fn rate(&self) -> u32 {
        let per_second = u128::try_from(self.admitted.len()).unwrap() * 1_000 / self.took.as_millis().max(1);
        u32::try_from(per_second).unwrap()
    }
}

async fn buy(caller: &Caller, book: BookId) -> Ended {
    let began = Instant::now();
    let answer = caller.send_once(&Basket::of(&[(book, 1)])).await.expect("an answer, whatever it says");
    Ended { status: answer.status, told_when: answer.body["retryable"] == true, took: began.elapsed() }
}

/// As much as the shop can do: nobody asks again before he has his answer.
async fn busy(caller: &Caller, book: BookId, phase: Duration) -> Tally {
    let (over, began) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let mut buyers = JoinSet::new();
    for _ in 0..BUSY {
        let (caller, over) = (caller.clone(), over.clone());
        buyers.spawn(async move {
            let mut all = Vec::new();
            while !over.load(Ordering::SeqCst) {
                all.push(buy(&caller, book).await);
            }
            all
        });
    }
    let mut ticks = interval(phase);
    ticks.tick().await;
    ticks.tick().await;
    over.store(true, Ordering::SeqCst);
    let ended = buyers.join_all().await;
    let mut tally = Tally { took: began.elapsed(), ..Tally::default() };
    ended.iter().flatten().for_each(|ended| tally.count(ended));
    tally
}

/// So many purchases a second, whether those before them were answered or not.
async fn too_busy(caller: &Caller, book: BookId, rate: u32, phase: Duration) -> Tally {
    let (began, under_way) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let (mut buyers, mut sent, mut unsent) = (JoinSet::new(), 0, 0);
    let mut ticks = interval(Duration::from_millis(10));
    while began.elapsed() < phase {
        ticks.tick().await;
        let due = u128::from(rate) * began.elapsed().as_millis() / 1_000;
        while sent + unsent < due {
            if under_way.load(Ordering::SeqCst) >= MAX_UNDER_WAY {
                unsent += 1;
                continue;
            }
            sent += 1;
            under_way.fetch_add(1, Ordering::SeqCst);
            let (caller, under_way) = (caller.clone(), under_way.clone());
            buyers.spawn(async move {
                let ended = buy(&caller, book).await;
                under_way.fetch_sub(1, Ordering::SeqCst);
                ended
            });
        }
    }
    // What is still under way is answered after the crowd has stopped: those seconds count, too.
    let ended = buyers.join_all().await;
    let mut tally = Tally { took: began.elapsed(), unsent: usize::try_from(unsent).unwrap(), ..Tally::default() };
    ended.iter().for_each(|ended| tally.count(ended));
    tally
}

/// The middle, the 99th of a hundred, and the longest.
fn percentiles(mut all: Vec<Duration>) -> String {
    all.sort();
    let at = |part: usize| all.get((all.len() * part / 100).min(all.len().saturating_sub(1))).copied();
    format!(
        "{:?} median, {:?} p99, {:?} longest",
        at(50).unwrap_or_default(),
        at(99).unwrap_or_default(),
        at(100).unwrap_or_default()
    )
}

fn memory(shop: &Cluster) -> BTreeMap<Part, u64> {
    [Gateway, Order].into_iter().map(|part| (part, shop.memory_kb(part))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_times_of_what_the_shop_can_do_is_done_as_far_as_it_can_and_the_rest_is_refused() {
    // In turns, so that what else the machine does meanwhile meets both alike.
    let (phase_s, turns) = if storms::is_long() { (10, 3) } else { (2, 1) };
    let phase = Duration::from_secs(phase_s);
    let shop = Cluster::start_unheard().await;
    let (book, caller) = (shop.book("Everybody's", 10_000_000).await, shop.operator());
    busy(&caller, book, phase / 2).await;
    let before = memory(&shop);
    let (mut peak, mut overload) = (Tally::default(), Tally::default());
    for _ in 0..turns {
        peak.add(busy(&caller, book, phase).await);
        overload.add(too_busy(&caller, book, peak.rate() * TIMES, phase).await);
        // The crowd is gone: whoever comes now is served as if it had never been there.
        assert!(matches!(buy(&caller, book).await.status, 201 | 202));
    }
    eprintln!("busy: {}/s, {}", peak.rate(), percentiles(peak.admitted.clone()));
    eprintln!("asked {TIMES} times as much: {}/s, {}", overload.rate(), percentiles(overload.admitted.clone()));
    eprintln!(
        "refused: {}, {}; never sent: {}",
        overload.refused.len(),
        percentiles(overload.refused.clone()),
        overload.unsent
    );
    eprintln!("kB in memory: {before:?} before, {:?} after", memory(&shop));
    // How much it is depends on the machine, which the crowd shares: it is shown. That nobody is answered in any other way,
    // and everybody afterwards, does not.
    shop.finish().await;
}
