//! Disks that are full, that fail, and machines that lose power while they are needed.

use std::path::Path;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use service_kit::{db::log_of, testing::eventually};

use super::{Deed, Machine, Strace, Unsynced, engine_is_sqlite};
use crate::{
    cluster::{Catalog, Cluster, Delivery, Order, Part, Payments},
    storms::{self, Crowd},
};

/// Orders between two cuts, or under one failing disk.
const ORDERS: u64 = 10;
/// SQLite syncs with the one, the start of a service with the other.
const SLOW_SYNC: &str = "fsync,fdatasync:delay_enter=500000";
const PARTS: [Part; 4] = [Order, Catalog, Delivery, Payments];
/// What a disk answers to which call, and the last call of a thread that is answered so.
const FAILURES: [(&str, u64); 3] =
    [("pwrite64:error=EIO", 120), ("pwrite64:error=ENOSPC", 120), ("fdatasync:error=EIO", 12)];

async fn crowd(shop: &Cluster) -> Crowd {
    let (wanted, plenty) = (shop.book("Wanted", 10).await, shop.book("Plenty", 1_000_000).await);
    Crowd::gather(&shop.operator(), wanted, plenty)
}

/// A service is killed, and what it had not synced is gone or torn. The others go on, and in the end nothing is missing
/// anywhere: no copy, no order, no money.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn a_machine_that_loses_power_under_load_costs_the_shop_nothing() {
    engine_is_sqlite();
    let seed: u64 = rand::rng().random();
    eprintln!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut shop = Cluster::start().await;
    let crowd = crowd(&shop).await;
    let cuts = if storms::is_long() { 100 } else { 8 };
    for cut in 0..cuts {
        let part = PARTS[cut % PARTS.len()];
        let mut machine = Machine::of(&mut shop, part);
        let strace = Strace::to(shop.notes(&format!("cut-{cut}")));
        shop.watch(part, &strace).await.unwrap();
        let before = crowd.sold();
        let enough = chance.random_range(1..=ORDERS);
        eventually("the crowd buys", async || crowd.sold() >= before + enough).await;
        shop.kill(part);
        for deed in strace.deeds().await {
            machine.follow(&deed);
        }
        let unsynced = if chance.random() { Unsynced::Lost } else { Unsynced::Torn(chance.random()) };
        machine.disk.leave(unsynced, &shop.database_file(part));
        shop.restart(part).await;
    }
    eprintln!("{cuts} cuts, {} orders acknowledged", crowd.go_home().await);
    shop.finish().await;
}

/// Lets the nth call of each thread fail, for some n. A service may refuse, or end; it may not say what it did not keep,
/// and its successor is well.
async fn fail_at(part: Part, failure: &str, latest: u64) {
    let mut shop = Cluster::start().await;
    let (mut hindered, mut ended) = (0, 0);
    let rounds = if storms::is_long() { 60 } else { 3 };
    for round in 0..rounds {
        let nth = rand::rng().random_range(1..=latest);
        let strace = Strace::to(shop.notes(&format!("failure-{round}"))).only(&shop.database_file(part));
        let strace = strace.hindering(&format!("{failure}:when={nth}"));
        let crowd = crowd(&shop).await;
        // It may refuse to start on such a disk.
        if shop.watch(part, &strace).await.is_ok() {
            let before = crowd.sold();
            let sold = || crowd.sold() >= before + ORDERS;
            eventually("it ends, or the crowd buys", async || shop.is_dead(part) || sold()).await;
        }
        eprintln!("{part:?}, {failure} at call {nth}: {}", if shop.is_dead(part) { "it ended" } else { "it went on" });
        hindered += usize::from(strace.has_hindered());
        ended += usize::from(shop.is_dead(part));
        shop.restart(part).await;
        nothing_follows_a_failed_sync(&strace.deeds().await, &log_of(&shop.database_file(part)));
        crowd.go_home().await;
        shop.check().await;
    }
    eprintln!("{part:?}, {failure}: {hindered} failures in {rounds} rounds, {ended} of which ended the process");
    shop.finish().await;
}

/// Whoever was told that the log is not on the disk does not write to it again.
fn nothing_follows_a_failed_sync(deeds: &[Deed], log: &Path) {
    let failed = deeds.iter().position(|deed| matches!(deed, Deed::NotSynced(file) if file == log));
    let after = deeds.iter().skip(failed.map_or(deeds.len(), |failed| failed + 1));
    let more = after.filter(|deed| matches!(deed, Deed::Wrote { path, .. } if path == log));
    assert_eq!(more.count(), 0, "the log was written after its sync had failed");
}

/// SQLite takes no notice of a folder that cannot be synced, so the service does: its log might have no name after a power
/// cut.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn a_service_whose_folder_cannot_be_synced_does_not_start() {
    engine_is_sqlite();
    let mut shop = Cluster::start().await;
    for part in PARTS {
        let folder = shop.database_file(part).parent().unwrap().to_path_buf();
        let strace = Strace::to(shop.notes(&format!("folder-{part:?}"))).only_this(&folder);
        let watched = shop.watch(part, &strace.hindering("fsync:error=EIO")).await;
        assert!(watched.is_err(), "{part:?} started");
        shop.restart(part).await;
    }
    shop.finish().await;
}

async fn fail_everywhere(part: Part) {
    engine_is_sqlite();
    for (failure, latest) in FAILURES {
        fail_at(part, failure, latest).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn an_order_service_whose_disk_fails_says_nothing_that_it_did_not_keep() {
    fail_everywhere(Order).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn a_catalog_whose_disk_fails_says_nothing_that_it_did_not_keep() {
    fail_everywhere(Catalog).await;
}

/// The process is stopped at a sync. What it had written is still to be seen by its successor, but is not on
/// the disk: before the successor speaks of it, it must be.
async fn speak_of_nothing_unsynced(part: Part, at_sync: &str) {
    engine_is_sqlite();
    let mut shop = Cluster::start().await;
    let crowd = crowd(&shop).await;
    let mut machine = Machine::of(&mut shop, part);
    let file = shop.database_file(part);
    let hindering = Strace::to(shop.notes("hindering")).only(&file).hindering(at_sync);
    // The first sync may be one of its start.
    shop.watch(part, &hindering).await.ok();
    eventually("it ends at the sync", async || shop.is_dead(part)).await;
    for deed in hindering.deeds().await {
        machine.follow(&deed);
    }
    // Its own first sync takes a while, and it is asked meanwhile.
    let watching = Strace::to(shop.notes("watching")).hindering(SLOW_SYNC);
    shop.watch(part, &watching).await.unwrap();
    shop.operator().get("/orders?limit=200").await;
    let before = crowd.sold();
    eventually("the crowd buys", async || crowd.sold() > before).await;
    shop.kill(part);
    let deeds = watching.deeds().await;
    shop.restart(part).await;
    crowd.go_home().await;
    shop.finish().await;
    for deed in &deeds {
        machine.follow(deed);
        // Said in this moment, and the power is gone.
        if matches!(deed, Deed::Said(_)) {
            machine.cut(Unsynced::Lost);
        }
    }
    eprintln!("{part:?}, {at_sync}: {} cuts", machine.cuts);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn a_successor_speaks_of_nothing_that_its_killed_predecessor_had_not_synced() {
    for (part, nth) in [(Order, 3), (Order, 11), (Catalog, 2), (Catalog, 7)] {
        speak_of_nothing_unsynced(part, &format!("fdatasync:error=EIO:signal=KILL:when={nth}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace; `scripts/test` runs it"]
async fn what_a_failed_sync_left_behind_costs_the_successor_nothing() {
    for part in [Order, Catalog] {
        speak_of_nothing_unsynced(part, "fdatasync:error=EIO:when=7").await;
    }
}
