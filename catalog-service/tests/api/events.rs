use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    db::{Db, DbError, DbOptions, Row, Tx},
    outbox,
    testing::TestDatabase,
};
use shared_types::limits::{MAX_EVENT_BATCH, MAX_EVENT_BATCH_BYTES};

use crate::shop::{Shop, line, taking_id};

/// A catalog somebody listens to, who never picks anything up: every event stays where a test can see it.
async fn listened_to(name: &str) -> Shop {
    let database = TestDatabase::create(name).await;
    let db = Db::open(database.url(), DbOptions::default(), &[]).await.unwrap();
    db.write(|tx| outbox::subscribe(tx, "test")).await.unwrap();
    db.close().await;
    Shop::open_on(database).await
}

/// Every event: its subject and its books as `[number, version, what]`.
async fn events(shop: &Shop) -> Vec<(String, Value)> {
    let db = Db::open_read_only(shop.database_url()).await.unwrap();
    let told = db.read(|tx: &mut Tx<'_>| {
        let rows = tx.query("select subject, body from outbox_event order by position", &[])?;
        rows.iter().map(|row: &Row| Ok((row.get("subject")?, row.get("body")?))).collect::<Result<Vec<_>, DbError>>()
    });
    let told: Vec<(String, String)> = told.await.unwrap();
    db.close().await;
    let books = |body: String| {
        let event: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(event["type"], "lastcopy.book.changed");
        let book = |book: &Value| json!([book["book_id"], book["version"], book["what"]]);
        event["data"]["books"].as_array().unwrap().iter().map(book).collect()
    };
    told.into_iter().map(|(subject, body)| (subject, books(body))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_a_book_is_told_once() {
    let shop = listened_to("events_books").await;
    let book = shop.new_book(5).await;
    let path = format!("/books/{book}");
    assert_eq!(shop.patch(&path, json!({"price": 11})).await.status, 200);
    let adjust = json!({"adjustment_id": "a-1", "delta": 2, "reason": "found"});
    for status in [201, 200] {
        assert_eq!(shop.post(&format!("{path}/stock-adjustments"), adjust.clone()).await.status, status);
    }
    assert_eq!(shop.delete(&path).await.status, 204);
    let subject = format!("book/{book}");
    let told = [
        json!([[book, 1, "content"]]),
        json!([[book, 2, "content"]]),
        json!([[book, 3, "stock"]]),
        json!([[book, 4, "gone"]]),
    ];
    assert_eq!(events(&shop).await, told.map(|books| (subject.clone(), books)));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_of_many_books_is_one_event() {
    let shop = listened_to("events_takings").await;
    let (a, b) = (shop.new_book(5).await, shop.new_book(5).await);
    let taking = taking_id();
    let order = taking.split(':').next().unwrap().to_owned();
    for status in [201, 200] {
        assert_eq!(shop.take(&taking, &[line(b, 1), line(a, 2)]).await.status, status);
    }
    assert_eq!(shop.give_back(&taking).await.status, 200);
    assert_eq!(shop.give_back(&taking).await.status, 200);
    let told = events(&shop).await;
    let subject = format!("order/{order}");
    assert_eq!(
        told[2..],
        [
            (subject.clone(), json!([[a, 2, "stock"], [b, 2, "stock"]])),
            (subject, json!([[a, 3, "stock"], [b, 3, "stock"]])),
        ]
    );
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_happen_is_not_told() {
    let shop = listened_to("events_nothing").await;
    let book = shop.new_book(1).await;
    let path = format!("/books/{book}");
    let before = events(&shop).await;
    assert_eq!(shop.take(&taking_id(), &[line(book, 2)]).await.status, 409);
    assert_eq!(shop.give_back(&taking_id()).await.status, 201);
    assert_eq!(shop.patch(&path, json!({})).await.status, 200);
    let stale = shop.call(Method::PATCH, &path, &[("if-match", "\"7\"")], Some(&json!({"price": 3}))).await;
    assert_eq!(stale.status, 412);
    let too_many = json!({"delta": -2, "reason": "lost"});
    assert_eq!(shop.post(&format!("{path}/stock-adjustments"), too_many).await.status, 409);
    assert_eq!(events(&shop).await, before);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_import_tells_of_its_books_by_the_hundred_and_a_batch_has_room_for_a_hundred_of_those() {
    let shop = listened_to("events_long_import").await;
    let row = |line: i64| json!({"line": line, "sku": format!("sku-{line}"), "title": "T", "topic": "t", "price": 1});
    let rows: Vec<Value> = (2..252).map(row).collect();
    assert_eq!(shop.post("/imports", json!({"rows": rows})).await.status, 200);
    let told = events(&shop).await;
    let books: Vec<Vec<Value>> = told.iter().map(|(_, books)| books.as_array().unwrap().clone()).collect();
    assert_eq!(books.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
    let different: BTreeSet<i64> = books.concat().iter().map(|book| book[0].as_i64().unwrap()).collect();
    assert_eq!(different.len(), 250);
    let subjects: BTreeSet<&String> = told.iter().map(|(subject, _)| subject).collect();
    assert_eq!(subjects.len(), 3, "none waits for another");
    let book = json!({"book_id": i64::MAX, "isbn": "9780143127550", "version": 1_000_000, "what": "content"});
    let longest = book.to_string().len() * 100 + 1_000;
    assert!(longest * MAX_EVENT_BATCH <= MAX_EVENT_BATCH_BYTES, "{longest} bytes");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_tells_of_each_book_that_it_changed() {
    let shop = listened_to("events_import").await;
    let row = |line: i64, isbn: &str, title: &str| json!({"line": line, "isbn": isbn, "title": title, "topic": "t", "price": 1});
    let first = json!({"rows": [row(1, "9780143127550", "A"), row(2, "9780262033848", "B")]});
    let second = json!({"rows": [row(1, "9780143127550", "A"), row(2, "9780262033848", "B2"), row(3, "none", "C")]});
    for rows in [first, second] {
        assert_eq!(shop.post("/imports", rows).await.status, 200);
    }
    let told: Vec<Value> = events(&shop).await.into_iter().map(|(_, books)| json!(books)).collect();
    let (a, b) = (told[0][0][0].clone(), told[0][1][0].clone());
    assert_eq!(told, [json!([[a, 1, "content"], [b, 1, "content"]]), json!([[b, 2, "content"]])]);
    shop.finish().await;
}
