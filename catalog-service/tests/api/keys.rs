use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::{Answer, Caller, Shop};

async fn keyed(caller: &Caller, path: &str, key: &str, body: &Value) -> Answer {
    caller.call(Method::POST, path, &[("idempotency-key", key)], Some(body)).await
}

fn book(sku: &str) -> Value {
    json!({"sku": sku, "title": "Middlemarch", "topic": "novels", "price": 12.5, "stock": 3})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_is_added_many_times_at_once_under_one_key_is_one_book() {
    let shop = Shop::open("keys-parallel").await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let caller = shop.caller();
        running.spawn(async move { keyed(&caller, "/books", "one", &book("M-1")).await });
    }
    let answers = running.join_all().await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.json), (201, &answers[0].json));
        assert_eq!((answer.header("location"), answer.header("etag")), (answers[0].header("location"), Some("\"1\"")));
    }
    assert_eq!(shop.get("/books").await.titles(), ["Middlemarch"]);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_answers_the_same_after_the_book_is_gone() {
    let shop = Shop::open("keys-gone").await;
    let first = keyed(&shop, "/books", "k", &book("M-1")).await;
    let path = first.header("location").unwrap().to_owned();
    let adjustment = json!({"delta": -1, "reason": "damaged"});
    let adjustments = format!("{path}/stock-adjustments");
    let adjusted = keyed(&shop, &adjustments, "k", &adjustment).await;
    assert_eq!(shop.delete(&path).await.status, 204);
    let again = keyed(&shop, "/books", "k", &book("M-1")).await;
    assert_eq!((again.status, &again.json), (201, &first.json));
    let again = keyed(&shop, &adjustments, "k", &adjustment).await;
    assert_eq!((again.status, &again.json), (201, &adjusted.json));
    assert_eq!(keyed(&shop, &adjustments, "new", &adjustment).await.outcome(), (404, "book_not_found"));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_key_with_another_request_is_refused() {
    let shop = Shop::open("keys-other").await;
    let (one, other) = (shop.new_book(5).await, shop.new_book(5).await);
    assert_eq!(keyed(&shop, "/books", "k", &book("M-1")).await.status, 201);
    assert_eq!(keyed(&shop, "/books", "k", &book("M-2")).await.outcome(), (422, "key_reused"));
    let body = json!({"delta": 1, "reason": "r"});
    // The same key on another route is another key; on another book it is another request.
    assert_eq!(keyed(&shop, &format!("/books/{one}/stock-adjustments"), "k", &body).await.status, 201);
    let elsewhere = keyed(&shop, &format!("/books/{other}/stock-adjustments"), "k", &body).await;
    assert_eq!(elsewhere.outcome(), (422, "key_reused"));
    assert_eq!((shop.on_hand(one).await, shop.on_hand(other).await), (6, 5));
    assert_eq!(shop.get("/books").await.titles().len(), 3);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_kept_and_an_invalid_request_is_not() {
    let shop = Shop::open("keys-refused").await;
    let taken = shop.add(book("M-1")).await;
    let refused = keyed(&shop, "/books", "k", &book("M-1")).await;
    assert_eq!(refused.outcome(), (409, "sku_taken"));
    assert_eq!(shop.delete(&format!("/books/{taken}")).await.status, 204);
    let again = keyed(&shop, "/books", "k", &book("M-1")).await;
    assert_eq!((again.outcome(), again.fields()), ((409, "sku_taken"), vec!["sku"]));

    let mut body = book("M-2");
    body["price"] = json!(-1);
    assert_eq!(keyed(&shop, "/books", "mended", &body).await.outcome(), (422, "invalid"));
    assert_eq!(keyed(&shop, "/books", "mended", &json!([])).await.outcome(), (422, "invalid"));
    assert_eq!(keyed(&shop, "/books", "mended", &book("M-2")).await.status, 201);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_under_a_key_reports_again_what_it_did() {
    let shop = Shop::open("keys-import").await;
    let rows = json!({"rows": [{"line": 2, "sku": "M-1", "title": "Middlemarch", "topic": "novels", "price": "9.50"}]});
    let first = keyed(&shop, "/imports", "k", &rows).await;
    let again = keyed(&shop, "/imports", "k", &rows).await;
    assert_eq!((first.status, &again.json), (200, &first.json));
    assert_eq!(first.json["results"][0]["outcome"], "created");
    assert_eq!(shop.post("/imports", rows).await.json["results"][0]["outcome"], "unchanged");
    shop.finish().await;
}
