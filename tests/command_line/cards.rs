//! Every magic card, bought with in a whole shop: money and copies are right by the provider's own ledger.

use lastcopy::payments::domain::Behaviour;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{Client, ClientOptions, Outcome, testing::eventually};
use shared_types::payments::{PaymentPage, PaymentStatus, PaymentView};

use crate::shop::{Place, Shop};

/// A demo book with copies enough for every card.
const BOOK: i64 = 8;

/// Orders one copy by card; the order's id, also out of a refusal.
async fn buy(shop: &Shop, number: &str) -> String {
    let order = json!({
        "lines": [{"book_id": BOOK, "quantity": 1}],
        "payment_method": "card",
        "card": {"number": number, "expiry": "12/30"}
    });
    let answer = shop.post("/api/v1/checkout", order).await;
    let about = answer["resource"].as_str().and_then(|path| path.strip_prefix("/api/v1/orders/"));
    answer["id"].as_str().or(about).unwrap().to_owned()
}

async fn order(shop: &Shop, id: &str) -> Value {
    shop.get(&format!("/api/v1/orders/{id}")).await
}

/// Waits until the order is at rest, and nothing is at its bank any more.
async fn at_rest(shop: &Shop, id: &str) -> Value {
    let rests = |order: &Value| order["settled"] == true && order["payment"] != "charging";
    eventually("the order is at rest", async || rests(&order(shop, id).await)).await;
    order(shop, id).await
}

/// What the provider has of this order.
async fn ledger(shop: &Shop, id: &str) -> Vec<PaymentView> {
    let url = shop.lines.iter().find_map(|line| line.strip_prefix("payments ")).unwrap();
    let bank = Client::new(url, ClientOptions::default()).unwrap();
    match bank.call::<(), PaymentPage>(Method::GET, "/payments?limit=200", None, &[200]).await {
        Outcome::Done(page) => {
            page.items.into_iter().filter(|payment| payment.payment_id.order.to_string() == id).collect()
        }
        Outcome::Refused(problem) => panic!("{problem}"),
        Outcome::Unknown(no_answer) => panic!("{no_answer}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_bank_does_a_card_is_charged_once_or_not_at_all() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let mut sold = 0;
    let before = shop.on_hand(BOOK).await;
    for (number, behaviour) in Behaviour::CARDS {
        let id = buy(&shop, number).await;
        let order = at_rest(&shop, &id).await;
        let payments = ledger(&shop, &id).await;
        assert_eq!(payments.len(), 1, "{behaviour:?}: {payments:?}");
        let (state, payment, status) = match behaviour.refusal() {
            Some(_) => ("canceled", "failed", PaymentStatus::Declined),
            None => ("approved", "paid", PaymentStatus::Succeeded),
        };
        assert_eq!((&order["state"], &order["payment"]), (&json!(state), &json!(payment)), "{behaviour:?}: {order}");
        assert_eq!(payments[0].status, status, "{behaviour:?}");
        sold += i64::from(behaviour.refusal().is_none());
    }
    assert_eq!(shop.on_hand(BOOK).await, before - sold);
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_cancels_while_his_bank_is_silent_keeps_his_money_and_the_shop_its_copy() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let before = shop.on_hand(BOOK).await;
    let silent = Behaviour::CARDS.iter().find(|(_, what)| *what == Behaviour::SilentAfterCharge).unwrap().0;
    let id = buy(&shop, silent).await;
    shop.post(&format!("/api/v1/orders/{id}/cancel"), json!({"reason": "it takes too long"})).await;
    let order = at_rest(&shop, &id).await;
    let payments = ledger(&shop, &id).await;
    let kept: Vec<_> = payments.iter().filter(|payment| payment.captured != payment.refunded).collect();
    match order["state"].as_str() {
        Some("canceled") => {
            assert_eq!(kept.len(), 0, "{payments:?}");
            assert_eq!(shop.on_hand(BOOK).await, before);
        }
        // The second call was answered before the cancellation came: it was too late.
        state => {
            assert_eq!((state, kept.len()), (Some("approved"), 1), "{order}");
            assert_eq!(shop.on_hand(BOOK).await, before - 1);
        }
    }
    assert!(shop.stop().success());
}
