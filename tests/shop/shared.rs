//! What replicas share, in the hands of an enemy. Redis holds nothing that decides; PostgreSQL decides everything, and
//! whoever has no answer of it has none to give. They need replicas, so they are run by `scripts/test`, or with
//! `LASTCOPY_TEST_DB=postgres LASTCOPY_TEST_REPLICAS=2 cargo test --test shop -- --ignored`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use service_kit::testing::{PostgresServer, TestDatabase, eventually};

use crate::{
    cluster::{Basket, Bought, Caller, Catalog, Cluster, Cutter},
    seed::Seed,
    storms::{Crowd, anyone, duration, is_long, kill_while},
};

/// Copies of the book that everybody wants.
const SCARCE: i64 = 40;
/// Replicas that die while PostgreSQL and Redis are away.
const KILLS_PER_ROUND: usize = 4;

/// Everybody has gone home, the wanted book is sold to the last copy, and nothing is missing.
async fn in_the_evening(shop: Cluster, crowd: Crowd, caller: &Caller, wanted: shared_types::BookId) -> u64 {
    let sold = crowd.go_home().await;
    while let Bought::Yes(_) = caller.buy(&Basket::of(&[(wanted, 1)])).await {}
    eventually("the last copy is gone", async || caller.on_hand(wanted).await == 0).await;
    shop.finish().await;
    sold
}

/// Sells for a moment.
async fn trade(crowd: &Crowd) {
    let before = crowd.sold();
    eventually("the crowd buys", async || crowd.sold() > before + 8).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs replicas; `scripts/test` runs it"]
async fn a_redis_that_is_emptied_slow_killed_and_back_changes_no_audit() {
    let shop = Cluster::start().await;
    let (wanted, plenty) = (shop.book("Wanted", SCARCE).await, shop.book("Plenty", 1_000_000).await);
    let caller = shop.operator();
    let crowd = Crowd::gather(&caller, wanted, plenty);
    let (began, mut rounds) = (Instant::now(), 0);
    while rounds < 3 || began.elapsed() < duration() {
        shop.redis().flush();
        trade(&crowd).await;
        shop.redis().pause();
        shop.redis().resume();
        shop.redis().kill();
        trade(&crowd).await;
        shop.redis().start_again();
        rounds += 1;
    }
    let sold = in_the_evening(shop, crowd, &caller, wanted).await;
    eprintln!("Redis emptied, stopped and killed {rounds} times, {sold} orders acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs replicas; `scripts/test` runs it"]
async fn a_postgres_that_is_killed_again_and_again_loses_no_acknowledged_order() {
    let server = Arc::new(tokio::task::spawn_blocking(|| PostgresServer::start("", &[])).await.unwrap());
    let own = async |name: &str| TestDatabase::on(server.clone(), name).await;
    let mut shop = Cluster::start_on(own, &[]).await;
    let (wanted, plenty) = (shop.book("Wanted", SCARCE).await, shop.book("Plenty", 1_000_000).await);
    let caller = shop.operator();
    let crowd = Crowd::gather(&caller, wanted, plenty);
    let (began, mut kills) = (Instant::now(), 0);
    while kills < 3 || began.elapsed() < duration() {
        trade(&crowd).await;
        let server = server.clone();
        let again = tokio::task::spawn_blocking(move || {
            server.kill();
            server.start_again();
        });
        again.await.unwrap();
        kills += 1;
    }
    // Nobody had to be started again.
    trade(&crowd).await;
    assert!(!shop.is_dead(Catalog));
    let sold = in_the_evening(shop, crowd, &caller, wanted).await;
    eprintln!("PostgreSQL killed {kills} times, {sold} orders acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs replicas; `scripts/test` runs it"]
async fn lines_that_are_cut_during_commit_lose_no_acknowledged_order_and_double_none() {
    let first = TestDatabase::create("cut").await;
    let cutter = Cutter::before(first.url()).await;
    let by_these_lines = async |name: &str| TestDatabase::create(name).await.by_way_of(|url| cutter.way_to(url));
    let shop = Cluster::start_on(by_these_lines, &[]).await;
    let (wanted, plenty) = (shop.book("Wanted", SCARCE).await, shop.book("Plenty", 1_000_000).await);
    let caller = shop.operator();
    let crowd = Crowd::gather(&caller, wanted, plenty);
    let enough = if is_long() { 200 } else { 8 };
    cutter.cut(true);
    let began = Instant::now();
    eventually("many commits were cut on either side", async || {
        let (unheard, unanswered) = cutter.cuts();
        (unheard >= enough && unanswered >= enough) || began.elapsed() > duration() + Duration::from_secs(20)
    })
    .await;
    cutter.cut(false);
    let (unheard, unanswered) = cutter.cuts();
    assert!(unheard >= 2 && unanswered >= 2, "{unheard} {unanswered}");
    let sold = in_the_evening(shop, crowd, &caller, wanted).await;
    eprintln!("{unheard} commits unheard, {unanswered} unanswered, {sold} orders acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs replicas; `scripts/test` runs it"]
async fn replicas_that_die_while_postgres_and_redis_do_lose_no_acknowledged_order() {
    let seed = Seed::of("shared::replicas_that_die_while_postgres_and_redis_do_lose_no_acknowledged_order");
    let server = Arc::new(tokio::task::spawn_blocking(|| PostgresServer::start("", &[])).await.unwrap());
    let first = TestDatabase::on(server.clone(), "cut").await;
    let cutter = Cutter::before(first.url()).await;
    let by_these_lines =
        async |name: &str| TestDatabase::on(server.clone(), name).await.by_way_of(|url| cutter.way_to(url));
    let mut shop = Cluster::start_on(by_these_lines, &[]).await;
    let (wanted, plenty) = (shop.book("Wanted", SCARCE).await, shop.book("Plenty", 1_000_000).await);
    let caller = shop.operator();
    let crowd = Crowd::gather(&caller, wanted, plenty);
    let (mut dice, began, mut kills) = (seed.dice(0), Instant::now(), 0);
    cutter.cut(true);
    while kills < 3 * KILLS_PER_ROUND || began.elapsed() < duration() {
        shop.redis().kill();
        let server = server.clone();
        let postgres = tokio::task::spawn_blocking(move || {
            server.kill();
            server.start_again();
        });
        kills += kill_while(&mut shop, &mut dice, anyone, |kills| kills < KILLS_PER_ROUND).await;
        postgres.await.unwrap();
        shop.redis().start_again();
        trade(&crowd).await;
    }
    cutter.cut(false);
    let (unheard, unanswered) = cutter.cuts();
    assert!(unheard >= 2 && unanswered >= 2, "{unheard} {unanswered}");
    let sold = in_the_evening(shop, crowd, &caller, wanted).await;
    let figures =
        format!("{kills} kills of replicas, {unheard} commits unheard, {unanswered} unanswered, {sold} orders");
    eprintln!("{figures} acknowledged");
}
