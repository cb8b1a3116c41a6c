use serde_json::{Value, json};
use service_kit::testing::eventually;
use shared_types::events::CloudEvent;

use crate::stage::{FakeOrder, Stage, fresh_id};

fn data(event: &CloudEvent) -> Value {
    serde_json::from_str(event.data.get()).unwrap()
}

#[tokio::test]
async fn the_order_service_is_told_of_every_change_in_order() {
    let order = FakeOrder::start().await;
    let stage = Stage::with_order_service("told", Some(order.url())).await;
    let id = stage.delivery_after(&["shipped", "failed", "scheduled", "shipped", "delivered"]).await;
    // Neither a repeated booking nor a refused move is a change.
    assert_eq!(stage.book(&id).await.status, 200);
    assert_eq!(stage.advance(&id, "shipped").await.status, 409);
    eventually("six events arrive", async || order.told().len() >= 6).await;
    let stage = stage.restarted(Some(order.url())).await;
    let tombstone = fresh_id();
    assert_eq!(stage.cancel(&tombstone).await.status, 201);
    eventually("the tombstone's event arrives", async || order.told().len() >= 7).await;

    let told = order.told();
    assert_eq!(told.len(), 7);
    let order_id = id.strip_suffix(":d1").unwrap();
    let statuses = ["scheduled", "shipped", "failed", "scheduled", "shipped", "delivered"];
    for (n, (event, status)) in told.iter().zip(statuses).enumerate() {
        let version = n + 1;
        assert_eq!((event.specversion.as_str(), event.kind.as_str()), ("1.0", "lastcopy.delivery.changed"));
        assert_eq!((event.source.as_str(), event.subject.as_str()), ("lastcopy/delivery", order_id));
        assert_eq!(event.id, format!("{id}:{version}"));
        let expected = json!({"delivery_id": id, "order_id": order_id, "version": version, "status": status});
        assert_eq!(data(event), expected);
    }
    assert_eq!(data(&told[6])["status"], "canceled");
    stage.strike().await;
    order.stop().await;
}

#[tokio::test]
async fn an_order_service_that_was_down_is_told_when_it_is_back() {
    let first = FakeOrder::start().await;
    let (address, url) = (first.address(), first.url());
    let stage = Stage::with_order_service("down", Some(url.clone())).await;
    // Its keys are fetched when it first books; from then on nobody needs to reach it.
    stage.delivery_after(&[]).await;
    eventually("the booking is told", async || !first.told().is_empty()).await;
    first.stop().await;
    let id = stage.delivery_after(&["shipped"]).await;
    // Also across a restart of this service: what was not acknowledged is on disk.
    let stage = stage.restarted(Some(url)).await;
    assert_eq!(stage.advance(&id, "delivered").await.status, 200);
    let order = FakeOrder::start_at(address).await;
    eventually("all three events arrive", async || order.told().len() >= 3).await;
    let versions: Vec<Value> = order.told().iter().map(|event| data(event)["version"].clone()).collect();
    assert_eq!(json!(versions), json!([1, 2, 3]));
    stage.strike().await;
    order.stop().await;
}
