//! Parcels that leave, fail and come back, and what becomes of their orders.

use reqwest::Method;
use serde_json::{Value, json};
use shared_types::{
    BookId, Code, OrderId,
    deliveries::{DeliveryPage, DeliveryStatus, TrackingHistory},
    orders::{FulfillmentState, OrderState, OrderView, PaymentState, StockState},
};

use crate::cluster::{Basket, Caller, Cluster, Delivery, Order, patiently};

/// A card that is charged.
const APPROVED: &str = "4242424242424242";
const COPIES: i64 = 3;

/// One copy, paid by card, its parcel booked.
async fn scheduled(caller: &Caller, book: BookId) -> OrderId {
    let id = caller.buy(&Basket::of(&[(book, 1)]).delivered().by_card(APPROVED)).await.order().id;
    patiently("its parcel is booked", || async {
        let page: DeliveryPage = caller.get(&format!("/deliveries?order_id={id}")).await.expect(200);
        page.items.first().map(drop)
    })
    .await;
    id
}

async fn order(caller: &Caller, id: OrderId) -> OrderView {
    caller.get(&format!("/orders/{id}")).await.expect(200)
}

async fn moves(caller: &Caller, id: OrderId, status: &str) {
    let path = format!("/deliveries/{}/moves", id.delivery(1));
    let moved = caller.send(Method::POST, &path, &json!({"status": status, "note": "a test"})).await;
    assert_eq!(moved.status, 200, "{status}: {moved:?}");
}

async fn until_heard(caller: &Caller, id: OrderId, where_it_is: FulfillmentState) {
    patiently("the order hears of its parcel", || async {
        (order(caller, id).await.fulfillment == where_it_is).then_some(())
    })
    .await;
}

/// The parcel has left, and no event has told so: the delivery service's answer does.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_comes_too_late_is_refused_at_once_though_no_event_came() {
    let shop = Cluster::start().await;
    let (book, caller) = (shop.book("Gone Already", COPIES).await, shop.operator());
    let id = scheduled(&caller, book).await;
    shop.link(Delivery, Order).cut();
    moves(&caller, id, "shipped").await;
    let refused = caller.send(Method::POST, &format!("/orders/{id}/refund"), &Value::Null).await;
    assert_eq!((refused.status, refused.code()), (409, Some(Code::InvalidTransition)), "{refused:?}");
    let kept = order(&caller, id).await;
    assert_eq!((kept.fulfillment, kept.payment), (FulfillmentState::Shipped, PaymentState::Paid), "{kept:?}");
    shop.bank().keeps_one_payment(id).await;
    shop.finish().await;
}

/// Nobody decides that a parcel which came back is for sale again but an employee who has it in his hands.
#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_that_came_back_gives_its_copies_back_when_an_employee_says_so() {
    let mut shop = Cluster::start().await;
    let (book, caller) = (shop.book("Nobody at Home", COPIES).await, shop.operator());
    let id = scheduled(&caller, book).await;
    let way = ["shipped", "failed", "scheduled", "shipped", "failed", "returned"];
    for status in way {
        moves(&caller, id, status).await;
    }
    until_heard(&caller, id, FulfillmentState::Returned).await;
    shop.check().await;
    assert_eq!(caller.on_hand(book).await, COPIES - 1, "it is not sold again by itself");
    let tracking: TrackingHistory = caller.get(&format!("/deliveries/{}/tracking", id.delivery(1))).await.expect(200);
    let steps: Vec<DeliveryStatus> = tracking.items.iter().map(|step| step.status).collect();
    assert_eq!(steps.len(), 1 + way.len(), "{tracking:?}");
    assert_eq!(steps.last(), Some(&DeliveryStatus::Returned));

    let refunded = caller.send(Method::POST, &format!("/orders/{id}/refund"), &json!({"reason": "it came back"})).await;
    assert!([200, 202].contains(&refunded.status), "{refunded:?}");
    let order = patiently("the order is undone", || async {
        let order = order(&caller, id).await;
        (order.settled && order.stock == StockState::None).then_some(order)
    })
    .await;
    assert_eq!((order.state, order.payment), (OrderState::Approved, PaymentState::Refunded));
    assert_eq!(caller.on_hand(book).await, COPIES);
    shop.bank().keeps_nothing(id).await;
    shop.finish().await;
}
