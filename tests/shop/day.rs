//! One day in the shop: a purchase with an address, one that is canceled, one by card that is refunded and one whose bank
//! is silent, a parcel that leaves, a copy that arrives, a book that is withdrawn and asked for all the same. Every call is
//! repeated until it is answered, so a day ends well whatever happens in it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use shared_types::{
    BookId, Code, OrderId,
    books::ImportAnswer,
    deliveries::{DeliveryPage, DeliveryStatus, DeliveryView},
    orders::{FulfillmentState, OrderState, OrderView, PaymentState, StockState},
};

use crate::cluster::{Basket, Bought, Caller, Catalog, Cluster, Delivery, Link, Order, Payments, patiently};

/// A card that is charged.
pub const APPROVED: &str = "4242424242424242";
/// A card that is charged, and the bank does not answer the first time.
const SILENT: &str = "4000000000000259";

/// How long a day takes to the rest of its last order when nothing goes wrong.
pub async fn undisturbed_day(shop: &mut Cluster) -> Duration {
    let began = Instant::now();
    Day::of(shop).live().await;
    let lived = began.elapsed();
    lived + shop.check().await
}

/// Who takes part in a day.
pub struct Day {
    /// Customer, employee and courier in one.
    caller: Caller,
    /// As the order service asks the delivery service.
    order_service: Caller,
    order_to_catalog: Arc<Link>,
    order_to_payments: Arc<Link>,
    payments_to_order: Arc<Link>,
}

impl Day {
    pub fn of(shop: &Cluster) -> Day {
        Day {
            caller: shop.operator(),
            order_service: shop.service(Order, Delivery),
            order_to_catalog: shop.link(Order, Catalog),
            order_to_payments: shop.link(Order, Payments),
            payments_to_order: shop.link(Payments, Order),
        }
    }

    /// Lives through the day, and finds everything as it should be in the evening. Its books are fresh ones, so that one
    /// day cannot hide in another.
    pub async fn live(self) {
        let sold = self.caller.add_book("Sold Today", 10).await;
        let withdrawn = self.import("Gone Today", 10).await;
        let kept = Basket::of(&[(sold, 1)]).delivered();
        let kept_order = self.caller.buy(&kept).await.order().id;
        let canceled = self.buy_and_cancel(&Basket::of(&[(sold, 2), (withdrawn, 1)]).delivered()).await;
        self.buy_and_refund(&Basket::of(&[(sold, 1)]).delivered().by_card(APPROVED)).await;
        self.buy_and_cancel_while_charging(&Basket::of(&[(sold, 3)]).by_card(SILENT)).await;
        self.ship(kept_order).await;
        self.forestall_delivery(canceled).await;
        self.rename(sold, "Sold Out Soon").await;
        self.adjust(sold).await;
        self.withdraw(withdrawn).await;
        self.come_too_late(withdrawn).await;

        let again = self.caller.buy(&kept).await.order().id;
        assert_eq!(again, kept_order, "the same key is the same order");
        let evening = self.caller.book(sold).await;
        assert_eq!((evening.on_hand, evening.title.as_str()), (Some(10), "Sold Out Soon"));
    }

    /// Buyers of a book that is gone. Of three at two replicas one at least comes after another, and is refused on a look.
    async fn come_too_late(&self, gone: BookId) {
        for _ in 0..3 {
            let bought = self.caller.buy(&Basket::of(&[(gone, 1)])).await;
            assert!(matches!(bought, Bought::No(Code::BookGone)), "{bought:?}");
        }
    }

    /// A book from a supplier's file. A row that is sent again is the same book.
    async fn import(&self, title: &str, copies: i64) -> BookId {
        let sku = format!("file-{}", uuid::Uuid::now_v7());
        let row = json!({"line": 2, "sku": sku, "title": title, "topic": "tests", "price": 12.5, "stock": copies});
        let answer = self.caller.send(Method::POST, "/imports", &json!({"rows": [row]})).await;
        assert_eq!(answer.expect::<ImportAnswer>(200).results[0].errors, []);
        let book = self.caller.find_book(&sku).await.expect("the imported book");
        self.caller.note_received(book, copies)
    }

    /// A buyer who changes his mind while his copies are on their way: they are taken, and the order service does not
    /// hear so before he has canceled.
    async fn buy_and_cancel(&self, basket: &Basket) -> OrderId {
        self.order_to_catalog.drop_replies(u64::MAX);
        let cancel = async {
            let id = self.caller.find_order(basket).await;
            self.cancel(id, &self.order_to_catalog).await;
            id
        };
        let (bought, id) = tokio::join!(self.caller.buy(basket), cancel);
        assert!(matches!(bought, Bought::No(Code::InvalidTransition)), "{bought:?}");
        id
    }

    /// A purchase by card that an employee undoes before its parcel leaves: parcel, money, copies.
    async fn buy_and_refund(&self, basket: &Basket) {
        let id = self.caller.buy(basket).await.order().id;
        self.refund(id).await;
    }

    async fn refund(&self, id: OrderId) {
        let answer =
            self.caller.send(Method::POST, &format!("/orders/{id}/refund"), &json!({"reason": "a test"})).await;
        assert!([200, 202].contains(&answer.status), "{answer:?}");
        patiently("the order is refunded", || async {
            let order = self.order(id).await;
            (order.payment == PaymentState::Refunded && order.stock == StockState::None).then_some(())
        })
        .await;
    }

    /// A bank that charges and does not say so, and a buyer who has had enough: his money comes back, and then the copies.
    async fn buy_and_cancel_while_charging(&self, basket: &Basket) {
        // Nor does it say so by webhook, until this is over.
        self.payments_to_order.cut();
        let cancel = async {
            let id = self.caller.find_order(basket).await;
            patiently("the card is being charged", || async {
                let order = self.order(id).await;
                (order.payment == PaymentState::Charging || order.state == OrderState::Approved).then_some(())
            })
            .await;
            // The first call to the bank waits for its answer by now, and none of the others is heard.
            self.order_to_payments.drop_replies(u64::MAX);
            self.cancel(id, &self.order_to_payments).await;
        };
        let (bought, ()) = tokio::join!(self.caller.buy(basket), cancel);
        self.payments_to_order.heal();
        match bought {
            Bought::No(Code::InvalidTransition) => {}
            // The bank was silent towards the double of the call, and answered the call itself.
            Bought::Yes(order) if self.order_to_payments.doubled() > 0 => self.refund(order.id).await,
            Bought::Yes(_) | Bought::No(_) => panic!("{bought:?}"),
        }
    }

    /// A repetition is told that the order is canceled already. Then the network is well again.
    async fn cancel(&self, id: OrderId, silent: &Link) {
        let path = format!("/orders/{id}/cancel");
        let canceled = patiently("the order is canceled, or it is too late for that", || async {
            let state = self.order(id).await.state;
            [OrderState::Canceled, OrderState::Approved].contains(&state).then(|| silent.heal())
        });
        let why = json!({"reason": "a test"});
        let (answer, ()) = tokio::join!(self.caller.send(Method::POST, &path, &why), canceled);
        assert!([200, 202, 409].contains(&answer.status), "{answer:?}");
    }

    /// The parcel leaves with its courier, and the order hears of it.
    async fn ship(&self, id: OrderId) {
        let delivery = patiently("the parcel is booked", || async {
            let page: DeliveryPage = self.caller.get(&format!("/deliveries?order_id={id}")).await.expect(200);
            page.items.into_iter().find(|delivery| delivery.status == DeliveryStatus::Scheduled)
        })
        .await;
        let path = format!("/deliveries/{}", delivery.delivery_id);
        self.assign_courier(&path).await;
        patiently("the parcel is shipped", || async {
            let answer = self.caller.send(Method::POST, &format!("{path}/moves"), &json!({"status": "shipped"})).await;
            assert!([200, 409].contains(&answer.status), "{answer:?}");
            let now: DeliveryView = self.caller.get(&path).await.expect(200);
            (now.status == DeliveryStatus::Shipped).then_some(())
        })
        .await;
        patiently("the order knows that its parcel has left", || async {
            (self.order(id).await.fulfillment == FulfillmentState::Shipped).then_some(())
        })
        .await;
    }

    async fn assign_courier(&self, delivery: &str) {
        // The courier may be there from yesterday.
        let courier = self.caller.send(Method::POST, "/couriers", &json!({"name": "bicycle"})).await;
        assert!([201, 409].contains(&courier.status), "{courier:?}");
        let path = format!("{delivery}/courier");
        let assigned = self.caller.send(Method::PUT, &path, &json!({"courier": "bicycle"})).await;
        assert_eq!(assigned.status, 200, "{assigned:?}");
    }

    /// A delivery that was never booked is canceled, and can never be booked from then on.
    async fn forestall_delivery(&self, order: OrderId) {
        let path = format!("/deliveries/{}/cancel", order.delivery(1));
        let answer = self.order_service.send(Method::POST, &path, &Value::Null).await;
        let view: DeliveryView = answer.expect_one_of(&[200, 201]);
        assert_eq!(view.status, DeliveryStatus::Canceled);
    }

    /// Said twice, it is the same title.
    async fn rename(&self, book: BookId, title: &str) {
        let answer = self.caller.send(Method::PATCH, &format!("/books/{book}"), &json!({"title": title})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// One copy arrives. The id makes it one, however often it is reported.
    async fn adjust(&self, book: BookId) {
        let body = json!({"adjustment_id": format!("parcel-for-{book}"), "delta": 1, "reason": "a copy arrived"});
        let answer = self.caller.send(Method::POST, &format!("/books/{book}/stock-adjustments"), &body).await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        self.caller.note_received(book, 1);
    }

    /// A repetition finds the book gone.
    async fn withdraw(&self, book: BookId) {
        let answer = self.caller.send(Method::DELETE, &format!("/books/{book}"), &Value::Null).await;
        assert!([204, 404].contains(&answer.status), "{answer:?}");
        assert_eq!(self.caller.get(&format!("/books/{book}")).await.status, 404);
    }

    async fn order(&self, id: OrderId) -> OrderView {
        self.caller.get(&format!("/orders/{id}")).await.expect(200)
    }
}
