//! One of the services behind the gateway is down, slow, or comes and goes, and whoever needs another notices nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use service_kit::testing::eventually;
use tokio::task::JoinSet;

use crate::cluster::{Basket, Caller, Catalog, Cluster, Delivery, Gateway, Order, Part};

/// Each has a breaker, seats and a budget of its own at the gateway.
const UPSTREAMS: [Part; 3] = [Catalog, Order, Delivery];
/// Answers that each of the others gives during one trouble, at least.
const ANSWERS: u64 = 20;
/// Calls that wait for the one in trouble meanwhile.
const WAITING: usize = 32;
/// Every piece of a slow service's answers comes so much later: within the gateway's patience.
const SLOW_MS: u64 = 2_000;
/// How often a service comes and goes.
const FLAPS: usize = 3;

/// A question that only this service can answer, never the same twice: what is kept answers none of them.
fn question(part: Part, n: u64) -> String {
    match part {
        Catalog => format!("/books?q=word{n}"),
        Order => format!("/orders?limit={}", n % 200 + 1),
        Delivery => format!("/deliveries?limit={}", n % 200 + 1),
        Part::Buyers | Gateway | Part::Payments | Part::Outside => panic!("{part:?} is not asked by the gateway"),
    }
}

/// The status of a fresh question to the service; 0: no answer at all.
async fn ask(caller: &Caller, part: Part) -> u16 {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let path = question(part, ASKED.fetch_add(1, Ordering::SeqCst));
    caller.call(Method::GET, &path, None, None).await.map_or(0, |answer| answer.status)
}

/// Somebody who asks a service without a pause, and must be answered well every time.
struct Watch {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    /// The longest that an answer took.
    asking: JoinSet<Duration>,
}

impl Watch {
    fn over(caller: &Caller, part: Part, trouble: &str) -> Watch {
        let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (caller, told, counts, trouble) = (caller.clone(), over.clone(), answered.clone(), trouble.to_owned());
        let mut asking = JoinSet::new();
        asking.spawn(async move {
            let mut longest = Duration::ZERO;
            while !told.load(Ordering::SeqCst) {
                let began = Instant::now();
                assert_eq!(ask(&caller, part).await, 200, "{part:?} while {trouble}");
                longest = longest.max(began.elapsed());
                counts.fetch_add(1, Ordering::SeqCst);
            }
            longest
        });
        Watch { over, answered, asking }
    }

    /// From now on so many more answers have come.
    async fn goes_on(&self) {
        let before = self.answered.load(Ordering::SeqCst);
        eventually("the others answer", async || {
            self.asking.is_empty() || self.answered.load(Ordering::SeqCst) >= before + ANSWERS
        })
        .await;
    }

    async fn end(self) -> Duration {
        self.over.store(true, Ordering::SeqCst);
        self.asking.join_all().await.into_iter().max().unwrap_or_default()
    }
}

/// Everybody watches the others while `trouble` is made with one service.
async fn while_there_is_trouble(shop: &Cluster, part: Part, trouble: &str, make: impl AsyncFnOnce(&[Watch])) {
    let caller = shop.operator();
    let trouble = format!("{part:?} {trouble}");
    let others = UPSTREAMS.into_iter().filter(|other| *other != part);
    let watches: Vec<Watch> = others.map(|other| Watch::over(&caller, other, &trouble)).collect();
    make(&watches).await;
    for watch in watches {
        let longest = watch.end().await;
        eprintln!("{trouble}: the others answer within {longest:?}");
    }
    shop.link(Gateway, part).heal();
    eventually("it is well again", async || ask(&caller, part).await == 200).await;
}

async fn go_on(others: &[Watch]) {
    for other in others {
        other.goes_on().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_leaves_the_others_as_they_are() {
    let shop = Cluster::start().await;
    let caller = shop.operator();
    for part in UPSTREAMS {
        while_there_is_trouble(&shop, part, "is down", async |others| {
            shop.link(Gateway, part).cut();
            assert_eq!(ask(&caller, part).await, 503);
            go_on(others).await;
            assert_eq!(ask(&caller, part).await, 503);
        })
        .await;
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_slow_leaves_the_others_as_they_are() {
    let shop = Cluster::start().await;
    let caller = shop.operator();
    for part in UPSTREAMS {
        while_there_is_trouble(&shop, part, "is slow", async |others| {
            shop.link(Gateway, part).slow_down(SLOW_MS);
            let mut waiting = JoinSet::new();
            for _ in 0..WAITING {
                let caller = caller.clone();
                waiting.spawn(async move { ask(&caller, part).await });
            }
            go_on(others).await;
            // Whoever waits is answered, or told that there is no answer.
            let answers = waiting.join_all().await;
            assert!(answers.iter().all(|status| matches!(status, 200 | 503)), "{answers:?}");
        })
        .await;
    }
    shop.finish().await;
}

/// It goes as soon as it has been back, and is back as soon as its absence was noticed.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_comes_and_goes_leaves_the_others_as_they_are() {
    let shop = Cluster::start().await;
    let (caller, book) = (shop.operator(), shop.book("Now and Then", 10).await);
    for part in UPSTREAMS {
        while_there_is_trouble(&shop, part, "comes and goes", async |others| {
            for _ in 0..FLAPS {
                shop.link(Gateway, part).cut();
                eventually("it is missed", async || ask(&caller, part).await == 503).await;
                shop.link(Gateway, part).heal();
                eventually("it is found", async || ask(&caller, part).await == 200).await;
            }
            go_on(others).await;
        })
        .await;
        caller.buy(&Basket::of(&[(book, 1)]).delivered()).await.order();
    }
    shop.finish().await;
}
