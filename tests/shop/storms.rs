use std::{
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rand::RngExt;
use shared_types::{BookId, Code};
use tokio::task::JoinSet;

use crate::cluster::{Basket, Bought, Caller, Catalog, Cluster, Delivery, Gateway, Order, Part, SERVICES};

const CLIENTS: usize = 8;
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
        for client in 0..CLIENTS {
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

/// Kills parts, each chosen by `choose`, at random moments while a crowd buys.
async fn storm(choose: impl Fn() -> Part) {
    let mut shop = Cluster::start().await;
    let (wanted, plenty) = (shop.book("Wanted", SCARCE).await, shop.book("Plenty", 1_000_000).await);
    let caller = shop.operator();
    let crowd = Crowd::gather(&caller, wanted, plenty);
    let (began, mut kills) = (Instant::now(), 0);
    while began.elapsed() < duration() {
        let part = choose();
        shop.kill(part);
        kills += 1;
        shop.restart(part).await;
        let pause = Duration::from_millis(rand::rng().random_range(PAUSE_MS));
        // Nothing is waited for: the blow may fall at any moment.
        tokio::time::interval_at(tokio::time::Instant::now() + pause, pause).tick().await;
    }
    let sold = crowd.go_home().await;
    eprintln!("{kills} kills, {sold} orders acknowledged");
    while let Bought::Yes(_) = caller.buy(&Basket::of(&[(wanted, 1)])).await {}
    assert_eq!(caller.on_hand(wanted).await, 0);
    assert!(sold > 0 && kills > 1, "{kills} kills, {sold} orders");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_is_killed_again_and_again_under_load() {
    storm(|| Catalog).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_service_is_killed_again_and_again_under_load() {
    storm(|| Order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delivery_service_is_killed_again_and_again_under_load() {
    storm(|| Delivery).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_is_killed_again_and_again_under_load() {
    storm(|| Gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anyone_is_killed_at_any_time_under_load() {
    storm(|| SERVICES[rand::rng().random_range(0..SERVICES.len())]).await;
}
