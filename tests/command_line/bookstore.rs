//! The bookstore's contract, by a client of its own against `lastcopy up`: nothing but the base address is ours. Each row
//! has its test, named after the row.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{Client, ClientOptions, testing::eventually};

use crate::shop::{ANY_PORTS, Place, Shop, lastcopy};

/// The demo's key, which every guide names.
const KEY: &str = "secret123";
const MARTIAN: &str = "9780143127550";
const ALGORITHMS: &str = "9780262033848";

/// A client of the bookstore.
struct Store {
    client: Client,
    key: Option<&'static str>,
}

/// What it was told.
#[derive(Debug)]
struct Told {
    status: u16,
    json: Value,
    location: String,
}

impl Store {
    fn of(shop: &Shop) -> Store {
        let client = Client::new(&shop.url, ClientOptions { connect_ms: 2_000, call_ms: 20_000 }).unwrap();
        Store { client, key: Some(KEY) }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Told {
        let mut headers = headers.to_vec();
        headers.extend(self.key.map(|key| ("x-api-key", key)));
        headers.extend(body.iter().map(|_| ("content-type", "application/json")));
        let body = body.map(|body| body.to_string().into_bytes());
        let answer = self.client.send(method, path, &headers, body).await.unwrap();
        let json = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        Told { status: answer.status.as_u16(), json, location: answer.header("location").unwrap_or("").to_owned() }
    }

    async fn get(&self, path: &str) -> Told {
        self.ask(Method::GET, path, &[], None).await
    }

    async fn post(&self, path: &str, body: Value) -> Told {
        self.ask(Method::POST, path, &[], Some(body)).await
    }

    async fn stock(&self, isbn: &str) -> i64 {
        self.get(&format!("/api/books/{isbn}")).await.json["stock"].as_i64().unwrap()
    }

    async fn buy(&self, isbn: &str, quantity: i64) -> String {
        let placed = self.post("/api/orders", wish(&[(isbn, quantity)])).await;
        assert_eq!(placed.status, 201, "{placed:?}");
        placed.json["order_id"].as_str().unwrap().to_owned()
    }
}

fn wish(items: &[(&str, i64)]) -> Value {
    let items: Vec<_> = items.iter().map(|(isbn, quantity)| json!({"isbn": isbn, "quantity": quantity})).collect();
    json!({"customer_id": "c-42", "items": items, "payment": {"card_number": "4242424242424242", "expiry": "12/30"}})
}

fn said(told: &Told) -> (u16, &str) {
    (told.status, told.json["detail"].as_str().unwrap_or_default())
}

fn open() -> (Place, Shop) {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    (place, shop)
}

#[tokio::test(flavor = "multi_thread")]
async fn store_list() {
    let (_place, shop) = open();
    let store = Store::of(&shop);
    // With the slash and without it.
    for path in ["/api/books", "/api/books/"] {
        let list = store.get(path).await;
        let found = |isbn: &str| list.json.as_array().unwrap().iter().find(|book| book["isbn"] == isbn).cloned();
        let martian =
            json!({"isbn": MARTIAN, "title": "The Martian", "author": "Andy Weir", "price": 12.99, "stock": 10});
        assert_eq!((list.status, found(MARTIAN)), (200, Some(martian)));
        let odyssey = found("9780140449136").unwrap();
        assert_eq!((&odyssey["price"], &odyssey["stock"]), (&json!(9.50), &json!(25)));
        assert_eq!(found(ALGORITHMS).unwrap()["stock"], 3);
    }
    for key in [None, Some("secret124"), Some("")] {
        let stranger = Store { key, ..Store::of(&shop) };
        for (method, path) in [
            (Method::GET, "/api/books"),
            (Method::GET, "/api/books/9780143127550"),
            (Method::POST, "/api/orders"),
            (Method::GET, "/api/orders/x"),
            (Method::POST, "/api/delivery"),
        ] {
            let body = (method == Method::POST).then(|| json!({}));
            let refused = stranger.ask(method.clone(), path, &[], body).await;
            assert_eq!(said(&refused), (401, "Unauthorized"), "{key:?}: {method} {path}");
        }
        let with_token = stranger.ask(Method::GET, "/api/books", &[("authorization", "Bearer x")], None).await;
        assert_eq!(said(&with_token), (401, "Unauthorized"));
    }
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_get() {
    let (_place, shop) = open();
    let store = Store::of(&shop);
    for path in ["/api/books/9780143127550", "/api/books/9780143127550/", "/api/books/978-0-14-312755-0"] {
        let book = store.get(path).await;
        assert_eq!(
            (book.status, &book.json["isbn"], &book.json["stock"]),
            (200, &json!(MARTIAN), &json!(10)),
            "{path}"
        );
    }
    for unknown in ["9780306406157", "0000000000000", "martian", "8"] {
        assert_eq!(said(&store.get(&format!("/api/books/{unknown}")).await), (404, "Book not found"), "{unknown}");
    }
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_order() {
    let (_place, shop) = open();
    let store = Store::of(&shop);
    for path in ["/api/orders", "/api/orders/"] {
        let placed = store.post(path, wish(&[(MARTIAN, 2)])).await;
        let expected = json!({"order_id": placed.json["order_id"], "status": "created", "total": 25.98});
        assert_eq!((placed.status, &placed.json), (201, &expected));
        assert_eq!(store.get(&placed.location).await.json["order_id"], placed.json["order_id"]);
    }
    // More copies than a line of ours has.
    assert_eq!(store.post("/api/orders", wish(&[("9780140449136", 12)])).await.json["total"], 114.00);

    let unknown = store.post("/api/orders", wish(&[(MARTIAN, 1), ("9780306406157", 1)])).await;
    assert_eq!(said(&unknown), (400, "Book 9780306406157 not found"));
    assert_eq!(said(&store.post("/api/orders", wish(&[("martian", 1)])).await), (400, "Book martian not found"));
    for (payment, why) in [
        (json!({"expiry": "12/30"}), "card_number is missing"),
        (json!({"card_number": "", "expiry": "12/30"}), "card_number is missing"),
        (json!({"card_number": null, "expiry": "12/30"}), "card_number is missing"),
        (json!({"card_number": "4242424242424242"}), "expiry is missing"),
        (json!({"card_number": "card", "expiry": "12/30"}), "card_number is not the number of a card"),
        (json!({"card_number": "4000000000000002", "expiry": "12/30"}), "the payment was declined: card_declined"),
        (json!({"card_number": "4000000000009995", "expiry": "12/30"}), "the payment was declined: insufficient_funds"),
    ] {
        let mut order = wish(&[(MARTIAN, 1)]);
        order["payment"] = payment;
        let refused = store.post("/api/orders", order).await;
        assert_eq!(said(&refused), (402, format!("Payment failed: {why}").as_str()));
    }
    for too_many in [7, 50, 999, 1_000_000] {
        let short = store.post("/api/orders", wish(&[(MARTIAN, too_many)])).await;
        assert_eq!(short.status, 409, "{short:?}");
        let detail = short.json["detail"].as_str().unwrap();
        assert!(detail.starts_with("Inventory issue for 9780143127550: "), "{detail}");
    }
    for (path, value) in [
        ("/items", json!([])),
        ("/items/0/quantity", json!(0)),
        ("/items/0/quantity", json!(-1)),
        ("/items/0/quantity", json!("1")),
        ("/items/0/isbn", json!(9_780_143_127_550_i64)),
        ("/items", json!("9780143127550")),
        ("/payment", json!("cash")),
        ("/payment/card_number", json!(4_242_424_242_424_242_i64)),
        ("/customer_id", json!(["c-42"])),
    ] {
        let mut wrong = wish(&[(MARTIAN, 1)]);
        *wrong.pointer_mut(path).unwrap() = value.clone();
        assert_eq!(store.post("/api/orders", wrong).await.status, 422, "{path} {value}");
    }
    let mut wrong = wish(&[(MARTIAN, 1)]);
    wrong["price"] = json!(1);
    assert_eq!(store.post("/api/orders", wrong).await.status, 422);
    assert_eq!(store.post("/api/orders", json!({"items": []})).await.status, 422);
    eventually("what was declined is back", async || store.stock(MARTIAN).await == 6).await;
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_order_get() {
    let (_place, shop) = open();
    let store = Store::of(&shop);
    for customer in [json!("c-42"), json!(42), json!("42")] {
        let mut order = wish(&[(MARTIAN, 1), (ALGORITHMS, 1)]);
        order["customer_id"] = customer.clone();
        let placed = store.post("/api/orders", order).await;
        let id = placed.json["order_id"].as_str().unwrap();
        let shown = store.get(&format!("/api/orders/{id}")).await;
        let items = json!([{"isbn": MARTIAN, "quantity": 1}, {"isbn": ALGORITHMS, "quantity": 1}]);
        let expected = json!({"order_id": id, "customer_id": customer, "items": items, "total": 102.98,
                              "payment_tx_id": format!("{id}:1"), "status": "created"});
        assert_eq!((shown.status, shown.json), (200, expected));
    }
    let mut declined = wish(&[(MARTIAN, 1)]);
    declined["payment"]["card_number"] = json!("4000000000000002");
    let refused = store.post("/api/orders", declined).await;
    let resource = refused.json["resource"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let canceled = store.get(&format!("/api/orders/{resource}")).await;
    assert_eq!((&canceled.json["status"], &canceled.json["payment_tx_id"]), (&json!("canceled"), &Value::Null));
    for unknown in ["01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "4711", "x"] {
        assert_eq!(said(&store.get(&format!("/api/orders/{unknown}")).await), (404, "Order not found"), "{unknown}");
    }
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_delivery() {
    let (_place, shop) = open();
    let store = Store::of(&shop);
    for (path, address, courier, expected) in [
        ("/api/delivery", "12 Quay Street, Porto", None, "local"),
        ("/api/delivery/", "Somewhere", Some("dhl"), "dhl"),
        ("/api/delivery", "1 High Street, Old Town, Leeds", Some("dhl"), "dhl"),
    ] {
        let order = store.buy(MARTIAN, 1).await;
        let mut body = json!({"order_id": order, "address": address});
        body["courier"] = courier.map_or(Value::Null, Value::from);
        let made = store.post(path, body.clone()).await;
        let delivery = json!({"delivery_id": format!("{order}:d1"), "order_id": order, "address": address,
                              "courier": expected, "status": "scheduled"});
        assert_eq!((made.status, &made.json), (201, &delivery));
        let again = store.post(path, body).await;
        assert_eq!((again.status, &again.json), (200, &delivery));
        let elsewhere = store.post(path, json!({"order_id": order, "address": "Elsewhere"})).await;
        assert_eq!((elsewhere.status, &elsewhere.json), (200, &delivery), "the delivery there is");
        let listed = store.get(&format!("/api/v1/deliveries?order_id={order}")).await;
        assert_eq!(listed.json["items"].as_array().unwrap().len(), 1);
    }
    let order = store.buy(MARTIAN, 1).await;
    for (order_id, address) in [("", "12 Quay Street"), (order.as_str(), ""), (order.as_str(), "  ")] {
        let empty = store.post("/api/delivery", json!({"order_id": order_id, "address": address})).await;
        assert_eq!(empty.status, 400, "{empty:?}");
    }
    for unknown in ["01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "4711"] {
        let missing = store.post("/api/delivery", json!({"order_id": unknown, "address": "12 Quay Street"})).await;
        assert_eq!(said(&missing), (404, "Order not found"));
    }
    assert_eq!(store.post("/api/delivery", json!({"order_id": order})).await.status, 422);
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_all_or_nothing() {
    let (_place, shop) = open();
    let store = Store::of(&shop);
    let short = store.post("/api/orders", wish(&[(MARTIAN, 2), (ALGORITHMS, 4)])).await;
    let detail = short.json["detail"].as_str().unwrap();
    assert!(short.status == 409 && detail.starts_with("Inventory issue for 9780262033848: "), "{short:?}");
    assert_eq!((store.stock(MARTIAN).await, store.stock(ALGORITHMS).await), (10, 3));
    let id = short.json["resource"].as_str().unwrap();
    let order = shop.get(id).await;
    assert_eq!(order["state"], "canceled");
    let kept = order["payments"].as_array().unwrap().iter().any(|payment| payment["state"] == "succeeded");
    assert!(!kept, "{order}");
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_idempotent() {
    let (_place, shop) = open();
    let store = Store::of(&shop);
    let key = [("idempotency-key", "basket-7")];
    let buy = async |items: &[(&str, i64)]| store.ask(Method::POST, "/api/orders", &key, Some(wish(items))).await;
    let (first, second) = (buy(&[(MARTIAN, 2)]).await, buy(&[(MARTIAN, 2)]).await);
    assert_eq!((first.status, second.status, &first.json), (201, 201, &second.json));
    assert_eq!(buy(&[(MARTIAN, 1)]).await.status, 422);
    assert_eq!(store.stock(MARTIAN).await, 8);
    // The answer stays when the book is gone.
    let book = shop.get(&format!("/api/v1/books/{MARTIAN}")).await["id"].as_i64().unwrap();
    assert_eq!(store.ask(Method::DELETE, &format!("/api/v1/books/{book}"), &[], None).await.status, 204);
    let third = buy(&[(MARTIAN, 2)]).await;
    assert_eq!((third.status, &third.json), (201, &first.json), "{third:?}");
    assert_eq!(said(&store.post("/api/orders", wish(&[(MARTIAN, 2)])).await).0, 400);
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_durable() {
    let (place, shop) = open();
    let store = Store::of(&shop);
    let order = store.buy(MARTIAN, 2).await;
    let made = store.post("/api/delivery", json!({"order_id": order, "address": "12 Quay Street, Porto"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let shown = store.get(&format!("/api/orders/{order}")).await.json;
    shop.kill();
    let shop = Shop::up(&place, &[]);
    let store = Store::of(&shop);
    assert_eq!(store.get(&format!("/api/orders/{order}")).await.json, shown);
    assert_eq!(store.stock(MARTIAN).await, 8);
    let again = store.post("/api/delivery", json!({"order_id": order, "address": "12 Quay Street, Porto"})).await;
    assert_eq!((again.status, &again.json), (200, &made.json));
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_key() {
    let place = Place::new();
    let mut command: Command = lastcopy(place.path(), &ANY_PORTS);
    command.arg("--no-demo").env("BOOKSTORE_API_KEY", "a key of the shopkeeper's own");
    let shop = Shop::spawn(&place, command);
    let store = Store { key: Some("a key of the shopkeeper's own"), ..Store::of(&shop) };
    assert_eq!(store.get("/api/books").await.status, 200);
    assert_eq!(said(&Store::of(&shop).get("/api/books").await), (401, "Unauthorized"), "the demo's key is of the demo");
    assert!(shop.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_openapi() {
    let (_place, shop) = open();
    let store = Store { key: None, ..Store::of(&shop) };
    let document = store.get("/openapi.json").await.json;
    for path in ["/api/books", "/api/books/{isbn}", "/api/orders", "/api/orders/{order_id}", "/api/delivery"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    assert_eq!(store.get("/docs/index.html").await.status, 200);
    assert!(shop.stop().success());
}
