//! What a service told anybody outlives the loss of power at any moment, and a disk that fails.
//!
//! strace writes down what a real service writes, syncs and says. From that the disk is built up again as it was at every
//! sync, without what was not synced, or with a part of it: SQLite must find the database whole, and all that was
//! said before must be in it. Both are SQLite's: of PostgreSQL's disk PostgreSQL takes care.

/// Disks that are needed while they fail.
mod failures;
/// Disks that are full for long.
mod full;
/// What the disk holds after a cut.
mod image;
/// The process under watch.
mod strace;
/// What was said, and whether it is so.
mod word;

use rand::RngExt;
use reqwest::Method;
use serde_json::json;
use service_kit::{
    db::Engine,
    testing::{TestDatabase, eventually},
};

pub use strace::Strace;

use crate::{
    cluster::{Basket, Catalog, Cluster, Delivery, Gateway, Order, Part, Payments},
    day::{APPROVED, Day},
    storms::{self, Crowd},
};
use image::{Disk, Unsynced};
use strace::Deed;
use word::Words;

/// Cuts that are made of one recording; the long run makes them all.
const CUTS: usize = 80;
/// Orders that a crowd places while its shop is recorded.
const RECORDED_ORDERS: u64 = 60;
const PAID_BY_CARD: usize = 10;
const ACCOUNTS: usize = 3;

/// What is known of one service: its disk, what it said, and how far both were checked.
struct Machine {
    part: Part,
    disk: Disk,
    words: Words,
    cuts: usize,
    /// Where disks are looked at as a cut leaves them.
    bench: tempfile::TempDir,
}

impl Machine {
    /// Kills the service, whose files are taken as synced.
    fn of(shop: &mut Cluster, part: Part) -> Machine {
        shop.kill(part);
        let disk = Disk::holding(&shop.database_file(part));
        Machine { part, disk, words: Words::default(), cuts: 0, bench: tempfile::tempdir().unwrap() }
    }

    fn follow(&mut self, deed: &Deed) {
        if let Deed::Said(bytes) = deed {
            self.words.hear(self.part, bytes);
        }
        self.disk.follow(deed);
    }

    /// Cuts the power before every `stride`th sync, when all has been said that will be said until then.
    fn follow_and_cut(&mut self, deeds: &[Deed], stride: usize, seed: u64) {
        let mut syncs = usize::try_from(seed % 1_000).unwrap();
        for deed in deeds {
            if matches!(deed, Deed::Synced(_)) && self.disk.has_unsynced() {
                syncs += 1;
                if syncs % stride == 0 {
                    self.cut(Unsynced::Lost);
                    self.cut(Unsynced::Torn(seed ^ syncs as u64));
                }
            }
            self.follow(deed);
        }
        self.cut(Unsynced::Lost);
        self.cut(Unsynced::Kept);
    }

    fn cut(&mut self, unsynced: Unsynced) {
        let database = self.bench.path().join("after.db");
        self.disk.leave(unsynced, &database);
        let broken = self.words.broken(self.part, &database);
        self.cuts += 1;
        assert!(broken.is_empty(), "{:?}, cut {} with {unsynced:?}: {broken:#?}", self.part, self.cuts);
    }
}

/// A day in the shop, a crowd in it, buyers with cards, and people who open an account.
async fn a_busy_day(shop: &Cluster) {
    let (wanted, plenty) = (shop.book("Wanted", 10).await, shop.book("Plenty", 1_000_000).await);
    let crowd = Crowd::gather(&shop.operator(), wanted, plenty);
    for _ in 0..PAID_BY_CARD {
        shop.operator().buy(&Basket::of(&[(plenty, 1)]).by_card(APPROVED)).await.order();
    }
    for person in 0..ACCOUNTS {
        let wish = json!({"username": format!("reader{person}"), "email": format!("reader{person}@example.org"),
            "name": "A Reader", "password": "a pass phrase of nobody"});
        let answer = shop.anonymous().send(Method::POST, "/api/v1/auth/register", &wish).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    Day::of(shop).live().await;
    eventually("the crowd has bought", async || crowd.sold() >= RECORDED_ORDERS).await;
    crowd.go_home().await;
}

/// `scripts/test` asks for these tests on SQLite alone.
fn engine_is_sqlite() {
    assert_eq!(TestDatabase::engine(), Engine::Sqlite, "of PostgreSQL's disk PostgreSQL takes care");
}

async fn lose_power_everywhere(part: Part) {
    engine_is_sqlite();
    let mut shop = Cluster::start().await;
    let mut machine = Machine::of(&mut shop, part);
    let strace = Strace::to(shop.notes("deeds"));
    shop.watch(part, &strace).await.unwrap();
    a_busy_day(&shop).await;
    shop.kill(part);
    let deeds = strace.deeds().await;
    shop.restart(part).await;
    shop.finish().await;

    let syncs = deeds.iter().filter(|deed| matches!(deed, Deed::Synced(_))).count();
    let stride = if storms::is_long() { 1 } else { syncs.div_ceil(CUTS) };
    let seed = rand::rng().random();
    eprintln!("{part:?}: seed {seed}");
    let checked = tokio::task::spawn_blocking(move || {
        machine.follow_and_cut(&deeds, stride, seed);
        machine
    });
    let machine = checked.await.unwrap();
    eprintln!("{part:?}: {syncs} syncs, {} cuts, {} things told", machine.cuts, machine.words.len());
    assert!(machine.cuts > 20 && machine.words.len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn what_the_order_service_said_outlives_a_power_cut_at_any_sync() {
    lose_power_everywhere(Order).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn what_the_catalog_said_outlives_a_power_cut_at_any_sync() {
    lose_power_everywhere(Catalog).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn what_the_delivery_service_said_outlives_a_power_cut_at_any_sync() {
    lose_power_everywhere(Delivery).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn what_the_sandbox_bank_said_outlives_a_power_cut_at_any_sync() {
    lose_power_everywhere(Payments).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn what_the_gateway_said_outlives_a_power_cut_at_any_sync() {
    lose_power_everywhere(Gateway).await;
}
