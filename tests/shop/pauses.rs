//! Services that are stopped for longer than every time-out and lease, and go on as if nothing had been.

use std::time::Duration;

use service_kit::{
    db::Engine,
    testing::{TestDatabase, eventually},
};

use crate::{
    cluster::{Cluster, Order, SERVICES},
    storms::{Crowd, is_long},
};

/// Longer than calls wait (5 s) and than the leases of relays (4 s) and of orders; in the long run longer than those of
/// webhooks (30 s) and of SMS (60 s), too.
fn pause() -> Duration {
    Duration::from_secs(if is_long() { 65 } else { 7 })
}

/// Each in turn, while people buy. On PostgreSQL a second order service drives all the time, and finds the orders of the one
/// that is asleep; on SQLite the requests of buyers and the background drive the same orders.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_sleeps_beyond_every_lease_does_no_harm_when_he_wakes() {
    let mut shop = Cluster::start().await;
    let second = match TestDatabase::engine() {
        Engine::Sqlite => None,
        Engine::Postgres => Some(shop.one_more(Order).await),
    };
    let (wanted, plenty) = (shop.book("Wanted", 40).await, shop.book("Plenty", 1_000_000).await);
    let crowd = Crowd::gather(&shop.operator(), wanted, plenty);
    for part in SERVICES {
        let before = crowd.sold();
        eventually("people buy", async || crowd.sold() > before + 8).await;
        shop.pause(part);
        // How long it sleeps is all that happens here.
        tokio::time::interval_at(tokio::time::Instant::now() + pause(), pause()).tick().await;
        shop.wake(part);
    }
    let before = crowd.sold();
    eventually("people buy", async || crowd.sold() > before).await;
    let sold = crowd.go_home().await;
    eprintln!("everybody slept for {:?}, {sold} orders acknowledged", pause());
    shop.check().await;
    drop(second);
    shop.finish().await;
}
