//! Every fault point of every service, as the production code enumerates them: the process dies there in the course of a
//! day, is started again, and in the evening nothing is missing.

use std::time::{Duration, Instant};

use service_kit::{
    db::Engine,
    testing::{TestDatabase, eventually},
};

use crate::{
    cluster::{Catalog, Cluster, Delivery, Gateway, Order, Part},
    day::{Day, undisturbed_day},
    storms::is_long,
};

/// From the new start of the service to the rest of every order, over and above an undisturbed day: the day goes on after
/// the new start, and has orders of its own.
const REST_DEADLINE: Duration = Duration::from_secs(5);
/// A server's databases have other processes: whoever goes on with the work of a dead one waits for his lease.
const ORDER_LEASE: Duration = Duration::from_secs(6);

/// Dies at each point in turn. A point that no day reaches is a failure too.
async fn die_everywhere(part: Part, points: Vec<String>) {
    assert!(points.len() >= 4, "{points:?}");
    let mut shop = Cluster::start().await;
    let usual_day = undisturbed_day(&mut shop).await;
    let mut slowest = Duration::ZERO;
    for point in &points {
        slowest = slowest.max(die_at(&mut shop, part, point, usual_day).await);
    }
    let points = points.len();
    eprintln!("{part:?}: died at {points} points, at rest after {slowest:?} at most, a usual day {usual_day:?}");
    shop.finish().await;
}

/// A day in which the part dies at this point. The time from its new start to rest.
async fn die_at(shop: &mut Cluster, part: Part, point: &str, usual_day: Duration) -> Duration {
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
    let lease = if TestDatabase::engine() == Engine::Postgres { ORDER_LEASE } else { Duration::ZERO };
    assert!(rest <= usual_day + lease + REST_DEADLINE, "after {point}: at rest only after {rest:?}");
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

/// The gateway keeps nothing of an order, so it has no points of its own: it dies when it has heard so many answers of
/// its neighbours, and before it could pass the last of them on.
#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_dies_at_the_answers_of_its_neighbours_and_nothing_is_lost() {
    let mut shop = Cluster::start().await;
    let mut deaths = 0;
    let mut answers = 1;
    while dies_at_answer(&mut shop, answers).await {
        deaths += 1;
        answers += if is_long() { 1 } else { answers.div_ceil(2) };
    }
    assert!(deaths >= 6, "a day has more than {answers} answers");
    eprintln!("the gateway died {deaths} times, at {answers} answers at last");
    shop.finish().await;
}

/// A day in which the gateway dies at its so manyeth answer; says whether the day had so many.
async fn dies_at_answer(shop: &mut Cluster, answers: u64) -> bool {
    let heard = |shop: &Cluster| -> u64 {
        [Catalog, Order, Delivery].iter().map(|part| shop.link(Gateway, *part).replies_passed()).sum()
    };
    let before = heard(shop);
    let day = tokio::spawn(Day::of(shop).live());
    eventually("the day is over, or so many answers came", async || {
        day.is_finished() || heard(shop) >= before + answers
    })
    .await;
    let died = !day.is_finished();
    if died {
        shop.restart(Gateway).await;
    }
    let lived = day.await;
    assert!(lived.is_ok(), "dead at answer {answers}: {lived:?}");
    shop.check().await;
    died
}
