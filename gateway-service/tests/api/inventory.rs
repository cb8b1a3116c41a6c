//! The contract of Orders & Inventory. Each row has its test, named after the row.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::testing::eventually;
use shared_types::identity::Role::Customer;

use crate::{
    person::Person,
    shop::{Answer, Shop},
    webhooks::paid,
};

/// A product's number, made by this contract.
async fn product(shop: &Shop, sku: &str, stock: i64) -> i64 {
    let made = shop.post("/products", json!({"sku": sku, "name": "A mug", "price": 7.5, "stock": stock})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json["id"].as_i64().unwrap()
}

/// An order's number.
async fn order(shop: &Shop, product: i64, quantity: i64) -> String {
    let made = shop.post("/orders", json!({"product_id": product, "quantity": quantity})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json["id"].as_str().unwrap().to_owned()
}

async fn stock(shop: &Shop, product: i64) -> i64 {
    shop.get(&format!("/products/{product}")).await.json["stock"].as_i64().unwrap()
}

async fn put(shop: &Shop, path: &str, body: Value) -> Answer {
    shop.send(Method::PUT, path, &[], Some(body)).await
}

async fn put_status(shop: &Shop, order: &str, status: &str) -> Answer {
    put(shop, &format!("/orders/{order}"), json!({"status": status})).await
}

async fn status(shop: &Shop, order: &str) -> Value {
    shop.get(&format!("/orders/{order}")).await.json["status"].clone()
}

/// Pays an order of mugs, and waits until it shows.
async fn pay(shop: &Shop, order: &str, amount: &str) {
    assert_eq!(paid(shop, &format!("evt_{order}"), order, amount).await, (200, json!({"status": "processed"})));
    eventually("the order is paid", async || status(shop, order).await == "PAID").await;
}

fn said(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["detail"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_product_create() {
    let shop = Shop::open("inv_product_create").await;
    let mug = json!({"sku": "mug-1", "name": "A mug", "price": 7.50, "stock": 12});
    let made = shop.post("/products", mug.clone()).await;
    let id = made.json["id"].clone();
    let shown = json!({"id": id, "sku": "mug-1", "name": "A mug", "price": 7.50, "stock": 12});
    assert_eq!((made.status, &made.json), (201, &shown));
    assert_eq!(shop.get(made.header("location")).await.json, shown);
    assert_eq!(said(&shop.post("/products", mug.clone()).await), (409, "SKU already exists"));
    for (member, value) in [
        ("price", json!(0)),
        ("price", json!(-1)),
        ("price", json!(1.999)),
        ("price", json!("7.50")),
        ("stock", json!(-1)),
        ("stock", json!(1.5)),
        ("name", json!("")),
        ("name", json!(7)),
        ("sku", json!("")),
        ("colour", json!("red")),
    ] {
        let mut wrong = mug.clone();
        wrong["sku"] = json!("mug-2");
        wrong[member] = value.clone();
        let refused = shop.post("/products", wrong).await;
        assert_eq!(refused.status, 422, "{member} {value}: {refused:?}");
        assert!(refused.json["detail"].as_str().unwrap().contains(member), "{member}: {refused:?}");
    }
    assert_eq!(shop.post("/products", json!({"sku": "mug-2"})).await.status, 422);
    let nobody = shop.send_as_is(Method::POST, "/products", &[], Some(mug)).await;
    assert_eq!(nobody.status, 401);
    assert_eq!(shop.get("/products").await.json.as_array().unwrap().len(), 1);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_product_list() {
    let shop = Shop::open("inv_product_list").await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(product(&shop, &format!("mug-{n}"), n).await);
    }
    let listed = async |query: &str| {
        let page = shop.send_as_is(Method::GET, &format!("/products{query}"), &[], None).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.json.as_array().unwrap().iter().map(|product| product["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, ids);
    assert_eq!(listed("?limit=2").await, ids[..2]);
    assert_eq!(listed("?limit=2&offset=3").await, ids[3..]);
    assert_eq!(listed("?offset=5").await, Vec::<i64>::new());
    for query in ["?limit=0", "?limit=201", "?offset=-1"] {
        assert_eq!(shop.get(&format!("/products{query}")).await.status, 422, "{query}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_product_get() {
    let shop = Shop::open("inv_product_get").await;
    let id = product(&shop, "mug-1", 3).await;
    let public = shop.send_as_is(Method::GET, &format!("/products/{id}"), &[], None).await;
    let expected = json!({"id": id, "sku": "mug-1", "name": "A mug", "price": 7.50, "stock": 3});
    assert_eq!((public.status, public.json), (200, expected));
    for unknown in ["4711", "0", "-1", "mug-1"] {
        assert_eq!(said(&shop.get(&format!("/products/{unknown}")).await), (404, "Product not found"), "{unknown}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_product_update() {
    let shop = Shop::open("inv_product_update").await;
    let (id, _) = (product(&shop, "mug-1", 3).await, product(&shop, "mug-2", 1).await);
    let path = format!("/products/{id}");
    let whole = json!({"sku": "mug-7", "name": "A jug", "price": 8, "stock": 9});
    let changed = put(&shop, &path, whole).await;
    let expected = json!({"id": id, "sku": "mug-7", "name": "A jug", "price": 8.00, "stock": 9});
    assert_eq!((changed.status, &changed.json), (200, &expected));
    assert_eq!(shop.get(&path).await.json, expected);
    assert_eq!(put(&shop, &path, json!({"stock": 0})).await.json["stock"], 0);
    assert_eq!(put(&shop, &path, json!({"price": 8.25})).await.json["price"], 8.25);
    assert_eq!(put(&shop, &path, json!({})).await.status, 200);
    assert_eq!(said(&put(&shop, &path, json!({"sku": "mug-2", "stock": 5})).await), (409, "SKU already exists"));
    for wrong in [
        json!({"price": 0}),
        json!({"stock": -1, "price": 1}),
        json!({"name": ""}),
        json!({"id": 7}),
        json!({"colour": "red"}),
        json!({"stock": "many"}),
    ] {
        assert_eq!(put(&shop, &path, wrong.clone()).await.status, 422, "{wrong}");
    }
    let left = shop.get(&path).await.json;
    assert_eq!(left, json!({"id": id, "sku": "mug-7", "name": "A jug", "price": 8.25, "stock": 0}));
    assert_eq!(said(&put(&shop, "/products/4711", json!({"price": 1})).await), (404, "Product not found"));
    assert_eq!(shop.send_as_is(Method::PUT, &path, &[], Some(json!({"price": 1}))).await.status, 401);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_product_delete() {
    let shop = Shop::open("inv_product_delete").await;
    let id = product(&shop, "mug-1", 3).await;
    let path = format!("/products/{id}");
    assert_eq!(shop.send_as_is(Method::DELETE, &path, &[], None).await.status, 401);
    assert_eq!(shop.delete(&path).await.status, 204);
    assert_eq!(said(&shop.get(&path).await), (404, "Product not found"));
    assert_eq!(said(&shop.delete(&path).await), (404, "Product not found"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_order_create() {
    let shop = Shop::open("inv_order_create").await;
    let id = product(&shop, "mug-1", 30).await;
    let made = shop.post("/orders", json!({"product_id": id, "quantity": 25})).await;
    let (order, at) = (made.json["id"].clone(), made.json["created_at"].clone());
    let expected = json!({"id": order, "product_id": id, "quantity": 25, "status": "PENDING", "created_at": at});
    assert_eq!((made.status, &made.json), (201, &expected), "more copies than a line of ours has");
    assert!(at.is_string());
    assert_eq!(stock(&shop, id).await, 5);
    for too_many in [6, 999, 1_000_000_000] {
        let short = shop.post("/orders", json!({"product_id": id, "quantity": too_many})).await;
        assert_eq!(said(&short), (409, "Insufficient stock"), "{too_many}");
    }
    for unknown in [4711, 0, -1] {
        let missing = shop.post("/orders", json!({"product_id": unknown, "quantity": 1})).await;
        assert_eq!(said(&missing), (404, "Product not found"), "{unknown}");
    }
    for wrong in [
        json!({"product_id": id, "quantity": 0}),
        json!({"product_id": id, "quantity": -1}),
        json!({"product_id": id, "quantity": 1.5}),
        json!({"product_id": id}),
        json!({"quantity": 1}),
        json!({"product_id": id, "quantity": 1, "status": "PAID"}),
    ] {
        assert_eq!(shop.post("/orders", wrong.clone()).await.status, 422, "{wrong}");
    }
    let nobody = shop.send_as_is(Method::POST, "/orders", &[], Some(json!({"product_id": id, "quantity": 1}))).await;
    assert_eq!((nobody.status, stock(&shop, id).await), (401, 5));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_has_three_orders_at_most_that_wait_for_their_money() {
    let shop = Shop::open("inv_unpaid").await;
    let id = product(&shop, "mug-1", 30).await;
    let ana = Person::enters(&shop, "ana", Customer).await;
    let order = async || ana.post("/orders", json!({"product_id": id, "quantity": 1})).await;
    for _ in 0..3 {
        assert_eq!(order().await.status, 201);
    }
    let fourth = order().await;
    assert_eq!((fourth.status, fourth.code()), (429, "too_many_unpaid_orders"), "{fourth:?}");
    assert_eq!(stock(&shop, id).await, 27);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_order_get() {
    let shop = Shop::open("inv_order_get").await;
    let id = product(&shop, "mug-1", 3).await;
    let made = shop.post("/orders", json!({"product_id": id, "quantity": 2})).await;
    let path = made.header("location").to_owned();
    let shown = shop.get(&path).await;
    assert_eq!((shown.status, &shown.json), (200, &made.json));
    for unknown in ["01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "4711", "x"] {
        assert_eq!(said(&shop.get(&format!("/orders/{unknown}")).await), (404, "Order not found"), "{unknown}");
    }
    let ana = shop.customer("ana").await;
    let another = shop.send_as_is(Method::GET, &path, &[("authorization", &ana)], None).await;
    assert_eq!(said(&another), (404, "Order not found"));
    assert_eq!(shop.send_as_is(Method::GET, &path, &[], None).await.status, 401);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_order_update() {
    let shop = Shop::open("inv_order_update").await;
    let id = product(&shop, "mug-1", 10).await;
    let invalid = (409, "Invalid status transition");

    let canceled = order(&shop, id, 2).await;
    for status in ["PENDING", "PAID", "SHIPPED"] {
        assert_eq!(said(&put_status(&shop, &canceled, status).await), invalid, "PENDING to {status}");
    }
    let done = put_status(&shop, &canceled, "CANCELED").await;
    assert!(matches!(done.status, 200 | 202), "{done:?}");
    assert_eq!(done.json["status"], "CANCELED");
    eventually("the stock is back", async || stock(&shop, id).await == 10).await;
    for status in ["PENDING", "PAID", "SHIPPED", "CANCELED"] {
        assert_eq!(said(&put_status(&shop, &canceled, status).await), invalid, "CANCELED to {status}");
    }

    let sent = order(&shop, id, 2).await;
    pay(&shop, &sent, "15.00").await;
    for status in ["PENDING", "PAID", "CANCELED"] {
        assert_eq!(said(&put_status(&shop, &sent, status).await), invalid, "PAID to {status}");
    }
    let shipped = put_status(&shop, &sent, "SHIPPED").await;
    assert_eq!((shipped.status, shipped.json["status"].as_str()), (200, Some("SHIPPED")), "{shipped:?}");
    for status in ["PENDING", "PAID", "SHIPPED", "CANCELED"] {
        assert_eq!(said(&put_status(&shop, &sent, status).await), invalid, "SHIPPED to {status}");
    }
    assert_eq!((status(&shop, &sent).await, stock(&shop, id).await), (json!("SHIPPED"), 8));

    let path = format!("/orders/{}", order(&shop, id, 1).await);
    for wrong in [
        json!({}),
        json!({"status": "LOST"}),
        json!({"status": "canceled"}),
        json!({"status": "CANCELED", "quantity": 2}),
        json!({"quantity": 2}),
    ] {
        assert_eq!(put(&shop, &path, wrong.clone()).await.status, 422, "{wrong}");
    }
    let rejected = order(&shop, id, 1).await;
    let word = json!({"reason": "we do not like him"});
    assert!(shop.post(&format!("/api/v1/orders/{rejected}/reject"), word).await.status < 300);
    assert_eq!(status(&shop, &rejected).await, "CANCELED");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_order_delete() {
    let shop = Shop::open("inv_order_delete").await;
    let id = product(&shop, "mug-1", 10).await;
    let (waiting, canceled, bought) = (order(&shop, id, 1).await, order(&shop, id, 1).await, order(&shop, id, 1).await);
    assert!(put_status(&shop, &canceled, "CANCELED").await.status < 300);
    for order in [&waiting, &canceled] {
        let path = format!("/orders/{order}");
        assert_eq!(shop.delete(&path).await.status, 204);
        assert_eq!(said(&shop.get(&path).await), (404, "Order not found"));
        assert_eq!(said(&shop.delete(&path).await), (404, "Order not found"));
        assert_eq!(said(&put_status(&shop, order, "CANCELED").await), (404, "Order not found"));
        let kept = shop.get(&format!("/api/v1/orders/{order}")).await;
        assert_eq!(kept.json["state"], "canceled", "kept for the books");
    }
    eventually("the stock is back", async || stock(&shop, id).await == 9).await;
    pay(&shop, &bought, "7.50").await;
    assert_eq!(said(&shop.delete(&format!("/orders/{bought}")).await), (409, "Order cannot be deleted"));
    assert_eq!(put_status(&shop, &bought, "SHIPPED").await.status, 200);
    assert_eq!(said(&shop.delete(&format!("/orders/{bought}")).await), (409, "Order cannot be deleted"));
    assert_eq!(said(&shop.delete("/orders/4711").await), (404, "Order not found"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_race_last() {
    let shop = Shop::open("inv_race_last").await;
    for round in 0..10 {
        let id = product(&shop, &format!("mug-{round}"), 1).await;
        let last = || shop.post("/orders", json!({"product_id": id, "quantity": 1}));
        let mut statuses: Vec<u16> = join_all([last(), last()]).await.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!((statuses, stock(&shop, id).await), (vec![201, 409], 0));
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_errors() {
    let shop = Shop::open("inv_errors").await;
    let id = product(&shop, "mug-1", 1).await;
    let shipped = order(&shop, id, 1).await;
    pay(&shop, &shipped, "7.50").await;
    let mug = json!({"sku": "mug-1", "name": "A mug", "price": 1, "stock": 1});
    let answers = [
        (shop.get("/products/4711").await, 404, "Product not found"),
        (shop.get("/orders/4711").await, 404, "Order not found"),
        (shop.post("/products", mug).await, 409, "SKU already exists"),
        (shop.post("/orders", json!({"product_id": id, "quantity": 1})).await, 409, "Insufficient stock"),
        (put_status(&shop, &shipped, "CANCELED").await, 409, "Invalid status transition"),
        (shop.post("/webhooks/payment", json!({})).await, 401, "Invalid signature"),
        (shop.delete(&format!("/orders/{shipped}")).await, 409, "Order cannot be deleted"),
    ];
    for (answer, status, detail) in answers {
        assert_eq!(said(&answer), (status, detail));
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_order_create_twice_under_one_key_is_one_order() {
    let shop = Shop::open("inv_key").await;
    let id = product(&shop, "mug-1", 5).await;
    let key = [("idempotency-key", "basket-1")];
    let body = json!({"product_id": id, "quantity": 2});
    let first = shop.send(Method::POST, "/orders", &key, Some(body.clone())).await;
    let second = shop.send(Method::POST, "/orders", &key, Some(body)).await;
    assert_eq!((first.status, second.status, &first.json), (201, 201, &second.json));
    let other = shop.send(Method::POST, "/orders", &key, Some(json!({"product_id": id, "quantity": 1}))).await;
    assert_eq!((other.status, stock(&shop, id).await), (422, 3));
    shop.close().await;
}
