use reqwest::Method;
use serde_json::json;
use service_kit::testing::eventually;
use shared_types::{OrderId, takings::TakingState};

use crate::{
    neighbours::Mood,
    shop::{Shop, collect, deliver, hasty},
};

#[tokio::test]
async fn a_take_that_arrives_after_the_cancellation_takes_nothing() {
    let shop = Shop::open_with("late_take", hasty()).await;
    shop.neighbours.catalog_is(Mood::Down);
    let accepted = shop.checkout(&deliver(&[(1, 1)])).await;
    let id = accepted.order_id();
    let canceled =
        shop.send(Method::POST, &format!("/orders/{id}/cancel"), None, Some(&json!({"reason": "too slow"}))).await;
    assert_eq!((canceled.status, canceled.location), (202, Some(format!("/orders/{id}"))));
    assert_eq!((&canceled.json["state"], &canceled.json["stock"]), (&json!("canceled"), &json!("giving_back")));
    shop.neighbours.catalog_is(Mood::Well);
    let order = shop.settled(&id).await;
    assert_eq!(
        (&order["state"], &order["stock"], &order["reason"]),
        (&json!("canceled"), &json!("none"), &json!("too slow"))
    );
    let order_id: OrderId = id.parse().unwrap();
    assert_eq!(shop.neighbours.late_take(order_id.taking(1), 1), TakingState::GivenBack);
    assert_eq!(shop.neighbours.on_hand(1), 10);
    assert_eq!(shop.history(&id).await, ["place", "cancel", "copies_given_back"]);
    assert_eq!(shop.neighbours.deliveries(), Vec::<String>::new());
    shop.close().await;
}

#[tokio::test]
async fn copies_taken_without_anybody_hearing_so_go_back_when_the_order_is_canceled() {
    let shop = Shop::open_with("unheard", hasty()).await;
    shop.neighbours.catalog_is(Mood::LosesReplies);
    let accepted = shop.checkout(&collect(&[(1, 2)])).await;
    let id = accepted.order_id();
    assert_eq!((accepted.status, shop.neighbours.on_hand(1)), (202, 8));
    assert_eq!(shop.cancel(&id).await.status, 202);
    shop.neighbours.catalog_is(Mood::Well);
    shop.settled(&id).await;
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.taking(&id)), (10, Some(TakingState::GivenBack)));
    shop.close().await;
}

#[tokio::test]
async fn a_cancellation_while_the_take_is_under_way_is_answered_with_the_copies_back() {
    let shop = Shop::open("under_way").await;
    shop.neighbours.catalog_is(Mood::Hangs);
    let buying = async { shop.checkout(&collect(&[(1, 1)])).await };
    let canceling = async {
        eventually("the take is under way", async || shop.neighbours.on_hand(1) == 9).await;
        shop.neighbours.catalog_is(Mood::Well);
        let listed = shop.get("/orders").await;
        shop.cancel(listed.json["items"][0]["id"].as_str().unwrap()).await
    };
    let (bought, canceled) = tokio::join!(buying, canceling);
    assert_eq!((canceled.status, &canceled.json["stock"]), (200, &json!("none")));
    assert_eq!((bought.status, &bought.json["code"]), (409, &json!("invalid_transition")));
    assert_eq!(shop.neighbours.on_hand(1), 10);
    shop.close().await;
}

#[tokio::test]
async fn what_is_final_cannot_be_canceled() {
    let shop = Shop::open("final").await;
    let approved = shop.checkout(&collect(&[(1, 1)])).await.order_id();
    let refused = shop.checkout(&collect(&[(3, 1)])).await.order_id();
    for id in [approved, refused] {
        let before = shop.order(&id).await;
        let answer = shop.cancel(&id).await;
        assert_eq!((answer.status, &answer.json["code"]), (409, &json!("invalid_transition")));
        assert_eq!(shop.order(&id).await, before);
    }
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.calls("give-back")), (9, 0));
    shop.close().await;
}

#[tokio::test]
async fn a_cancellation_and_an_approval_in_the_same_instant_agree() {
    let shop = Shop::open("same_instant").await;
    for _ in 0..10 {
        let buying = async { shop.checkout(&collect(&[(1, 1)])).await };
        let canceling = async {
            let pending = async || shop.get("/orders?state=pending&limit=1").await.json["items"][0]["id"].clone();
            match pending().await.as_str() {
                Some(id) => Some(shop.cancel(id).await.status),
                None => None,
            }
        };
        let (bought, canceled) = tokio::join!(buying, canceling);
        match canceled {
            Some(200) => assert_eq!(bought.status, 409),
            Some(409) | None => assert_eq!(bought.status, 201),
            Some(other) => panic!("canceling answered {other}"),
        }
    }
    let listed = shop.get("/orders?state=approved").await;
    let approved = i64::try_from(listed.json["items"].as_array().unwrap().len()).unwrap();
    assert_eq!((shop.neighbours.copies_taken(), shop.neighbours.on_hand(1)), (approved, 10 - approved));
    shop.close().await;
}

#[tokio::test]
async fn a_repeated_cancellation_with_its_key_is_the_same_cancellation() {
    let shop = Shop::open_with("cancel_key", hasty()).await;
    shop.neighbours.catalog_is(Mood::Down);
    let id = shop.checkout(&collect(&[(1, 1)])).await.order_id();
    let path = format!("/orders/{id}/cancel");
    let body = json!({"reason": "two clicks"});
    let cancel = async || shop.send(Method::POST, &path, Some("k1"), Some(&body)).await;
    assert_eq!((cancel().await.status, cancel().await.status), (202, 202));
    shop.neighbours.catalog_is(Mood::Well);
    shop.settled(&id).await;
    let first = cancel().await;
    assert_eq!((first.status, &first.json["state"]), (200, &json!("canceled")));
    assert_eq!(cancel().await, first);
    assert_eq!(shop.cancel(&id).await.status, 409);
    let other = shop.send(Method::POST, &path, Some("k1"), Some(&json!({"reason": "another"}))).await;
    assert_eq!((other.status, &other.json["code"]), (422, &json!("key_reused")));
    assert_eq!(shop.history(&id).await, ["place", "cancel", "copies_given_back"]);
    shop.close().await;
}
