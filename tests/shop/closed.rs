//! The gateway is the only door, and no order needs it: what was promised is kept while it is closed.

use service_kit::testing::eventually;

use crate::{
    cluster::{Catalog, Cluster, Delivery, Gateway, Order, Payments},
    storms::Crowd,
};

/// Orders that are under way when the door closes, at least.
const UNDER_WAY: i64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn orders_come_to_rest_while_the_gateway_stays_dead_whoever_else_dies_with_it() {
    let mut shop = Cluster::start().await;
    let (wanted, plenty) = (shop.book("Wanted", 20).await, shop.book("Plenty", 1_000_000).await);
    let caller = shop.operator();
    let crowd = Crowd::gather(&caller, wanted, plenty);
    eventually("people buy", async || crowd.sold() >= 8).await;

    shop.link(Order, Catalog).cut();
    eventually("orders are under way", async || shop.undecided_orders().await >= UNDER_WAY).await;
    for part in [Gateway, Order, Catalog, Delivery, Payments] {
        shop.kill(part);
    }
    assert!(shop.undecided_orders().await >= UNDER_WAY);
    shop.link(Order, Catalog).heal();
    // Nobody asks the gateway for its keys to start, nor for anything to finish.
    for part in [Payments, Catalog, Delivery, Order] {
        shop.restart(part).await;
    }
    shop.rests_without_the_gateway().await;
    assert!(shop.is_dead(Gateway));

    shop.restart(Gateway).await;
    assert!(crowd.go_home().await >= 8);
    shop.finish().await;
}
