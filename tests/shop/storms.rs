use std::{
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{RngExt, rngs::StdRng};
use shared_types::{BookId, Code};
use tokio::task::JoinSet;

use crate::{
    cluster::{Basket, Bought, Caller, Catalog, Cluster, Delivery, Gateway, Order, Part, SERVICES},
    seed::Seed,
};

const CLIENTS: usize = 8;
/// Reached only by a bug.
const LONGEST: Duration = Duration::from_secs(2 * 3_600);
/// Copies of the book that everybody wants.
const SCARCE: i64 = 40;
const PAUSE_MS: RangeInclusive<u64> = 50..=500;

/// Whether there is time: minutes instead of seconds.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses how long")]
pub fn is_long() -> bool {
    std::env::var_os("LASTCOPY_TEST_LONG").is_some()
}

/// How long the killing goes on.
pub fn duration() -> Duration {
    Duration::from_secs(if is_long() { 180 } else { 3 })
}

/// Customers who buy until they are told to go home.
pub struct Crowd {
    home: Arc<AtomicBool>,
    sold: Arc<AtomicU64>,
    clients: JoinSet<()>,
}

impl Crowd {
    /// Everybody wants the first book, and takes the second one when it is sold out.
    pub fn gather(caller: &Caller, wanted: BookId, plenty: BookId) -> Crowd {
        let (home, sold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut clients = JoinSet::new();
        for client in 0..if is_long() { 4 * CLIENTS } else { CLIENTS } {
            let (caller, home, sold) = (caller.clone(), home.clone(), sold.clone());
            let mut book = if client % 2 == 0 { wanted } else { plenty };
            clients.spawn(async move {
                while !home.load(Ordering::SeqCst) {
                    match caller.buy(&Basket::of(&[(book, 1)]).delivered()).await {
                        Bought::Yes(_) => drop(sold.fetch_add(1, Ordering::SeqCst)),
                        Bought::No(Code::SoldOut) if book == wanted => book = plenty,
                        Bought::No(code) => panic!("refused: {code:?}"),
                    }
                }
            });
        }
        Crowd { home, sold, clients }
    }

    /// Orders that were answered with a 2xx so far.
    pub fn sold(&self) -> u64 {
        self.sold.load(Ordering::SeqCst)
    }

    /// Everybody finishes the purchase he is at. All orders that were answered with a 2xx.
    pub async fn go_home(self) -> u64 {
        self.home.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
        self.sold.load(Ordering::SeqCst)
    }
}

/// Kills parts, each chosen by `choose`, at random moments for as long as it `goes_on`, which is told how many have died.
/// How many did.
pub async fn kill_while(
    shop: &mut Cluster,
    dice: &mut StdRng,
    choose: impl Fn(&mut StdRng) -> Part,
    mut goes_on: impl FnMut(usize) -> bool,
) -> usize {
    let (began, mut kills) = (Instant::now(), 0);
    while goes_on(kills) {
        assert!(began.elapsed() < LONGEST, "too little happens in {:?} and {kills} kills", began.elapsed());
        kill_one(shop, dice, &choose).await;
        kills += 1;
        if kills % 100 == 0 {
            eprintln!("{kills} kills in {:?}", began.elapsed());
        }
    }
    kills
}

/// For as long as a storm lasts, and until it has shown enough.
pub fn until(has_shown_enough: impl Fn(usize) -> bool) -> impl FnMut(usize) -> bool {
    let began = Instant::now();
    move |kills| began.elapsed() < duration() || !has_shown_enough(kills)
}

/// Kills one part, where there are replicas one of them, and starts it again. Then nothing is waited for: the next blow may
/// fall at any moment.
async fn kill_one(shop: &mut Cluster, dice: &mut StdRng, choose: &impl Fn(&mut StdRng) -> Part) {
    let part = choose(dice);
    shop.strike(part).await;
    let pause = Duration::from_millis(dice.random_range(PAUSE_MS));
    tokio::time::interval_at(tokio::time::Instant::now() + pause, pause).tick().await;
}

pub fn anyone(dice: &mut StdRng) -> Part {
    SERVICES[dice.random_range(0..SERVICES.len())]
}

/// What a storm has to come to, however long that takes.
struct Least {
    kills: usize,
    orders: u64,
}

const A_FEW: Least = Least { kills: 2, orders: 1 };

/// A crowd buys while parts are killed.
async fn storm(test: &'static str, least: Least, choose: impl Fn(&mut StdRng) -> Part) {
    let seed = Seed::of(test);
    let mut shop = Cluster::start().await;
    let (wanted, plenty) = (shop.book("Wanted", SCARCE).await, shop.book("Plenty", 1_000_000).await);
    let caller = shop.operator();
    let crowd = Crowd::gather(&caller, wanted, plenty);
    let enough = |kills| kills >= least.kills && crowd.sold() >= least.orders;
    let kills = kill_while(&mut shop, &mut seed.dice(0), choose, until(enough)).await;
    let sold = crowd.go_home().await;
    sells_out(&caller, wanted).await;
    let figures = format!("{kills} kills, {sold} orders acknowledged, none of them lost, audit clean");
    shop.finish().await;
    seed.has_shown("storm of `kill -9`", &figures);
}

/// Every copy finds its buyer, and not one more.
async fn sells_out(caller: &Caller, book: BookId) {
    while let Bought::Yes(_) = caller.buy(&Basket::of(&[(book, 1)])).await {}
    assert_eq!(caller.on_hand(book).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_is_killed_again_and_again_under_load() {
    storm("storms::the_catalog_is_killed_again_and_again_under_load", A_FEW, |_| Catalog).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_service_is_killed_again_and_again_under_load() {
    storm("storms::the_order_service_is_killed_again_and_again_under_load", A_FEW, |_| Order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delivery_service_is_killed_again_and_again_under_load() {
    storm("storms::the_delivery_service_is_killed_again_and_again_under_load", A_FEW, |_| Delivery).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_is_killed_again_and_again_under_load() {
    storm("storms::the_gateway_is_killed_again_and_again_under_load", A_FEW, |_| Gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anyone_is_killed_at_any_time_under_load() {
    let least = if is_long() { Least { kills: 1_000, orders: 10_000 } } else { A_FEW };
    storm("storms::anyone_is_killed_at_any_time_under_load", least, anyone).await;
}
