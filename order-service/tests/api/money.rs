use serde_json::{Value, json};
use service_kit::testing::eventually;
use shared_types::payments::PaymentStatus;

use crate::{
    neighbours::{Book, Mood},
    shop::{Answer, Shop, collect, deliver, hasty, patient},
};

/// One copy of book 1 at 12.99, or whatever the lines say, paid by card.
fn by_card(mut body: Value) -> Value {
    body["payment_method"] = json!("card");
    body["card"] = card();
    body
}

fn by_invoice(mut body: Value) -> Value {
    body["payment_method"] = json!("invoice");
    body
}

fn card() -> Value {
    json!({"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "123"})
}

fn axes(order: &Value) -> (&str, &str, &str) {
    let axis = |name: &str| order[name].as_str().unwrap();
    (axis("state"), axis("stock"), axis("payment"))
}

async fn pay(shop: &Shop, order: &str) -> Answer {
    shop.post(&format!("/orders/{order}/payments"), &json!({"card": card()})).await
}

#[tokio::test]
async fn a_card_is_charged_for_copies_that_are_taken_and_the_order_is_approved() {
    let shop = Shop::open("by_card").await;
    let bought = shop.checkout(&by_card(deliver(&[(1, 2)]))).await;
    assert_eq!((bought.status, axes(&bought.json)), (201, ("approved", "taken", "paid")));
    let order = shop.settled(&bought.order_id()).await;
    assert_eq!((&order["payments"][0]["state"], &order["total"]), (&json!("succeeded"), &json!(25.98)));
    assert_eq!(order["fulfillment"], "scheduled");
    assert_eq!(shop.neighbours.bank.keeps(), 2_598);
    let made = shop.neighbours.made();
    let place = |call: &str| made.iter().position(|made| made.contains(call)).unwrap();
    assert!(place("PUT /takings") < place("PUT /payments") && place("PUT /payments") < place("PUT /deliveries"));
    shop.close().await;
}

#[tokio::test]
async fn a_bank_that_charged_and_did_not_answer_charges_once_and_the_key_finds_that_order() {
    let shop = Shop::open_with("silent_bank", hasty()).await;
    shop.neighbours.bank.is(Mood::LosesReplies);
    let body = by_card(collect(&[(1, 1)]));
    let first = shop.checkout_with("silent", &body).await;
    assert_eq!((first.status, axes(&first.json)), (202, ("pending", "taken", "charging")));
    eventually("the bank is asked again", async || shop.neighbours.calls("PUT /payments") >= 3).await;
    shop.neighbours.bank.is(Mood::Well);
    shop.settled(&first.order_id()).await;
    let again = shop.checkout_with("silent", &body).await;
    assert_eq!((again.status, axes(&again.json)), (201, ("approved", "taken", "paid")));
    assert_eq!(again.order_id(), first.order_id());
    assert_eq!((shop.neighbours.bank.keeps(), shop.neighbours.copies_taken()), (1_299, 1));
    assert_eq!(shop.history(&first.order_id()).await, ["place", "copies_taken", "payment_answered"]);
    shop.close().await;
}

#[tokio::test]
async fn a_declined_card_sells_nothing_and_says_so_under_its_key() {
    let shop = Shop::open("declined").await;
    shop.neighbours.bank.decides(PaymentStatus::Declined);
    let body = by_card(collect(&[(1, 1)]));
    let declined = shop.checkout_with("declined", &body).await;
    assert_eq!((declined.status, &declined.json["code"]), (402, &json!("payment_failed")));
    let order = shop.settled(&declined.order_id()).await;
    assert_eq!(axes(&order), ("canceled", "none", "failed"));
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.bank.keeps()), (10, 0));
    shop.neighbours.bank.decides(PaymentStatus::Succeeded);
    let again = shop.checkout_with("declined", &body).await;
    assert_eq!(again.without_request_id(), declined.without_request_id());
    shop.close().await;
}

#[tokio::test]
async fn a_refusal_of_the_charge_itself_is_a_decline_too() {
    let shop = Shop::open("refused_charge").await;
    // Tokens are given before the bank changes its mind.
    let buying = async { shop.checkout(&by_card(collect(&[(1, 1)]))).await };
    shop.neighbours.catalog_is(Mood::Hangs);
    let turning = async {
        eventually("copies are asked for", async || shop.neighbours.calls("PUT /takings") >= 1).await;
        shop.neighbours.bank.is(Mood::Refuses);
        shop.neighbours.catalog_is(Mood::Well);
    };
    let (bought, ()) = tokio::join!(buying, turning);
    assert_eq!((bought.status, shop.neighbours.on_hand(1)), (402, 10));
    shop.close().await;
}

#[tokio::test]
async fn a_card_that_nobody_takes_or_a_bank_out_of_reach_orders_nothing() {
    let shop = Shop::open("no_token").await;
    let body = by_card(collect(&[(1, 1)]));
    for (mood, status) in [(Mood::Refuses, 402), (Mood::Down, 503)] {
        shop.neighbours.bank.is(mood);
        let answer = shop.checkout_with("one", &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(shop.get("/orders").await.json["items"], json!([]));
    // The key was not used up.
    shop.neighbours.bank.is(Mood::Well);
    assert_eq!(shop.checkout_with("one", &body).await.status, 201);
    let mut other = body.clone();
    other["card"]["number"] = json!("4000 0000 0000 0002");
    assert_eq!(shop.checkout_with("one", &other).await.json["code"], "key_reused");
    shop.close().await;
}

#[tokio::test]
async fn a_cancellation_while_the_card_is_charged_gives_the_money_back_before_the_copies() {
    let shop = Shop::open_with("cancel_in_flight", hasty()).await;
    shop.neighbours.bank.is(Mood::LosesReplies);
    let bought = shop.checkout(&by_card(collect(&[(1, 2)]))).await;
    assert_eq!(bought.status, 202);
    let id = bought.order_id();
    let canceled = shop.cancel(&id).await;
    assert_eq!((canceled.status, axes(&canceled.json)), (202, ("canceled", "giving_back", "canceling")));
    assert_eq!((shop.neighbours.copies_taken(), shop.neighbours.calls("give-back")), (2, 0));
    shop.neighbours.bank.is(Mood::Well);
    let order = shop.settled(&id).await;
    assert_eq!(axes(&order), ("canceled", "none", "refunded"));
    assert_eq!((shop.neighbours.bank.keeps(), shop.neighbours.copies_taken()), (0, 0));
    let made = shop.neighbours.made();
    let last = |call: &str| made.iter().rposition(|made| made.contains(call)).unwrap();
    assert!(last("/refund") < last("/give-back"), "{made:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_charge_that_arrives_after_its_cancellation_charges_nothing() {
    let shop = Shop::open_with("late_charge", hasty()).await;
    // The bank never hears of the charge, only of its cancellation.
    shop.neighbours.catalog_is(Mood::LosesReplies);
    let bought = shop.checkout(&by_card(collect(&[(1, 1)]))).await;
    assert_eq!(bought.status, 202);
    shop.neighbours.bank.is(Mood::Down);
    shop.neighbours.catalog_is(Mood::Well);
    let id = bought.order_id();
    eventually("the bank is asked", async || shop.neighbours.calls("PUT /payments") >= 1).await;
    assert_eq!(shop.cancel(&id).await.status, 202);
    shop.neighbours.bank.is(Mood::Well);
    let order = shop.settled(&id).await;
    assert_eq!((axes(&order), shop.neighbours.bank.keeps()), (("canceled", "none", "failed"), 0));
    assert_eq!(shop.neighbours.bank.status(&id, 1), Some(PaymentStatus::Canceled));
    shop.close().await;
}

#[tokio::test]
async fn an_invoice_holds_its_copies_until_it_is_paid() {
    let shop = Shop::open_with_invoices("invoice").await;
    shop.neighbours.bank.decides(PaymentStatus::Processing);
    let bought = shop.checkout(&by_invoice(collect(&[(1, 1)]))).await;
    assert_eq!((bought.status, axes(&bought.json)), (201, ("pending", "taken", "unpaid")));
    assert!(bought.json["pay_by"].is_string(), "{bought:?}");
    let id = bought.order_id();
    shop.neighbours.bank.settle(&id, 1, PaymentStatus::Succeeded);
    eventually("the money is noticed", async || shop.order(&id).await["state"] == "approved").await;
    let order = shop.settled(&id).await;
    assert_eq!((axes(&order), &order["pay_by"]), (("approved", "taken", "paid"), &Value::Null));
    shop.close().await;
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_gives_its_copies_back() {
    let shop = Shop::open_at_once_due("late").await;
    shop.neighbours.bank.decides(PaymentStatus::Processing);
    let id = shop.checkout(&by_invoice(collect(&[(1, 3)]))).await.order_id();
    eventually("the deadline has passed", async || shop.order(&id).await["state"] == "canceled").await;
    let order = shop.settled(&id).await;
    assert_eq!((axes(&order).1, &order["reason"]), ("none", &json!("it was not paid in time")));
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.bank.keeps()), (10, 0));
    shop.close().await;
}

#[tokio::test]
async fn the_deadline_of_a_charge_asks_the_bank_whose_answer_decides() {
    let shop = Shop::open_at_once_due("deadline_of_charge").await;
    shop.neighbours.bank.is(Mood::LosesReplies);
    let bought = shop.checkout(&by_card(collect(&[(1, 1)]))).await;
    let id = bought.order_id();
    eventually("its payment is to be canceled, or the order was late while it took its copies", async || {
        let order = shop.order(&id).await;
        order["payment"] == "canceling" || order["state"] == "canceled"
    })
    .await;
    shop.neighbours.bank.is(Mood::Well);
    let order = shop.settled(&id).await;
    let expected = if order["state"] == "approved" { 1_299 } else { 0 };
    assert_eq!(shop.neighbours.bank.keeps(), expected, "{order}");
    assert_eq!(shop.neighbours.copies_taken(), i64::from(expected > 0));
    shop.close().await;
}

#[tokio::test]
async fn another_card_is_another_attempt_and_the_invoice_is_closed_before_it() {
    let shop = Shop::open_with_invoices("another_card").await;
    shop.neighbours.bank.decides(PaymentStatus::Processing);
    let id = shop.checkout(&by_invoice(collect(&[(1, 1)]))).await.order_id();
    shop.neighbours.bank.decides(PaymentStatus::Declined);
    let declined = pay(&shop, &id).await;
    assert_eq!((declined.status, &declined.json["code"]), (402, &json!("payment_failed")));
    assert_eq!(axes(&shop.order(&id).await), ("pending", "taken", "failed"));
    shop.neighbours.bank.decides(PaymentStatus::Succeeded);
    let paid = pay(&shop, &id).await;
    assert_eq!((paid.status, axes(&paid.json)), (201, ("approved", "taken", "paid")));
    let states: Vec<&Value> = (0..3).map(|n| &paid.json["payments"][n]["state"]).collect();
    assert_eq!(states, ["canceled", "declined", "succeeded"]);
    assert_eq!((shop.neighbours.bank.keeps(), pay(&shop, &id).await.status), (1_299, 409));
    let made = shop.neighbours.made();
    let first = |call: String| made.iter().position(|made| *made == call).unwrap();
    assert!(first(format!("POST /payments/{id}:1/cancel")) < first(format!("PUT /payments/{id}:2")));
    shop.close().await;
}

#[tokio::test]
async fn a_second_payment_while_one_is_unresolved_is_refused() {
    let shop = Shop::open_with("second_payment", hasty()).await;
    shop.neighbours.bank.is(Mood::LosesReplies);
    let id = shop.checkout(&by_card(collect(&[(1, 1)]))).await.order_id();
    assert_eq!(pay(&shop, &id).await.status, 409);
    shop.neighbours.bank.is(Mood::Well);
    shop.settled(&id).await;
    assert_eq!(shop.neighbours.bank.keeps(), 1_299);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_stops_the_parcel_then_gives_the_money_and_then_the_copies_back() {
    let shop = Shop::open("refund").await;
    let id = shop.checkout(&by_card(deliver(&[(1, 1)]))).await.order_id();
    let refunded = shop.post(&format!("/orders/{id}/refund"), &json!({"reason": "a torn page"})).await;
    assert_eq!((refunded.status, axes(&refunded.json)), (200, ("approved", "none", "refunded")), "{refunded:?}");
    assert_eq!((shop.neighbours.bank.keeps(), shop.neighbours.on_hand(1)), (0, 10));
    let made = shop.neighbours.made();
    let first = |call: &str| made.iter().position(|made| made.ends_with(call)).unwrap();
    assert!(first(":d1/cancel") < first("/refund") && first("/refund") < first("/give-back"), "{made:?}");
    let again = shop.post(&format!("/orders/{id}/refund"), &json!({})).await;
    assert_eq!((again.status, again.json["version"].clone()), (200, refunded.json["version"].clone()));
    assert_eq!(shop.neighbours.bank.keeps(), 0);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_comes_too_late_for_a_parcel_that_has_left() {
    let shop = Shop::open("too_late").await;
    let id = shop.checkout(&by_card(deliver(&[(1, 1)]))).await.order_id();
    shop.settled(&id).await;
    shop.neighbours.ship(&id);
    let refused = shop.post(&format!("/orders/{id}/refund"), &json!({})).await;
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("invalid_transition")));
    let order = shop.settled(&id).await;
    assert_eq!((axes(&order), &order["fulfillment"]), (("approved", "taken", "paid"), &json!("shipped")));
    assert_eq!(shop.neighbours.bank.keeps(), 1_299);
    shop.close().await;
}

#[tokio::test]
async fn what_costs_nothing_is_not_charged() {
    let shop = Shop::open("free").await;
    shop.neighbours.put_book(7, Book { title: "A Leaflet", price: "0.00", on_hand: 5 });
    let bought = shop.checkout(&by_card(collect(&[(7, 1)]))).await;
    assert_eq!((bought.status, axes(&bought.json)), (201, ("approved", "taken", "paid")));
    assert_eq!(shop.neighbours.calls("/payments/"), 0);
    shop.close().await;
}

#[tokio::test]
async fn two_drivers_on_one_payment_charge_once() {
    let mut pace = patient();
    (pace.lease_ms, pace.call_ms) = (1, 500);
    let shop = Shop::open_with("two_drivers_pay", pace).await;
    shop.neighbours.bank.is(Mood::Hangs);
    let buying = async { shop.checkout(&by_card(collect(&[(1, 1)]))).await };
    let meddling = async {
        eventually("two drivers wait for the bank", async || shop.neighbours.calls("PUT /payments") >= 2).await;
        shop.neighbours.bank.is(Mood::Well);
    };
    let (bought, ()) = tokio::join!(buying, meddling);
    assert_eq!((bought.status, shop.neighbours.bank.keeps()), (201, 1_299));
    assert_eq!(shop.history(&bought.order_id()).await, ["place", "copies_taken", "payment_answered"]);
    shop.close().await;
}

#[tokio::test]
async fn a_charge_outlives_the_service_that_asked_for_it() {
    let shop = Shop::open_with("restart_charging", hasty()).await;
    shop.neighbours.bank.is(Mood::LosesReplies);
    let id = shop.checkout(&by_card(collect(&[(1, 1)]))).await.order_id();
    let shop = shop.restart().await;
    shop.neighbours.bank.is(Mood::Well);
    assert_eq!(axes(&shop.settled(&id).await), ("approved", "taken", "paid"));
    assert_eq!(shop.neighbours.bank.keeps(), 1_299);
    shop.close().await;
}

#[tokio::test]
async fn a_payment_is_settled_where_it_was_opened_whatever_is_configured_since() {
    let shop = Shop::open_with_invoices("provider_changed").await;
    shop.neighbours.bank.decides(PaymentStatus::Processing);
    let id = shop.checkout(&by_invoice(collect(&[(1, 1)]))).await.order_id();
    // From now on invoices are paid by reported money, and this one's buyer pays at the bank that sent it.
    let shop = shop.restart().await;
    shop.neighbours.bank.settle(&id, 1, PaymentStatus::Succeeded);
    eventually("the money is noticed", async || shop.order(&id).await["state"] == "approved").await;
    let refunded = shop.post(&format!("/orders/{id}/refund"), &json!({})).await;
    assert_eq!((refunded.status, axes(&refunded.json)), (200, ("approved", "none", "refunded")), "{refunded:?}");
    assert_eq!((shop.neighbours.bank.keeps(), shop.neighbours.on_hand(1)), (0, 10));
    shop.close().await;
}

#[tokio::test]
async fn a_refund_of_an_order_that_was_never_paid_gives_its_copies_back_and_no_money() {
    let shop = Shop::open("never_paid").await;
    let id = shop.checkout(&collect(&[(1, 2)])).await.order_id();
    let refunded = shop.post(&format!("/orders/{id}/refund"), &json!({"reason": "he changed his mind"})).await;
    assert_eq!((refunded.status, axes(&refunded.json)), (200, ("approved", "none", "refunded")), "{refunded:?}");
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.calls("/payments/")), (10, 0));
    shop.close().await;
}
