use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn bazar_search() {
    let shop = Shop::open("bazar_search").await;
    let first = shop.book("b-1", "distributed systems", 1).await;
    let second = shop.book("b-2", "Distributed Systems", 0).await;
    shop.book("b-3", "cooking", 1).await;
    let answer = shop.get("/search/distributed%20SYSTEMS").await;
    let expected = json!([{"id": first, "title": "Title b-1"}, {"id": second, "title": "Title b-2"}]);
    assert_eq!((answer.status, answer.json), (200, expected));
    let unknown = shop.get("/search/no%20such%20topic").await;
    assert_eq!((unknown.status, unknown.json), (200, json!([])));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bazar_search_of_a_topic_with_more_books_than_a_page() {
    let shop = Shop::open("bazar_pages").await;
    let rows: Vec<_> = (1..=450)
        .map(|n| json!({"line": n, "sku": format!("p-{n}"), "title": format!("T{n}"), "topic": "many & more", "price": "1"}))
        .collect();
    assert_eq!(shop.post("/api/v1/imports", json!({"rows": rows})).await.status, 200);
    let answer = shop.get("/search/many%20%26%20more").await;
    assert_eq!((answer.status, answer.json.as_array().unwrap().len()), (200, 450));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bazar_info() {
    let shop = Shop::open("bazar_info").await;
    let book = shop.book("i-1", "cooking", 3).await;
    let answer = shop.get(&format!("/info/{book}")).await;
    let expected = json!({"id": book, "title": "Title i-1", "topic": "cooking", "price": 12.99, "state": "AVAILABLE", "quantity": 3});
    assert_eq!((answer.status, answer.json), (200, expected));
    assert_eq!(shop.get("/info/4711").await.status, 404);
    assert_eq!(shop.get("/info/martian").await.status, 400);
    assert_eq!(shop.get("/info/1.5").await.status, 400);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bazar_purchase() {
    let shop = Shop::open("bazar_purchase").await;
    let book = shop.book("u-1", "cooking", 1).await;
    let path = format!("/purchase/{book}");
    let bought = shop.send(Method::POST, &path, &[("content-type", "text/plain")], Some(json!("ignored"))).await;
    let order = bought.json["order_id"].as_str().unwrap_or("").to_owned();
    let expected = json!({"message": "bought book Title u-1", "order_id": order, "book_id": book});
    assert_eq!((bought.status, &bought.json), (200, &expected));
    let kept = shop.get(&format!("/api/v1/orders/{order}")).await;
    assert_eq!(
        (kept.json["state"].as_str(), kept.json["payment_method"].as_str()),
        (Some("approved"), Some("on_delivery"))
    );

    let sold_out = shop.send(Method::POST, &path, &[], None).await;
    assert_eq!((sold_out.status, sold_out.code()), (409, "sold_out"));
    assert_eq!(shop.send(Method::POST, "/purchase/4711", &[], None).await.status, 404);
    assert_eq!(shop.send(Method::POST, "/purchase/x", &[], None).await.status, 400);
    shop.delete(&format!("/api/v1/books/{book}")).await;
    let withdrawn = shop.send(Method::POST, &path, &[], None).await;
    assert_eq!((withdrawn.status, withdrawn.code()), (404, "book_not_found"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bazar_crud() {
    let shop = Shop::open("bazar_crud").await;
    let book = shop.book("c-1", "cooking", 2).await;
    let path = format!("/api/v1/books/{book}");
    let shown = shop.get(&path).await;
    assert_eq!((shown.status, shown.json["on_hand"].as_i64()), (200, Some(2)));
    let changed = shop.send(Method::PATCH, &path, &[], Some(json!({"price": 5}))).await;
    assert_eq!((changed.status, changed.json["price"].as_f64()), (200, Some(5.0)));
    assert_eq!(shop.get("/api/v1/books?topic=cooking").await.json["items"].as_array().unwrap().len(), 1);
    assert_eq!(shop.delete(&path).await.status, 204);
    assert_eq!(shop.get(&path).await.status, 404);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bazar_race_delete() {
    let shop = Shop::open("bazar_race_delete").await;
    for round in 0..10 {
        let before = shop.approved_orders().await;
        let book = shop.book(&format!("d-{round}"), "races", 100).await;
        let path = format!("/purchase/{book}");
        let buyers = join_all((0..8).map(|_| shop.send(Method::POST, &path, &[], None)));
        let book_path = format!("/api/v1/books/{book}");
        let (answers, deleted) = tokio::join!(buyers, shop.delete(&book_path));
        assert_eq!(deleted.status, 204);
        let bought = answers.iter().filter(|answer| answer.status == 200).count();
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 404)), "{answers:?}");
        // Every copy taken has its order, and every order its copy: the ledger of the gone book says how many were taken.
        let ledger = shop.get(&format!("{book_path}/ledger?limit=200")).await;
        let taken = ledger.json["items"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "taken").count();
        assert_eq!((taken, shop.approved_orders().await - before), (bought, bought));
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bazar_race_last() {
    let shop = Shop::open("bazar_race_last").await;
    let book = shop.book("l-1", "races", 1).await;
    let path = format!("/purchase/{book}");
    let answers = join_all((0..32).map(|_| shop.send(Method::POST, &path, &[], None))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(409)), (1, 31), "{answers:?}");
    assert_eq!(shop.on_hand(book).await, 0);
    shop.close().await;
}
