//! Clocks that are wrong: of each service alone, by hours and by days, ahead and behind, and set right again while it runs.
//!
//! libfaketime stands between a real process and its clock, which needs no line of code in it. A service whose clock is
//! wrong understands nobody's tokens and nobody his, so the shop sells little meanwhile; what counts is what is left
//! behind when clocks are right again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use service_kit::testing::eventually;
use shared_types::BookId;
use tokio::task::JoinSet;

use crate::{
    cluster::{Basket, Bought, Caller, Catalog, Cluster, Delivery, Gateway, Order, Part, Payments},
    storms::is_long,
};

/// Seconds by which a clock is wrong.
const OFFSETS_S: [i64; 4] = [3_600, -3_600, 864_000, -864_000];
/// A card that is charged, one whose webhook comes before its answer, and one whose bank takes its time.
const CARDS: [&str; 3] = ["4242424242424242", "4000000000000606", "4000002500003155"];
/// Purchases that show that the shop sells.
const ENOUGH: u64 = 6;

/// The clock of one process, in the hands of a test.
pub struct WrongClock {
    library: PathBuf,
    offset: PathBuf,
}

impl WrongClock {
    /// Right, until it is set. Needs Debian's package `libfaketime`.
    pub fn new(notes: PathBuf) -> WrongClock {
        let folders = fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
        let libraries = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
        let library = libraries.into_iter().find(|path| path.exists());
        let clock = WrongClock { library: library.expect("libfaketime is installed"), offset: notes };
        clock.set(0);
        clock
    }

    /// Wrong by so many seconds from now on, or right again.
    pub fn set(&self, offset_s: i64) {
        // Renamed, so that nobody reads half of it.
        let written = self.offset.with_extension("new");
        fs::write(&written, format!("{offset_s:+}")).unwrap();
        fs::rename(&written, &self.offset).unwrap();
    }

    /// Runs this program by this clock.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.offset);
        // Deadlines are measured by a clock that nobody sets.
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_NO_CACHE", "1").env("NO_FAKE_STAT", "1");
        command
    }
}

/// Buyers who go on whatever they are told.
struct Buyers {
    home: Arc<AtomicBool>,
    sold: Arc<AtomicU64>,
    clients: JoinSet<()>,
}

impl Buyers {
    fn come(caller: &Caller, book: BookId) -> Buyers {
        let (home, sold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut clients = JoinSet::new();
        for card in CARDS.map(Some).into_iter().chain([None]) {
            let (caller, home, sold) = (caller.clone(), home.clone(), sold.clone());
            clients.spawn(async move {
                while !home.load(Ordering::SeqCst) {
                    let basket = Basket::of(&[(book, 1)]).delivered();
                    let basket = card.map_or(basket.clone(), |card| basket.by_card(card));
                    if let Bought::Yes(_) = caller.buy(&basket).await {
                        sold.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        Buyers { home, sold, clients }
    }

    async fn until_more_is_sold(&self, what: &str) {
        let before = self.sold.load(Ordering::SeqCst);
        eventually(what, async || self.sold.load(Ordering::SeqCst) >= before + ENOUGH).await;
    }

    async fn go_home(self) -> u64 {
        self.home.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
        self.sold.load(Ordering::SeqCst)
    }
}

async fn a_clock_is_wrong(part: Part) {
    let mut shop = Cluster::start().await;
    let book = shop.book("In Time", 1_000_000).await;
    let clock = WrongClock::new(shop.notes("clock"));
    shop.by_clock(part, &clock).await;
    shop.until_ready().await;
    let buyers = Buyers::come(&shop.operator(), book);
    buyers.until_more_is_sold("the shop sells").await;
    for offset_s in OFFSETS_S {
        clock.set(offset_s);
        let while_wrong = Duration::from_secs(if is_long() { 20 } else { 1 });
        // Nothing is waited for: it is wrong for so long.
        tokio::time::interval_at(tokio::time::Instant::now() + while_wrong, while_wrong).tick().await;
        clock.set(0);
        buyers.until_more_is_sold(&format!("{part:?} was wrong by {offset_s} s, and the shop sells again")).await;
    }
    let sold = buyers.go_home().await;
    let rest = shop.check().await;
    eprintln!("{part:?}: {sold} purchases, at rest {rest:?} after the last");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs libfaketime; `scripts/test` runs it"]
async fn the_catalogs_clock_is_wrong_and_nothing_is_lost() {
    a_clock_is_wrong(Catalog).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs libfaketime; `scripts/test` runs it"]
async fn the_order_services_clock_is_wrong_and_nothing_is_lost() {
    a_clock_is_wrong(Order).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs libfaketime; `scripts/test` runs it"]
async fn the_delivery_services_clock_is_wrong_and_nothing_is_lost() {
    a_clock_is_wrong(Delivery).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs libfaketime; `scripts/test` runs it"]
async fn the_gateways_clock_is_wrong_and_nothing_is_lost() {
    a_clock_is_wrong(Gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs libfaketime; `scripts/test` runs it"]
async fn the_banks_clock_is_wrong_and_nothing_is_lost() {
    a_clock_is_wrong(Payments).await;
}
