use serde_json::json;
use service_kit::testing::eventually;
use shared_types::takings::TakingState;

use crate::{
    neighbours::Mood,
    shop::{Shop, collect, deliver, hasty},
};

#[tokio::test]
async fn a_take_whose_reply_is_lost_takes_once() {
    let shop = Shop::open("lost_take").await;
    shop.neighbours.catalog_is(Mood::LosesReplies);
    let buying = async { shop.checkout(&collect(&[(1, 1)])).await };
    let mending = async {
        eventually("the take was asked for twice", async || shop.neighbours.calls("PUT /takings") >= 2).await;
        shop.neighbours.catalog_is(Mood::Well);
    };
    let (bought, ()) = tokio::join!(buying, mending);
    assert_eq!((bought.status, &bought.json["state"]), (201, &json!("approved")));
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.copies_taken()), (9, 1));
    assert_eq!(shop.history(&bought.order_id()).await, ["place", "copies_taken"]);
    shop.close().await;
}

#[tokio::test]
async fn whatever_is_no_answer_is_asked_again_and_never_undone() {
    for (mood, name) in [
        (Mood::Down, "down"),
        (Mood::LosesReplies, "loses"),
        (Mood::Hangs, "hangs"),
        (Mood::Fails, "fails"),
        (Mood::Stranger, "stranger"),
        (Mood::Confused, "confused"),
    ] {
        let shop = Shop::open_with(name, hasty()).await;
        shop.neighbours.catalog_is(mood);
        let accepted = shop.checkout(&deliver(&[(1, 1)])).await;
        let id = accepted.order_id();
        assert_eq!((accepted.status, accepted.location), (202, Some(format!("/orders/{id}"))), "{mood:?}");
        assert_eq!(
            (&accepted.json["state"], &accepted.json["stock"]),
            (&json!("pending"), &json!("taking")),
            "{mood:?}"
        );
        eventually("it is asked again", async || shop.neighbours.calls("PUT /takings") >= 3).await;
        assert_eq!(shop.neighbours.calls("give-back"), 0, "{mood:?}");
        shop.neighbours.catalog_is(Mood::Well);
        let order = shop.settled(&id).await;
        assert_eq!((&order["state"], &order["fulfillment"]), (&json!("approved"), &json!("scheduled")), "{mood:?}");
        assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.copies_taken()), (9, 1), "{mood:?}");
        shop.close().await;
    }
}

#[tokio::test]
async fn a_placed_order_survives_a_restart() {
    let shop = Shop::open_with("restart", hasty()).await;
    shop.neighbours.catalog_is(Mood::Down);
    let accepted = shop.checkout(&deliver(&[(1, 1)])).await;
    assert_eq!(accepted.status, 202);
    let shop = shop.restart().await;
    assert_eq!(shop.order(&accepted.order_id()).await["state"], "pending");
    shop.neighbours.catalog_is(Mood::Well);
    let order = shop.settled(&accepted.order_id()).await;
    assert_eq!((&order["state"], shop.neighbours.copies_taken()), (&json!("approved"), 1));
    shop.close().await;
}

#[tokio::test]
async fn an_unfinished_order_is_taken_up_at_the_start_whatever_its_lease() {
    let mut pace = hasty();
    // Far beyond any test: only the start can make the order due again.
    (pace.lease_ms, pace.call_ms) = (3_600_000, 60_000);
    let shop = Shop::open_with("lease", pace).await;
    shop.neighbours.catalog_is(Mood::Hangs);
    let accepted = shop.checkout(&collect(&[(1, 1)])).await;
    assert_eq!((accepted.status, shop.neighbours.calls("PUT /takings")), (202, 1));
    shop.neighbours.catalog_is(Mood::Well);
    let shop = shop.restart().await;
    assert_eq!(shop.settled(&accepted.order_id()).await["state"], "approved");
    assert_eq!(shop.neighbours.on_hand(1), 9);
    shop.close().await;
}

#[tokio::test]
async fn an_order_that_the_catalog_does_not_understand_is_canceled_behind_a_tombstone() {
    let shop = Shop::open_with("misunderstood", hasty()).await;
    shop.neighbours.catalog_is(Mood::Refuses);
    let accepted = shop.checkout(&collect(&[(1, 1)])).await;
    let id = accepted.order_id();
    assert_eq!((accepted.status, &accepted.json["state"]), (202, &json!("canceled")));
    assert_eq!((&accepted.json["stock"], shop.neighbours.calls("PUT /takings")), (&json!("giving_back"), 1));
    shop.neighbours.catalog_is(Mood::Well);
    let order = shop.settled(&id).await;
    assert_eq!((&order["state"], &order["stock"]), (&json!("canceled"), &json!("none")));
    assert!(order["reason"].as_str().unwrap().contains("lines are not valid"), "{order}");
    assert_eq!(shop.neighbours.taking(&id), Some(TakingState::GivenBack));
    shop.close().await;
}

#[tokio::test]
async fn copies_that_are_not_what_was_asked_for_are_given_back_and_not_sold() {
    let shop = Shop::open("lies").await;
    shop.neighbours.catalog_is(Mood::Lies);
    let refused = shop.checkout(&collect(&[(1, 1)])).await;
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("invalid_transition")));
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.copies_taken()), (10, 0));
    assert_eq!(shop.history(&refused.order_id()).await, ["place", "cancel", "copies_given_back"]);
    shop.close().await;
}

#[tokio::test]
async fn a_taking_that_somebody_gave_back_cancels_the_order() {
    let shop = Shop::open_with("given_back", hasty()).await;
    shop.neighbours.catalog_is(Mood::LosesReplies);
    let accepted = shop.checkout(&collect(&[(1, 1)])).await;
    let id = accepted.order_id();
    shop.neighbours.give_back_by_hand(id.parse().unwrap());
    shop.neighbours.catalog_is(Mood::Well);
    let order = shop.settled(&id).await;
    assert_eq!((&order["state"], &order["stock"]), (&json!("canceled"), &json!("none")));
    assert_eq!(shop.neighbours.on_hand(1), 10);
    shop.close().await;
}

#[tokio::test]
async fn a_buyer_does_not_wait_for_the_parcel_and_a_lost_reply_books_one() {
    let shop = Shop::open_with("parcel", order_service::Pace { call_ms: 100, ..crate::shop::patient() }).await;
    shop.neighbours.delivery_is(Mood::LosesReplies);
    let bought = shop.checkout(&deliver(&[(1, 1)])).await;
    assert_eq!((bought.status, &bought.json["fulfillment"]), (201, &json!("none")));
    eventually("the parcel is asked for again", async || shop.neighbours.calls("PUT /deliveries") >= 3).await;
    shop.neighbours.delivery_is(Mood::Hangs);
    eventually("and again", async || shop.neighbours.calls("PUT /deliveries") >= 5).await;
    shop.neighbours.delivery_is(Mood::Well);
    let order = shop.settled(&bought.order_id()).await;
    assert_eq!(order["fulfillment"], "scheduled");
    assert_eq!(shop.neighbours.deliveries(), [format!("{}:d1", bought.order_id())]);
    assert_eq!(shop.history(&bought.order_id()).await, ["place", "copies_taken", "delivery_booked"]);
    shop.close().await;
}

#[tokio::test]
async fn a_booking_that_is_refused_stays_the_shops_business_and_not_the_buyers() {
    let shop = Shop::open("refused_parcel").await;
    shop.neighbours.delivery_is(Mood::Refuses);
    let bought = shop.checkout(&deliver(&[(1, 1)])).await;
    assert_eq!(bought.status, 201);
    eventually("it is asked again", async || shop.neighbours.calls("PUT /deliveries") >= 2).await;
    assert_eq!(
        (shop.order(&bought.order_id()).await["state"].clone(), shop.neighbours.copies_taken()),
        (json!("approved"), 1)
    );
    shop.neighbours.delivery_is(Mood::Well);
    assert_eq!(shop.settled(&bought.order_id()).await["fulfillment"], "scheduled");
    shop.close().await;
}

#[tokio::test]
async fn a_parcel_that_was_canceled_before_it_was_booked_is_followed_by_another() {
    let shop = Shop::open("canceled_parcel").await;
    shop.neighbours.delivery_is(Mood::Down);
    let bought = shop.checkout(&deliver(&[(1, 1)])).await;
    let id: shared_types::OrderId = bought.order_id().parse().unwrap();
    shop.neighbours.cancel_delivery(id.delivery(1));
    shop.neighbours.delivery_is(Mood::Well);
    let order = shop.settled(&bought.order_id()).await;
    assert_eq!((&order["state"], &order["fulfillment"]), (&json!("approved"), &json!("scheduled")));
    assert_eq!(order["delivery_id"], json!(id.delivery(2)), "a buyer who paid gets his books");
    shop.close().await;
}

#[tokio::test]
async fn readiness_names_the_neighbour_that_is_away() {
    let shop = Shop::open("ready").await;
    assert_eq!(shop.get("/health/ready").await.status, 200);
    shop.neighbours.leave().await;
    eventually("it is noticed", async || shop.get("/health/ready").await.status == 503).await;
    let ready = shop.get("/health/ready").await;
    let parts: Vec<&str> =
        ready.json["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(parts, ["catalog", "delivery"]);
    assert_eq!(shop.get("/health/live").await.status, 200);
    shop.close().await;
}
