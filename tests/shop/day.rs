//! One day in the shop: a purchase with an address, one that is canceled, a parcel that leaves, a copy that arrives, a
//! book that is withdrawn. Every call is repeated until it is answered, so a day ends well whatever happens in it.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use shared_types::{
    BookId, Code, OrderId,
    books::ImportAnswer,
    deliveries::{DeliveryPage, DeliveryStatus, DeliveryView},
    orders::{FulfillmentState, OrderState, OrderView},
};

use crate::cluster::{Basket, Bought, Caller, Link, patiently};

/// Books that the day is about: fresh ones, so that one day cannot hide in another.
#[derive(Clone, Copy)]
struct Books {
    sold: BookId,
    withdrawn: BookId,
}

/// Lives through one day, and finds everything as it should be in the evening.
pub async fn live(caller: Caller, order_to_catalog: Arc<Link>) {
    let books =
        Books { sold: caller.add_book("Sold Today", 10).await, withdrawn: import(&caller, "Gone Today", 10).await };
    let kept = Basket::of(&[(books.sold, 1)]).delivered();
    let kept_order = caller.buy(&kept).await.order().id;
    let canceled = buy_and_cancel(&caller, books, &order_to_catalog).await;
    ship(&caller, kept_order).await;
    forestall_delivery(&caller, canceled).await;
    rename(&caller, books.sold).await;
    adjust(&caller, books.sold).await;
    withdraw(&caller, books.withdrawn).await;

    let again = caller.buy(&kept).await.order().id;
    assert_eq!(again, kept_order, "the same key is the same order");
    let evening = caller.book(books.sold).await;
    assert_eq!((evening.on_hand, evening.title.as_str()), (10, "Sold Out Soon"));
}

/// A book from a supplier's file. A row that is sent again is the same book.
async fn import(caller: &Caller, title: &str, copies: i64) -> BookId {
    let sku = format!("file-{}", uuid::Uuid::now_v7());
    let row = json!({"line": 2, "sku": sku, "title": title, "topic": "tests", "price": 12.5, "stock": copies});
    let answer: ImportAnswer = caller.send(Method::POST, "/imports", &json!({"rows": [row]})).await.expect(200);
    assert_eq!(answer.results[0].errors, []);
    let book = caller.find_book(&sku).await.expect("the imported book");
    caller.note_received(book, copies)
}

/// A new title. Said twice, it is the same title.
async fn rename(caller: &Caller, book: BookId) {
    let answer = caller.send(Method::PATCH, &format!("/books/{book}"), &json!({"title": "Sold Out Soon"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// A buyer who changes his mind while his copies are on their way: they are taken, and the order service does not hear
/// so before he has canceled.
async fn buy_and_cancel(caller: &Caller, books: Books, order_to_catalog: &Link) -> OrderId {
    let basket = Basket::of(&[(books.sold, 2), (books.withdrawn, 1)]).delivered();
    order_to_catalog.drop_replies(u64::MAX);
    let cancel = async {
        let id = caller.find_order(&basket).await;
        cancel(caller, id, order_to_catalog).await;
        id
    };
    let (bought, id) = tokio::join!(caller.buy(&basket), cancel);
    assert!(matches!(bought, Bought::No(Code::InvalidTransition)), "{bought:?}");
    id
}

async fn order(caller: &Caller, id: OrderId) -> OrderView {
    caller.get(&format!("/orders/{id}")).await.expect(200)
}

/// Asks until the order is canceled; a repetition is told that it is canceled already. Then the network is well again.
async fn cancel(caller: &Caller, id: OrderId, order_to_catalog: &Link) {
    let path = format!("/orders/{id}/cancel");
    let canceled = patiently("the order is canceled", || async {
        let state = order(caller, id).await.state;
        (state == OrderState::Canceled).then(|| order_to_catalog.heal())
    });
    let why = json!({"reason": "a test"});
    let (answer, ()) = tokio::join!(caller.send(Method::POST, &path, &why), canceled);
    assert!([200, 202, 409].contains(&answer.status), "{answer:?}");
}

/// The parcel leaves, and the order hears of it.
async fn ship(caller: &Caller, id: OrderId) {
    let delivery: DeliveryView = patiently("the parcel is booked", || async {
        let page: DeliveryPage = caller.get(&format!("/deliveries?order_id={id}")).await.expect(200);
        page.items.into_iter().find(|delivery| delivery.status == DeliveryStatus::Scheduled)
    })
    .await;
    let path = format!("/deliveries/{}", delivery.delivery_id);
    // The courier may be there from yesterday.
    let courier = caller.send(Method::POST, "/couriers", &json!({"name": "bicycle"})).await;
    assert!([201, 409].contains(&courier.status), "{courier:?}");
    let assigned = caller.send(Method::PUT, &format!("{path}/courier"), &json!({"courier": "bicycle"})).await;
    assert_eq!(assigned.status, 200, "{assigned:?}");
    patiently("the parcel is shipped", || async {
        let answer = caller.send(Method::POST, &format!("{path}/moves"), &json!({"status": "shipped"})).await;
        assert!([200, 409].contains(&answer.status), "{answer:?}");
        let now: DeliveryView = caller.get(&path).await.expect(200);
        (now.status == DeliveryStatus::Shipped).then_some(())
    })
    .await;
    patiently("the order knows that its parcel has left", || async {
        (order(caller, id).await.fulfillment == FulfillmentState::Shipped).then_some(())
    })
    .await;
}

/// A delivery that was never booked is canceled, and can never be booked from then on.
async fn forestall_delivery(caller: &Caller, order: OrderId) {
    let path = format!("/deliveries/{}/cancel", order.delivery(1));
    let view: DeliveryView = caller.send(Method::POST, &path, &Value::Null).await.expect_one_of(&[200, 201]);
    assert_eq!(view.status, DeliveryStatus::Canceled);
}

/// One copy arrives. The id makes it one, however often it is reported.
async fn adjust(caller: &Caller, book: BookId) {
    let body = json!({"adjustment_id": format!("parcel-for-{book}"), "delta": 1, "reason": "a copy arrived"});
    let answer = caller.send(Method::POST, &format!("/books/{book}/stock-adjustments"), &body).await;
    assert!([200, 201].contains(&answer.status), "{answer:?}");
    caller.note_received(book, 1);
}

/// A repetition finds the book gone.
async fn withdraw(caller: &Caller, book: BookId) {
    let answer = caller.send(Method::DELETE, &format!("/books/{book}"), &Value::Null).await;
    assert!([204, 404].contains(&answer.status), "{answer:?}");
    assert_eq!(caller.get(&format!("/books/{book}")).await.status, 404);
}
