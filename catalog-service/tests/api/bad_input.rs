use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{auth::Service, testing::refuses_every_bad_request};

use crate::shop::{Shop, line, taking_id};

fn book() -> Value {
    json!({"sku": "NEW", "title": "t", "topic": "t", "price": 1})
}

/// `value` with some members replaced; null removes one.
fn with(value: Value, changes: Value) -> Value {
    let mut value = value;
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = change.clone();
        }
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_is_not_valid_is_refused_with_the_field_that_is_wrong() {
    let shop = Shop::open("bad-books").await;
    let id = shop.new_book(5).await;
    let before = shop.book(id).await;
    let long = |n: usize| "é".repeat(n);
    for (change, field) in [
        (json!({"title": ""}), "title"),
        (json!({"title": long(1_001)}), "title"),
        (json!({"title": "a\u{0}b"}), "title"),
        (json!({"title": "two\nlines"}), "title"),
        (json!({"title": 7}), "title"),
        (json!({"author": " "}), "author"),
        (json!({"author": long(1_001)}), "author"),
        (json!({"topic": "\t"}), "topic"),
        (json!({"topic": long(201)}), "topic"),
        (json!({"sku": ""}), "sku"),
        (json!({"sku": long(65)}), "sku"),
        (json!({"isbn": "9780143127551"}), "isbn"),
        (json!({"isbn": ""}), "isbn"),
        (json!({"isbn": 9_780_143_127_550_i64}), "isbn"),
        (json!({"price": -0.01}), "price"),
        (json!({"price": 1.999}), "price"),
        (json!({"price": "1"}), "price"),
        (json!({"price": 10_000_000_000_i64}), "price"),
        (json!({"price": 1e30}), "price"),
        (json!({"first_year": 10_000}), "first_year"),
        (json!({"first_year": 1.5}), "first_year"),
        (json!({"warn_limit": -1}), "warn_limit"),
        (json!({"warn_limit": 1_000_000_001}), "warn_limit"),
        (json!({"colour": "red"}), "colour"),
        (json!({"on_hand": 7}), "on_hand"),
    ] {
        for (answer, route) in [
            (shop.post("/books", with(book(), change.clone())).await, "POST"),
            (shop.patch(&format!("/books/{id}"), change.clone()).await, "PATCH"),
        ] {
            assert_eq!(answer.outcome(), (422, "invalid"), "{route} {change}");
            assert_eq!(answer.fields(), [field], "{route} {change}");
        }
    }
    for (change, field) in
        [(json!({"stock": -1}), "stock"), (json!({"stock": 1_000_000_001}), "stock"), (json!({"sku": null}), "sku")]
    {
        let answer = shop.post("/books", with(book(), change.clone())).await;
        assert_eq!((answer.outcome(), answer.fields()), ((422, "invalid"), vec![field]), "{change}");
    }
    for missing in ["title", "topic", "price"] {
        let answer = shop.post("/books", with(book(), json!({missing: null}))).await;
        assert_eq!(answer.outcome(), (422, "invalid"), "{missing}");
        assert!(answer.json["detail"].as_str().unwrap().contains(missing), "{}", answer.json);
    }
    assert_eq!(shop.patch(&format!("/books/{id}"), json!({"stock": 7})).await.fields(), ["stock"]);
    assert_eq!(shop.book(id).await, before);
    assert_eq!(shop.get("/books").await.titles().len(), 1);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_book_there_can_be_is_taken_in() {
    let shop = Shop::open("large").await;
    let wide = |n: usize| "𝔊".repeat(n);
    let book = json!({"sku": wide(64), "title": wide(1_000), "author": wide(1_000), "topic": wide(200),
        "first_year": 9_999, "price": 9_999_999_999.99, "stock": 1_000_000_000, "warn_limit": 1_000_000_000});
    let id = shop.add(book).await;
    assert_eq!(shop.get("/books?sort=title").await.titles().len(), 1);
    assert_eq!(shop.book(id).await["price"], json!(9_999_999_999.99));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_that_is_not_valid_is_refused_with_the_field_that_is_wrong() {
    let shop = Shop::open("bad-adjustments").await;
    let id = shop.new_book(5).await;
    for (body, field) in [
        (json!({"reason": "r"}), "delta"),
        (json!({"delta": 0, "reason": "r"}), "delta"),
        (json!({"delta": 1, "set_to": 1, "reason": "r"}), "set_to"),
        (json!({"delta": 1_000_000_001, "reason": "r"}), "delta"),
        (json!({"delta": i64::MIN, "reason": "r"}), "delta"),
        (json!({"delta": 1_000_000_000, "reason": "r"}), "delta"),
        (json!({"set_to": -1, "reason": "r"}), "set_to"),
        (json!({"set_to": 1_000_000_001, "reason": "r"}), "set_to"),
        (json!({"delta": 1, "reason": ""}), "reason"),
        (json!({"delta": 1, "reason": "x".repeat(256)}), "reason"),
        (json!({"delta": 1, "reason": "a\u{0}"}), "reason"),
        (json!({"delta": 1, "reason": "r", "adjustment_id": " "}), "adjustment_id"),
        (json!({"delta": 1, "reason": "r", "adjustment_id": "x".repeat(256)}), "adjustment_id"),
        (json!({"delta": 1, "reason": "r", "actor": "me"}), "actor"),
    ] {
        let answer = shop.post(&format!("/books/{id}/stock-adjustments"), body.clone()).await;
        assert_eq!((answer.outcome(), answer.fields()), ((422, "invalid"), vec![field]), "{body}");
    }
    let unknown = shop.post("/books/4711/stock-adjustments", json!({"delta": 1, "reason": "r"})).await;
    assert_eq!(unknown.outcome(), (404, "book_not_found"));
    assert_eq!(shop.on_hand(id).await, 5);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_no_table_is_refused_whole() {
    let shop = Shop::open("bad-imports").await;
    let row = json!({"line": 1, "sku": "A", "title": "t", "topic": "t", "price": 1});
    for (body, field) in [
        (json!({"rows": []}), "rows"),
        (json!({"rows": vec![row.clone(); 1_001]}), "rows"),
        (json!({"rows": [with(row.clone(), json!({"colour": "red"}))]}), "rows[0].colour"),
        (json!({"rows": [with(row.clone(), json!({"title": ["t"]}))]}), "rows[0].title"),
        (json!({"rows": [with(row.clone(), json!({"stock": true}))]}), "rows[0].stock"),
    ] {
        let answer = shop.post("/imports", body).await;
        assert_eq!((answer.outcome(), answer.fields()), ((422, "invalid"), vec![field]));
    }
    let huge = json!({"rows": [with(row, json!({"title": "x".repeat(5_000_000)}))]});
    assert_eq!(shop.post("/imports", huge).await.outcome(), (413, "body_too_large"));
    assert_eq!(shop.get("/books").await.titles().len(), 0);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_or_query_that_cannot_be_read_says_so() {
    let shop = Shop::open("bad-paths").await;
    let taking = taking_id();
    for (method, path, status, code) in [
        (Method::GET, "/books/x", 400, "malformed_path"),
        (Method::GET, "/books/0", 400, "malformed_path"),
        (Method::GET, "/books/-1", 400, "malformed_path"),
        (Method::GET, "/books/99999999999999999999", 400, "malformed_path"),
        (Method::GET, "/books/4711", 404, "book_not_found"),
        (Method::DELETE, "/books/4711", 404, "book_not_found"),
        (Method::GET, "/books/by-isbn/none", 404, "book_not_found"),
        (Method::GET, "/books/by-isbn/%00", 404, "book_not_found"),
        (Method::GET, "/books/by-isbn/9780143127550", 404, "book_not_found"),
        (Method::PUT, "/books/1", 405, "method_not_allowed"),
        (Method::GET, "/books/1/2/3", 404, "route_not_found"),
        (Method::GET, "/books?colour=red", 400, "malformed_query"),
        (Method::GET, "/books?state=SOLD", 400, "malformed_query"),
        (Method::GET, "/books?sort=colour", 400, "malformed_query"),
        (Method::GET, "/books?topic=%00", 400, "malformed_query"),
        (Method::GET, "/books?q=a%00b", 400, "malformed_query"),
        (Method::GET, "/books?sku=a%0Ab", 400, "malformed_query"),
        (Method::GET, "/topics?cursor=zz", 400, "malformed_query"),
        (Method::GET, "/topics?limit=0", 400, "malformed_query"),
        (Method::GET, "/books/1/ledger?limit=201", 400, "malformed_query"),
        (Method::GET, "/takings/1", 400, "malformed_path"),
        (Method::POST, "/takings/none:1/give-back", 400, "malformed_path"),
        (Method::GET, &format!("/takings/{taking}"), 404, "taking_not_found"),
        (Method::GET, &format!("/takings/{}", taking.to_uppercase()), 400, "malformed_path"),
        (Method::PUT, &format!("/takings/{taking}"), 400, "malformed_body"),
    ] {
        let answer = shop.call(method.clone(), path, &[], None).await;
        assert_eq!(answer.outcome(), (status, code), "{method} {path}: {}", answer.json);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}");
    }
    shop.finish().await;
}

/// Complete by construction: the requests are made out of the service's own document.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_request_to_any_route_is_a_clear_problem_and_changes_nothing() {
    let shop = Shop::open("any-route").await;
    let id = shop.new_book(5).await;
    let taking = taking_id();
    let taken = json!({"lines": [line(id, 1)]});
    assert_eq!(shop.call(Method::PUT, &format!("/takings/{taking}"), &[], Some(&taken)).await.status, 201);
    let everything = async || {
        let ledger = format!("/books/{id}/ledger");
        [shop.get("/books").await.json, shop.get("/topics").await.json, shop.get(&ledger).await.json]
    };
    let before = everything().await;
    let document = shop.get("/openapi.json").await.json;
    let fill = |parameter: &str| match parameter {
        "book_id" | "ids" => Some(id.to_string()),
        "isbn" => Some("9780143127550".to_owned()),
        "taking_id" => Some(taking.clone()),
        _ => None,
    };
    let any_text = ["topic", "q", "author", "isbn", "sku", "request_ids", "If-None-Match"];
    let sent = refuses_every_bad_request(Service::Catalog, &shop.base, &document, &any_text, fill).await;
    assert!(sent >= 80, "{sent}");
    assert_eq!(everything().await, before);
    shop.finish().await;
}
