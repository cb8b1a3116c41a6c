use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::{Answer, Shop, line, taking_id};

async fn adjust(shop: &Shop, book: i64, body: Value) -> Answer {
    shop.post(&format!("/books/{book}/stock-adjustments"), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_come_and_go_by_hand() {
    let shop = Shop::open("by-hand").await;
    let book = shop.new_book(10).await;
    let more = adjust(&shop, book, json!({"adjustment_id": "box-7", "delta": 5, "reason": " a box "})).await;
    assert_eq!((more.status, &more.json["delta"], &more.json["on_hand"]), (201, &json!(5), &json!(15)));
    assert_eq!((&more.json["adjustment_id"], &more.json["reason"]), (&json!("box-7"), &json!("a box")));
    let fewer = adjust(&shop, book, json!({"delta": -15, "reason": "fire"})).await;
    assert_eq!((fewer.status, &fewer.json["on_hand"]), (201, &json!(0)));
    assert!(!fewer.json["adjustment_id"].as_str().unwrap().is_empty(), "the catalog gives an id where there is none");
    let counted = adjust(&shop, book, json!({"set_to": 4, "reason": "found in the cellar"})).await;
    assert_eq!((counted.status, &counted.json["delta"], &counted.json["on_hand"]), (201, &json!(4), &json!(4)));
    let book = shop.book(book).await;
    assert_eq!((&book["on_hand"], &book["version"]), (&json!(4), &json!(4)));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_that_is_sent_twice_is_done_once() {
    let shop = Shop::open("twice").await;
    let (book, other) = (shop.new_book(10).await, shop.new_book(10).await);
    for (n, change) in
        [json!({"delta": -2, "reason": "r"}), json!({"set_to": 20, "reason": "r"})].into_iter().enumerate()
    {
        let mut body = change.clone();
        body["adjustment_id"] = json!(format!("id-{n}"));
        let first = adjust(&shop, book, body.clone()).await;
        shop.take(&taking_id(), &[line(book, 1)]).await;
        let again = adjust(&shop, book, body.clone()).await;
        assert_eq!((first.status, again.status, &again.json), (201, 200, &first.json));
        for (field, value) in [("reason", json!("another")), ("delta", json!(7)), ("set_to", json!(7))] {
            let mut changed = body.clone();
            changed
                .as_object_mut()
                .unwrap()
                .retain(|name, _| field == "reason" || (name != "delta" && name != "set_to"));
            changed[field] = value;
            assert_eq!(adjust(&shop, book, changed).await.outcome(), (422, "id_reused"), "{field}");
        }
        assert_eq!(adjust(&shop, other, body).await.outcome(), (422, "id_reused"));
    }
    assert_eq!((shop.on_hand(book).await, shop.on_hand(other).await), (19, 10));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_under_a_key_is_done_once_and_answered_alike() {
    let shop = Shop::open("key").await;
    let book = shop.new_book(10).await;
    let path = format!("/books/{book}/stock-adjustments");
    let body = json!({"delta": 1, "reason": "r"});
    let sent = async || shop.call(Method::POST, &path, &[("idempotency-key", "key-1")], Some(&body)).await;
    let (first, again) = (sent().await, sent().await);
    assert_eq!((first.status, again.status, &again.json), (201, 201, &first.json));
    assert_eq!(shop.on_hand(book).await, 11);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_sent_many_times_at_once_is_done_once() {
    let shop = Shop::open("at-once").await;
    let book = shop.new_book(10).await;
    for round in 0..10 {
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let caller = shop.caller();
            let body = json!({"adjustment_id": format!("id-{round}"), "delta": 1, "reason": "r"});
            running.spawn(async move { caller.post(&format!("/books/{book}/stock-adjustments"), body).await });
        }
        let answers = running.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert!(answers.iter().all(|answer| answer.json == answers[0].json), "{answers:?}");
        assert_eq!(shop.on_hand(book).await, 11 + round);
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_adjustment_takes_what_is_promised_or_not_there() {
    let shop = Shop::open("promised").await;
    let book = shop.new_book(10).await;
    let id = taking_id();
    shop.take(&id, &[line(book, 7)]).await;
    let body = json!({"adjustment_id": "id", "delta": -4, "reason": "r"});
    assert_eq!(adjust(&shop, book, body.clone()).await.outcome(), (409, "stock_too_low"));
    // A shelf that was counted empty: the seven of the order are not on it.
    assert_eq!(adjust(&shop, book, json!({"set_to": 0, "reason": "counted"})).await.json["delta"], -3);
    shop.give_back(&id).await;
    assert_eq!(shop.on_hand(book).await, 7);
    // What was refused was not remembered: the id is free.
    assert_eq!(adjust(&shop, book, body).await.status, 201);
    assert_eq!(shop.on_hand(book).await, 3);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_has_at_most_a_billion_copies() {
    let shop = Shop::open("billion").await;
    let book = shop.new_book(1_000_000_000).await;
    let more = adjust(&shop, book, json!({"delta": 1, "reason": "r"})).await;
    assert_eq!((more.outcome(), more.fields()), ((422, "invalid"), vec!["delta"]));
    let id = taking_id();
    assert_eq!(shop.take(&id, &[line(book, 5)]).await.status, 201);
    assert_eq!(adjust(&shop, book, json!({"delta": 5, "reason": "r"})).await.status, 201);
    // Copies always come back, even over the bound, and then go down.
    assert_eq!(shop.give_back(&id).await.json["state"], "given_back");
    assert_eq!(shop.on_hand(book).await, 1_000_000_005);
    assert_eq!(adjust(&shop, book, json!({"delta": -1, "reason": "r"})).await.status, 201);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_has_every_change_latest_first() {
    let shop = Shop::open("ledger").await;
    let (book, other) = (shop.new_book(10).await, shop.new_book(10).await);
    let (id, refused) = (taking_id(), taking_id());
    shop.take(&id, &[line(book, 2), line(other, 1)]).await;
    shop.take(&refused, &[line(book, 99), line(other, 1)]).await;
    adjust(&shop, book, json!({"delta": -1, "reason": "damaged"})).await;
    adjust(&shop, book, json!({"set_to": 7, "reason": "counted, and it was right"})).await;
    shop.give_back(&id).await;
    shop.give_back(&id).await;
    let ledger = shop.get(&format!("/books/{book}/ledger")).await;
    let entries: Vec<Value> = ledger.json["items"].as_array().unwrap().clone();
    let told: Vec<_> = entries.iter().map(|e| (e["kind"].as_str().unwrap(), e["delta"].as_i64().unwrap())).collect();
    assert_eq!(told, [("given_back", 2), ("adjusted", -1), ("taken", -2), ("received", 10)]);
    let order = id.split(':').next().unwrap();
    assert_eq!((&entries[2]["taking_id"], &entries[2]["actor"]), (&json!(id), &json!(format!("order {order}"))));
    assert_eq!(entries[1]["reason"], "damaged");
    let mut read = Vec::new();
    let mut path = format!("/books/{book}/ledger?limit=1");
    loop {
        let page = shop.get(&path).await;
        read.extend(page.json["items"].as_array().unwrap().clone());
        let Some(link) = page.header("link") else { break };
        path = link.split(['<', '>']).nth(1).unwrap().to_owned();
    }
    assert_eq!(read, entries);
    assert_eq!(shop.get("/books/4711/ledger").await.outcome(), (404, "book_not_found"));
    shop.finish().await;
}
