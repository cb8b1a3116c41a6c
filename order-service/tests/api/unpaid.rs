use futures_util::future::join_all;
use order_service::domain::checkout::MAX_UNPAID_ORDERS;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    Clock,
    auth::{Caller, Scope, Scopes, Service, Who},
    db::{Db, DbOptions, Tx},
    params,
    testing::{Callers, eventually},
};
use shared_types::AccountId;
use uuid::Uuid;

use crate::{
    neighbours::Book,
    shop::{Answer, Shop, collect, employee},
};

/// More than one customer has any use for.
const CLICKS: usize = 24;

fn somebody() -> Who {
    Who::Customer(AccountId::from_uuid(Uuid::now_v7()))
}

fn by_invoice() -> Value {
    let mut body = collect(&[(1, 1)]);
    body["payment_method"] = json!("invoice");
    body
}

async fn buy(shop: &Shop, who: &Who, key: Option<&str>, body: &Value) -> Answer {
    shop.send_as(who, Method::POST, "/checkout", key, Some(body)).await
}

fn statuses(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// An order that waits for its invoice, as often as one customer may have it.
async fn as_many_as_he_may(shop: &Shop, who: &Who) -> Vec<Answer> {
    let mut orders = Vec::new();
    for _ in 0..MAX_UNPAID_ORDERS {
        orders.push(buy(shop, who, None, &by_invoice()).await);
    }
    assert_eq!(statuses(&orders, 201), orders.len(), "{orders:?}");
    orders
}

#[tokio::test]
async fn however_many_at_once_a_customer_holds_three_unpaid_orders_and_no_copy_more() {
    let shop = Shop::open("hoarding").await;
    let (robot, guest) = (somebody(), Who::Guest("g".to_owned()));
    let clicks = |who: Who| {
        let shop = &shop;
        async move { join_all((0..CLICKS).map(|_| async { buy(shop, &who, None, &by_invoice()).await })).await }
    };
    let (robots, guests) = tokio::join!(clicks(robot), clicks(guest));
    let allowed = usize::try_from(MAX_UNPAID_ORDERS).unwrap();
    for answers in [&robots, &guests] {
        assert_eq!((statuses(answers, 201), statuses(answers, 429)), (allowed, CLICKS - allowed), "{answers:?}");
    }
    assert_eq!(shop.neighbours.copies_taken(), 2 * MAX_UNPAID_ORDERS);
    shop.close().await;
}

#[tokio::test]
async fn one_order_too_many_is_refused_with_its_reason_and_its_key_is_good_once_another_is_closed() {
    let shop = Shop::open("one_too_many").await;
    let ana = somebody();
    let orders = as_many_as_he_may(&shop, &ana).await;
    let refused = buy(&shop, &ana, Some("fourth"), &by_invoice()).await;
    assert_eq!((refused.status, &refused.json["code"]), (429, &json!("too_many_unpaid_orders")), "{refused:?}");
    let retry_after_s = refused.json["retry_after_s"].as_i64().unwrap();
    assert!((1..=3_601).contains(&retry_after_s), "until the first deadline: {refused:?}");
    assert_eq!(shop.neighbours.copies_taken(), MAX_UNPAID_ORDERS);
    let listed = shop.send_as(&ana, Method::GET, "/orders", None, None).await;
    assert_eq!(listed.json["items"].as_array().unwrap().len(), orders.len(), "nothing was written");

    let cancel = format!("/orders/{}/cancel", orders[0].order_id());
    assert_eq!(shop.send_as(&ana, Method::POST, &cancel, None, None).await.status, 200);
    let placed = buy(&shop, &ana, Some("fourth"), &by_invoice()).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(
        buy(&shop, &ana, Some("fourth"), &by_invoice()).await,
        placed,
        "a key is answered whatever he has by now"
    );
    assert_eq!(buy(&shop, &ana, None, &by_invoice()).await.status, 429);
    shop.close().await;
}

#[tokio::test]
async fn what_is_paid_or_needs_no_payment_in_advance_does_not_count_and_api_keys_buy_for_many() {
    let shop = Shop::open("not_hoarding").await;
    shop.neighbours.put_book(1, Book { title: "The Martian", price: "12.99", on_hand: 100 });
    shop.neighbours.put_book(2, Book { title: "The Odyssey", price: "9.50", on_hand: 100 });
    let ana = somebody();
    for _ in 0..MAX_UNPAID_ORDERS + 1 {
        let mut by_card = collect(&[(1, 1)]);
        by_card["payment_method"] = json!("card");
        by_card["card"] = json!({"number": "4242 4242 4242 4242", "expiry": "12/30"});
        assert_eq!(buy(&shop, &ana, None, &by_card).await.status, 201);
        assert_eq!(buy(&shop, &ana, None, &collect(&[(2, 1)])).await.status, 201);
    }
    as_many_as_he_may(&shop, &ana).await;
    assert_eq!(buy(&shop, &ana, None, &collect(&[(2, 1)])).await.status, 201, "it is paid on delivery");
    assert_eq!(buy(&shop, &ana, None, &by_invoice()).await.status, 429);
    // An employee who orders for him holds the same copies for the same customer.
    let mut for_ana = by_invoice();
    for_ana["on_behalf_of"] = json!(ana.account().unwrap());
    assert_eq!(buy(&shop, &employee(), None, &for_ana).await.status, 429);
    for _ in 0..MAX_UNPAID_ORDERS + 1 {
        assert_eq!(buy_with_a_key(&shop, &by_invoice()).await, 201);
    }
    shop.close().await;
}

/// The status of a purchase by an API key that may order.
async fn buy_with_a_key(shop: &Shop, body: &Value) -> u16 {
    let key = Caller { scopes: Scopes::of(&[Scope::OrdersWrite]), ..Caller::first_hand(Who::ApiKey("k".to_owned())) };
    let bearer = Callers::of_this_process().bearer(&key, Service::Order);
    let request = shop.http.post(format!("{}/checkout", shop.running.url())).header("authorization", bearer);
    request.json(body).send().await.unwrap().status().as_u16()
}

/// Two orders have the same deadline, and one of them is given a later one.
#[tokio::test(flavor = "multi_thread")]
async fn an_employee_extends_a_deadline_which_then_passes_without_harm() {
    let shop = Shop::open("extended").await;
    let ana = somebody();
    let (kept, lost) = (buy(&shop, &ana, None, &by_invoice()).await, buy(&shop, &ana, None, &by_invoice()).await);
    let (kept, lost) = (kept.order_id(), lost.order_id());
    let extend = format!("/orders/{kept}/extend");
    let soon = Clock::system().now().plus_ms(5_000);
    let db =
        Db::open_beside(shop.database.url(), DbOptions::default(), order_service::store::MIGRATIONS).await.unwrap();
    let both_soon =
        move |tx: &mut Tx<'_>| tx.execute("update orders set pay_by_us = $1, look_at_us = $1", &params![soon.micros()]);
    assert_eq!(db.write(both_soon).await.unwrap(), 2);
    db.close().await;

    let later = Clock::system().now().plus_ms(3_600_000);
    let until = json!({"until": later});
    assert_eq!(shop.send_as(&ana, Method::POST, &extend, None, Some(&until)).await.status, 403);
    let extended = shop.post(&extend, &until).await;
    assert_eq!((extended.status, &extended.json["pay_by"]), (200, &json!(later)), "{extended:?}");
    assert_eq!(shop.post(&extend, &until).await.json, extended.json, "the same word is no second one");
    let earlier = shop.post(&extend, &json!({"until": later.plus_ms(-1)})).await;
    assert_eq!(earlier.status, 409, "{earlier:?}");

    eventually("the other's deadline has passed", async || shop.order(&lost).await["state"] == "canceled").await;
    let order = shop.order(&kept).await;
    assert_eq!(
        (&order["state"], &order["stock"], &order["pay_by"]),
        (&json!("pending"), &json!("taken"), &json!(later))
    );
    let history = shop.get(&format!("/orders/{kept}/history")).await.json["items"].clone();
    let last = history.as_array().unwrap().last().unwrap();
    assert_eq!(last["command"], "extend_deadline", "{history}");
    assert!(last["actor"].as_str().unwrap().contains(&uuid::Uuid::nil().to_string()), "who extended it: {last}");
    let closed = shop.post(&format!("/orders/{lost}/extend"), &until).await;
    assert_eq!(closed.status, 409, "{closed:?}");
    shop.close().await;
}
