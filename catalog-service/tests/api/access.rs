use reqwest::Method;
use serde_json::json;
use service_kit::auth::{Service, Who};
use shared_types::AccountId;
use uuid::Uuid;

use crate::shop::{Shop, line, taking_id};

fn customer() -> Who {
    Who::Customer(AccountId::from_uuid(Uuid::now_v7()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_token_is_refused_from_this_very_machine() {
    let shop = Shop::open("no_token").await;
    let book = shop.new_book(1).await;
    let nobody = shop.called_by(None);
    for path in ["/books".to_owned(), format!("/books/{book}"), "/topics".to_owned(), format!("/books/{book}/ledger")] {
        assert_eq!(nobody.get(&path).await.outcome(), (401, "unauthorized"), "{path}");
    }
    assert_eq!(nobody.post("/books", json!({})).await.status, 401);
    assert_eq!(nobody.delete(&format!("/books/{book}")).await.status, 401);
    for open in ["/health/live", "/health/ready", "/openapi.json"] {
        assert_eq!(nobody.get(open).await.status, 200, "{open}");
    }
    assert_eq!(shop.on_hand(book).await, 1);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_copies_there_are_is_shown_to_whoever_may_see_stock() {
    let shop = Shop::open("sight").await;
    let book = shop.new_book(2).await;
    for who in [Who::Anonymous, Who::Guest("g".into()), customer()] {
        let caller = shop.called_by(Some(who));
        let shown = caller.book(book).await;
        let listed = caller.get("/books").await.json["items"][0].clone();
        for view in [shown, listed] {
            assert_eq!(view["state"], "AVAILABLE");
            assert!(view["on_hand"].is_null() && view["warn_limit"].is_null(), "{view}");
        }
        assert_eq!(caller.get(&format!("/books/{book}/ledger")).await.status, 403);
    }
    assert_eq!(shop.book(book).await["on_hand"], 2);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_look_and_change_nothing() {
    let shop = Shop::open("look").await;
    let book = shop.new_book(2).await;
    let caller = shop.called_by(Some(customer()));
    let path = format!("/books/{book}");
    let new = json!({"sku": "mine", "title": "Mine", "topic": "t", "price": 1});
    assert_eq!(caller.post("/books", new).await.outcome(), (403, "forbidden"));
    assert_eq!(caller.patch(&path, json!({"price": 0})).await.status, 403);
    assert_eq!(caller.delete(&path).await.status, 403);
    assert_eq!(caller.post(&format!("{path}/stock-adjustments"), json!({"delta": 1, "reason": "r"})).await.status, 403);
    assert_eq!(caller.post("/imports", json!({"rows": []})).await.status, 403);
    let unchanged = shop.book(book).await;
    assert_eq!((&unchanged["version"], &unchanged["on_hand"]), (&json!(1), &json!(2)));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_order_service_takes_copies() {
    let shop = Shop::open("takings").await;
    let (book, taking) = (shop.new_book(2).await, taking_id());
    let path = format!("/takings/{taking}");
    let body = json!({"lines": [line(book, 1)]});
    let staff = Who::Administrator(AccountId::from_uuid(Uuid::now_v7()));
    let strangers = [
        None,
        Some(staff),
        Some(Who::Service(Service::Gateway)),
        Some(Who::Service(Service::Delivery)),
        Some(customer()),
    ];
    for who in strangers {
        let expected = if who.is_none() { 401 } else { 403 };
        let stranger = shop.called_by(who.clone());
        for (method, path) in
            [(Method::PUT, path.clone()), (Method::GET, path.clone()), (Method::POST, format!("{path}/give-back"))]
        {
            let answer = stranger.call_as_is(method.clone(), &path, &[], Some(&body)).await;
            // A service that the catalog does not trust at all is as good as nobody.
            assert!(answer.status == expected || answer.status == 401, "{who:?} {method}: {answer:?}");
        }
    }
    assert_eq!(shop.on_hand(book).await, 2);
    assert_eq!(shop.take(&taking, &[line(book, 1)]).await.status, 201);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_books_sets_their_stock_only_with_the_scope_for_it() {
    let shop = Shop::open("stock_scope").await;
    let clerk = shop.called_with("items:read items:write");
    let book = |sku: &str| json!({"sku": sku, "title": "T", "topic": "t", "price": 1});
    let with = |sku: &str, field: &str| {
        let mut body = book(sku);
        body[field] = json!(3);
        body
    };
    assert_eq!(clerk.post("/books", with("a", "stock")).await.status, 403);
    assert_eq!(clerk.post("/books", with("b", "warn_limit")).await.status, 403);
    let added = clerk.post("/books", book("c")).await;
    assert_eq!((added.status, &added.json["on_hand"]), (201, &serde_json::Value::Null));
    let path = format!("/books/{}", added.json["id"]);
    assert_eq!(clerk.patch(&path, json!({"warn_limit": 3})).await.status, 403);
    assert_eq!(clerk.patch(&path, json!({"title": "U"})).await.status, 200);
    assert_eq!(clerk.post("/imports", json!({"rows": []})).await.status, 403);
    assert_eq!(shop.get("/books").await.titles(), ["U"]);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_names_who_changed_the_stock() {
    let shop = Shop::open("actors").await;
    let account = AccountId::from_uuid(Uuid::now_v7());
    let emil = shop.called_by(Some(Who::Employee(account)));
    let key = shop.called_with("items:read items:write stock:read stock:write");
    let added = key.post("/books", json!({"sku": "a", "title": "A", "topic": "t", "price": 1, "stock": 2})).await;
    let path = format!("/books/{}", added.json["id"]);
    emil.post(&format!("{path}/stock-adjustments"), json!({"delta": 1, "reason": "found"})).await;
    let ledger = emil.get(&format!("{path}/ledger")).await.json;
    let actors: Vec<&str> =
        ledger["items"].as_array().unwrap().iter().map(|entry| entry["actor"].as_str().unwrap()).collect();
    assert_eq!(actors, [format!("account:{account}").as_str(), "api_key:test"]);
    shop.finish().await;
}
