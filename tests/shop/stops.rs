use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use service_kit::testing::eventually;
use shared_types::BookId;
use tokio::task::JoinSet;

use crate::{
    cluster::{Basket, Caller, Cluster, DRAIN_MS, SERVICES},
    seed::Seed,
    storms::{Crowd, is_long},
};

/// What is in flight is decided within seconds; the rest of the time belongs to a busy machine.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_told_to_stop_finishes_what_is_in_flight() {
    let mut shop = Cluster::start().await;
    let (wanted, plenty) = (shop.book("Wanted", 20).await, shop.book("Plenty", 1_000_000).await);
    let crowd = Crowd::gather(&shop.operator(), wanted, plenty);
    for part in SERVICES {
        let before = crowd.sold();
        eventually("the crowd buys", async || crowd.sold() > before + 20).await;
        let took = shop.stop(part).await;
        assert!(took < STOP_DEADLINE, "{part:?} took {took:?}");
        shop.restart(part).await;
    }
    crowd.go_home().await;
    shop.finish().await;
}

/// Buys and looks, each once: whoever asks for this is answered well, or the test fails.
async fn demand(caller: Caller, book: BookId, home: Arc<AtomicBool>, answered: Arc<AtomicU64>) {
    while !home.load(Ordering::SeqCst) {
        let basket = Basket::of(&[(book, 1)]).delivered();
        let bought = caller.try_to_buy(&basket).await.unwrap_or_else(|| panic!("a purchase without an answer"));
        assert!(matches!(bought.status, 201 | 202), "{bought:?}");
        for path in [format!("/books/{book}"), "/orders?limit=5".to_owned(), "/deliveries?limit=5".to_owned()] {
            let shown = caller.call(Method::GET, &path, None, None).await;
            assert_eq!(shown.as_ref().map(|answer| answer.status), Some(200), "{path}: {shown:?}");
        }
        answered.fetch_add(4, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs replicas; `scripts/test` runs it"]
async fn no_request_fails_while_every_replica_of_every_service_is_restarted_in_turn() {
    let mut shop = Cluster::start_with(&[format!("--drain-ms={DRAIN_MS}")]).await;
    let book = shop.book("Plenty", 1_000_000).await;
    let (home, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut customers = JoinSet::new();
    for _ in 0..6 {
        customers.spawn(demand(shop.operator(), book, home.clone(), answered.clone()));
    }
    for part in SERVICES {
        let before = answered.load(Ordering::SeqCst);
        shop.roll(part).await;
        eventually("customers are served", async || answered.load(Ordering::SeqCst) > before + 40).await;
    }
    home.store(true, Ordering::SeqCst);
    customers.join_all().await;
    eprintln!("{} requests, none failed", answered.load(Ordering::SeqCst));
    shop.finish().await;
}

/// How long after the last restart of a storm a purchase takes at most.
const SERVES_AFTER: Duration = Duration::from_secs(2);

/// Everything is killed and started again, a hundred times in the long run.
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_serves_at_once_however_often_all_of_it_was_restarted_under_load() {
    let seed = Seed::of("stops::a_shop_serves_at_once_however_often_all_of_it_was_restarted_under_load");
    let mut shop = Cluster::start().await;
    let (wanted, plenty) = (shop.book("Wanted", 40).await, shop.book("Plenty", 1_000_000).await);
    let (caller, restarts) = (shop.operator(), if is_long() { 99 } else { 4 });
    let sells = async || {
        let began = Instant::now();
        caller.buy(&Basket::of(&[(plenty, 1)])).await.order();
        began.elapsed()
    };
    // What a purchase costs on this machine anyway.
    let usual = sells().await;
    let crowd = Crowd::gather(&caller, wanted, plenty);
    for _ in 0..restarts {
        SERVICES.into_iter().for_each(|part| shop.kill(part));
        let before = crowd.sold();
        for part in SERVICES {
            shop.restart(part).await;
        }
        // Whoever is in the middle of a purchase has a chance to end it before the next blow.
        eventually("the crowd buys", async || crowd.sold() > before).await;
    }
    SERVICES.into_iter().for_each(|part| shop.kill(part));
    for part in SERVICES {
        shop.restart(part).await;
    }
    let took = sells().await;
    assert!(took <= SERVES_AFTER + usual, "serves only after {took:?}");
    let sold = crowd.go_home().await;
    shop.finish().await;
    let figures = format!("{} restarts of all, {sold} orders acknowledged, sells again after {took:.1?}", restarts + 1);
    seed.has_shown("restart storm", &figures);
}
