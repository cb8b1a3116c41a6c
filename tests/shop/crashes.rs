//! Every fault point of every service, as the production code enumerates them: the process dies there in the course of a
//! day, is started again, and in the evening nothing is missing.

use std::time::{Duration, Instant};

use service_kit::testing::eventually;

use crate::{
    cluster::{Catalog, Cluster, Delivery, Order, Part},
    day::Day,
};

/// From the new start of the service to the rest of every order.
const REST_DEADLINE: Duration = Duration::from_secs(10);

/// Dies at each point in turn. A point that no day reaches is a failure too.
async fn die_everywhere(part: Part, points: Vec<String>) {
    assert!(points.len() >= 4, "{points:?}");
    let mut shop = Cluster::start().await;
    let mut slowest = Duration::ZERO;
    for point in &points {
        slowest = slowest.max(die_at(&mut shop, part, point).await);
    }
    eprintln!("{part:?}: died at {} of {} points, at rest after {slowest:?} at most", points.len(), points.len());
    shop.finish().await;
}

/// A day in which the part dies at this point. The time from its new start to rest.
async fn die_at(shop: &mut Cluster, part: Part, point: &str) -> Duration {
    shop.with_fault(part, &format!("{point}=kill")).await;
    let day = tokio::spawn(Day::of(shop).live());
    // What a day leaves to the background may be done only after it, when a dead relay's lease has run out.
    eventually(&format!("{part:?} dies at {point}, to which a day leads"), async || shop.is_dead(part)).await;
    shop.restart(part).await;
    let began = Instant::now();
    let lived = day.await;
    assert!(lived.is_ok(), "after {point}: {lived:?}");
    // Orders are at rest before everybody outside has heard of them: a message that was under way waits for its lease.
    let rest = began.elapsed() + shop.check().await;
    assert!(rest <= REST_DEADLINE, "after {point}: at rest only after {rest:?}");
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_service_dies_at_every_fault_point_and_nothing_is_lost() {
    die_everywhere(Order, order_service::fault_points()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_dies_at_every_fault_point_and_nothing_is_lost() {
    die_everywhere(Catalog, catalog_service::fault_points()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delivery_service_dies_at_every_fault_point_and_nothing_is_lost() {
    die_everywhere(Delivery, delivery_service::fault_points()).await;
}
