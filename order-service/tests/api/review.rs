use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    neighbours::Book,
    shop::{Answer, Shop},
};

async fn write(shop: &Shop, lines: &[(i64, i64)]) -> String {
    let lines: Vec<Value> = lines.iter().map(|(book, copies)| json!({"book_id": book, "quantity": copies})).collect();
    let created = shop.post("/orders", &json!({"lines": lines})).await;
    assert_eq!((created.status, &created.json["state"]), (201, &json!("created")), "{created:?}");
    created.order_id()
}

async fn act(shop: &Shop, order: &str, act: &str) -> Answer {
    shop.send(Method::POST, &format!("/orders/{order}/{act}"), None, None).await
}

#[tokio::test]
async fn an_order_is_written_submitted_and_approved_at_the_prices_of_its_ordering() {
    let shop = Shop::open("reviewed").await;
    let id = write(&shop, &[(1, 2)]).await;
    let added = shop.post(&format!("/orders/{id}/lines"), &json!({"book_id": 2, "quantity": 1})).await;
    assert_eq!((added.status, &added.json["total"]), (201, &json!(115.97)));
    shop.neighbours.put_book(1, Book { title: "The Martian", price: "15.00", on_hand: 10 });
    assert_eq!(act(&shop, &id, "approve").await.status, 409, "it is not submitted yet");
    assert_eq!(act(&shop, &id, "submit").await.json["state"], "pending");
    assert_eq!(shop.neighbours.copies_taken(), 0);
    let approved = act(&shop, &id, "approve").await;
    assert_eq!(
        (approved.status, &approved.json["state"], &approved.json["total"]),
        (200, &json!("approved"), &json!(115.97))
    );
    assert_eq!(shop.neighbours.copies_taken(), 3);
    let late = shop.post(&format!("/orders/{id}/lines"), &json!({"book_id": 2, "quantity": 1})).await;
    assert_eq!(late.status, 409);
    assert_eq!(shop.history(&id).await, ["create", "add_line", "submit", "approve", "copies_taken"]);
    shop.close().await;
}

#[tokio::test]
async fn a_shortage_names_every_short_line_and_the_order_stays_pending() {
    let shop = Shop::open("shortage").await;
    let id = write(&shop, &[(1, 1), (2, 4), (3, 1)]).await;
    act(&shop, &id, "submit").await;
    let short = act(&shop, &id, "approve").await;
    assert_eq!((short.status, &short.json["code"]), (409, &json!("sold_out")));
    let fields: Vec<&Value> = short.json["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["lines[1].quantity", "lines[2].quantity"]);
    let order = shop.order(&id).await;
    assert_eq!(
        (&order["state"], &order["stock"], shop.neighbours.copies_taken()),
        (&json!("pending"), &json!("none"), 0)
    );
    // Its lines can be changed, and then it is approved.
    let changed = shop.send(Method::PATCH, &format!("/orders/{id}/lines/2"), None, Some(&json!({"quantity": 3}))).await;
    assert_eq!((changed.status, &changed.json["refused"]), (200, &json!([])));
    let removed = shop.send(Method::DELETE, &format!("/orders/{id}/lines/3"), None, None).await;
    assert_eq!((removed.status, removed.json["lines"].as_array().unwrap().len()), (200, 2));
    assert_eq!(shop.send(Method::DELETE, &format!("/orders/{id}/lines/3"), None, None).await.status, 404);
    let approved = act(&shop, &id, "approve").await;
    assert_eq!((approved.status, shop.neighbours.copies_taken()), (200, 4), "{approved:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_rejection_has_a_reason_and_is_final() {
    let shop = Shop::open("rejected").await;
    let id = write(&shop, &[(1, 1)]).await;
    act(&shop, &id, "submit").await;
    assert_eq!(shop.post(&format!("/orders/{id}/reject"), &json!({"reason": " "})).await.status, 422);
    let rejected = shop.post(&format!("/orders/{id}/reject"), &json!({"reason": "too far away"})).await;
    assert_eq!(
        (rejected.status, &rejected.json["state"], &rejected.json["reason"]),
        (200, &json!("rejected"), &json!("too far away"))
    );
    for again in ["submit", "approve", "cancel"] {
        assert_eq!(act(&shop, &id, again).await.status, 409, "{again}");
    }
    shop.close().await;
}

#[tokio::test]
async fn an_order_needs_a_line_to_be_submitted_and_its_book_has_to_be_sold() {
    let shop = Shop::open("empty").await;
    let id = write(&shop, &[]).await;
    assert_eq!(act(&shop, &id, "submit").await.status, 409);
    let unknown = shop.post(&format!("/orders/{id}/lines"), &json!({"book_id": 99, "quantity": 1})).await;
    assert_eq!((unknown.status, &unknown.json["code"]), (409, &json!("book_gone")));
    let dear = json!({"book_id": 1, "quantity": 1, "expected_price": 1.00});
    let other_price = shop.post(&format!("/orders/{id}/lines"), &dear).await;
    assert_eq!((other_price.status, &other_price.json["code"]), (409, &json!("price_changed")));
    let many = shop.post(&format!("/orders/{id}/lines"), &json!({"book_id": 1, "quantity": 11})).await;
    assert_eq!(many.status, 422);
    assert_eq!(shop.get(&format!("/orders/{id}/lines")).await.json["items"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn an_order_without_an_address_is_handed_over_once() {
    let shop = Shop::open("handed_over").await;
    let id = write(&shop, &[(1, 1)]).await;
    assert_eq!(act(&shop, &id, "hand-over").await.status, 409);
    act(&shop, &id, "submit").await;
    act(&shop, &id, "approve").await;
    let handed = act(&shop, &id, "hand-over").await;
    assert_eq!((handed.status, &handed.json["fulfillment"]), (200, &json!("shipped")));
    let version = handed.json["version"].clone();
    assert_eq!(act(&shop, &id, "hand-over").await.json["version"], version);
    assert_eq!(act(&shop, &id, "refund").await.status, 409);
    shop.close().await;
}

#[tokio::test]
async fn two_approvals_at_once_take_the_copies_once() {
    let shop = Shop::open("two_approvals").await;
    let id = write(&shop, &[(2, 1)]).await;
    act(&shop, &id, "submit").await;
    let (one, other) = tokio::join!(act(&shop, &id, "approve"), act(&shop, &id, "approve"));
    let statuses = [one.status, other.status];
    // The second joins the first, or comes after it.
    assert!(statuses.contains(&200) && statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    assert_eq!((shop.neighbours.copies_taken(), shop.order(&id).await["state"].clone()), (1, json!("approved")));
    assert_eq!(shop.history(&id).await, ["create", "submit", "approve", "copies_taken"]);
    shop.close().await;
}
