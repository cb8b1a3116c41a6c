use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::{Answer, Shop, collect, deliver};

fn event(id: &str, order: &str, version: i64, status: &str) -> Value {
    let data = json!({"delivery_id": format!("{order}:d1"), "order_id": order, "version": version, "status": status});
    envelope(id, "lastcopy.delivery.changed", order, data)
}

fn envelope(id: &str, kind: &str, subject: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/delivery", "type": kind, "subject": subject,
           "time": "2026-11-18T11:06:40.123456Z", "datacontenttype": "application/json", "data": data})
}

async fn post(shop: &Shop, events: &[Value]) -> Answer {
    shop.send(Method::POST, "/events", None, Some(&json!(events))).await
}

fn outcomes(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["results"].as_array().unwrap().iter().map(|result| result["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_parcel_shows_where_it_is_however_its_events_come() {
    let shop = Shop::open("events").await;
    let id = shop.checkout(&deliver(&[(1, 1)])).await.order_id();
    shop.settled(&id).await;
    let fulfillment = async || shop.order(&id).await["fulfillment"].clone();

    let shipped = event("e2", &id, 2, "shipped");
    assert_eq!(
        outcomes(&post(&shop, &[event("e1", &id, 1, "scheduled"), shipped.clone()]).await),
        ["handled", "handled"]
    );
    assert_eq!(fulfillment().await, "shipped");
    assert_eq!(outcomes(&post(&shop, &[shipped]).await), ["duplicate"]);
    // The newest first; what it overtook is old news.
    let late = [event("e5", &id, 5, "delivered"), event("e3", &id, 3, "failed"), event("e4", &id, 4, "scheduled")];
    assert_eq!(outcomes(&post(&shop, &late).await), ["handled", "handled", "handled"]);
    assert_eq!(fulfillment().await, "delivered");
    let moves = ["place", "copies_taken", "delivery_booked", "delivery_moved", "delivery_moved"];
    assert_eq!(shop.history(&id).await, moves);
    let order = shop.order(&id).await;
    assert_eq!(
        (&order["state"], &order["stock"], &order["settled"]),
        (&json!("approved"), &json!("taken"), &json!(true))
    );
    shop.close().await;
}

#[tokio::test]
async fn the_same_event_in_parallel_moves_the_order_once() {
    let shop = Shop::open("event_race").await;
    let id = shop.checkout(&deliver(&[(1, 1)])).await.order_id();
    shop.settled(&id).await;
    let batch = [event("e2", &id, 2, "shipped")];
    let answers = futures_util::future::join_all((0..8).map(|_| post(&shop, &batch))).await;
    let handled = answers.iter().filter(|answer| outcomes(answer) == ["handled"]).count();
    assert_eq!(handled, 1);
    assert_eq!(shop.history(&id).await.iter().filter(|command| *command == "delivery_moved").count(), 1);
    shop.close().await;
}

#[tokio::test]
async fn an_event_that_overtakes_the_booking_is_the_booking() {
    let shop = Shop::open("overtaken").await;
    shop.neighbours.delivery_is(crate::neighbours::Mood::LosesReplies);
    let id = shop.checkout(&deliver(&[(1, 1)])).await.order_id();
    assert_eq!(outcomes(&post(&shop, &[event("e1", &id, 1, "scheduled")]).await), ["handled"]);
    let order = shop.settled(&id).await;
    assert_eq!((&order["fulfillment"], &order["delivery_id"]), (&json!("scheduled"), &json!(format!("{id}:d1"))));
    assert_eq!(shop.history(&id).await, ["place", "copies_taken", "delivery_moved"]);
    shop.close().await;
}

#[tokio::test]
async fn a_parcel_booked_by_hand_shows_on_an_order_without_an_address() {
    let shop = Shop::open("by_hand").await;
    let id = shop.checkout(&collect(&[(1, 1)])).await.order_id();
    assert_eq!(outcomes(&post(&shop, &[event("e1", &id, 1, "scheduled")]).await), ["handled"]);
    let order = shop.order(&id).await;
    assert_eq!((&order["fulfillment"], &order["delivery_id"]), (&json!("scheduled"), &json!(format!("{id}:d1"))));
    assert_eq!(outcomes(&post(&shop, &[event("e2", &id, 2, "canceled")]).await), ["handled"]);
    assert_eq!(shop.order(&id).await["fulfillment"], "none");
    assert_eq!(shop.neighbours.calls("deliveries"), 0);
    shop.close().await;
}

#[tokio::test]
async fn an_event_that_can_never_be_handled_holds_its_subject_and_no_other() {
    let shop = Shop::open("rejected").await;
    let id = shop.checkout(&deliver(&[(1, 1)])).await.order_id();
    shop.settled(&id).await;
    let unknown = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";
    let mut foreign = event("e3", unknown, 1, "shipped");
    foreign["data"]["delivery_id"] = json!(format!("{id}:d1"));
    let batch = [
        event("e1", unknown, 1, "scheduled"),
        event("e2", unknown, 2, "shipped"),
        event("e4", &id, 2, "shipped"),
        envelope("e5", "lastcopy.book.changed", "8", json!({"book_id": 8, "version": 3})),
    ];
    assert_eq!(outcomes(&post(&shop, &batch).await), ["rejected", "held", "handled", "handled"]);
    assert_eq!(outcomes(&post(&shop, &[foreign]).await), ["rejected"]);
    let nonsense = envelope("e6", "lastcopy.delivery.changed", "x", json!({"version": "two"}));
    assert_eq!(outcomes(&post(&shop, &[nonsense]).await), ["rejected"]);
    shop.close().await;
}
