//! The contract of items. Each row has its test, named after the row.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::testing::eventually;

use crate::shop::{Answer, PASSWORD, Shop};

async fn item(shop: &Shop, sku: &str) -> i64 {
    let made = shop.post("/api/v1/items/", wish(sku)).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json["id"].as_i64().unwrap()
}

fn wish(sku: &str) -> Value {
    json!({"sku": sku, "name": "RPCs for Noobs", "category": "distributed systems", "price": 24.99})
}

async fn nobody(shop: &Shop, method: Method, path: &str, body: Option<Value>) -> Answer {
    shop.send_as_is(method, path, &[], body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn items_health() {
    let mut shop = Shop::open("items_health").await;
    let live = nobody(&shop, Method::GET, "/api/v1/health/live", None).await;
    assert_eq!((live.status, live.json["status"].as_str()), (200, Some("live")));
    let ready = nobody(&shop, Method::GET, "/api/v1/health/ready", None).await;
    assert_eq!((ready.status, ready.json["status"].as_str()), (200, Some("ready")), "{ready:?}");
    let parts: Vec<&str> = ready.json["parts"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(parts, ["catalog", "order", "delivery", "database", "cache"]);
    shop.stop_delivery().await;
    let unready = shop.get("/api/v1/health/ready").await;
    assert_eq!(unready.status, 503);
    assert!(unready.json["detail"].as_str().unwrap().contains("delivery"), "{unready:?}");
    assert!(unready.json["errors"].as_array().unwrap().iter().any(|part| part["field"] == "delivery"), "{unready:?}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_token() {
    let shop = Shop::open("items_token").await;
    shop.customer("ana").await;
    let ask = async |password: &str| {
        let body = json!({"username": "ana", "password": password});
        nobody(&shop, Method::POST, "/api/v1/auth/token", Some(body)).await
    };
    let token = ask(PASSWORD).await;
    assert_eq!((token.status, token.json["token_type"].as_str()), (200, Some("bearer")), "{token:?}");
    assert!(token.json["scopes"].as_array().unwrap().contains(&json!("items:read")), "{token:?}");
    let jwt = token.json["access_token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    for claim in ["sub", "scopes", "exp", "iat", "iss", "aud"] {
        assert!(!claims[claim].is_null(), "{claim}: {claims}");
    }
    assert_eq!(claims["scopes"], token.json["scopes"]);
    let bearer = format!("Bearer {jwt}");
    let listed = shop.send_as_is(Method::GET, "/api/v1/items/", &[("authorization", &bearer)], None).await;
    assert_eq!(listed.status, 200);
    assert_eq!(ask("a wrong password").await.status, 401);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_list() {
    let shop = Shop::open("items_list").await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(item(&shop, &format!("i-{n}")).await);
    }
    for (query, expected) in
        [("", &ids[..]), ("?limit=2", &ids[..2]), ("?limit=2&offset=3", &ids[3..]), ("?offset=9", &[])]
    {
        // With the slash and without it: neither is sent elsewhere.
        for path in ["/api/v1/items/", "/api/v1/items"] {
            let page = shop.get(&format!("{path}{query}")).await;
            let found: Vec<i64> = page.json.as_array().unwrap().iter().filter_map(|item| item["id"].as_i64()).collect();
            assert_eq!((page.status, found.as_slice(), page.header("x-total-count")), (200, expected, "5"), "{query}");
        }
    }
    for query in ["?limit=0", "?limit=201", "?offset=-1", "?offset=1000001"] {
        assert_eq!(shop.get(&format!("/api/v1/items/{query}")).await.status, 422, "{query}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_get() {
    let shop = Shop::open("items_get").await;
    let id = item(&shop, "rpc-2").await;
    let shown = shop.get(&format!("/api/v1/items/{id}")).await;
    let expected =
        json!({"id": id, "sku": "rpc-2", "name": "RPCs for Noobs", "category": "distributed systems", "price": 24.99});
    assert_eq!((shown.status, &shown.json), (200, &expected));
    for unknown in ["4711", "0", "rpc-2"] {
        let missing = shop.get(&format!("/api/v1/items/{unknown}")).await;
        assert_eq!((missing.status, missing.json["detail"].as_str()), (404, Some("Item not found")), "{unknown}");
    }
    // One and the same number everywhere.
    assert_eq!(shop.get(&format!("/info/{id}")).await.json["title"], "RPCs for Noobs");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_create() {
    let shop = Shop::open("items_create").await;
    let made = shop.post("/api/v1/items/", wish("rpc-2")).await;
    assert_eq!((made.status, made.json["sku"].as_str()), (201, Some("rpc-2")), "{made:?}");
    assert_eq!(shop.get(made.header("location")).await.json, made.json);
    let taken = shop.post("/api/v1/items/", wish("rpc-2")).await;
    assert_eq!((taken.status, taken.json["detail"].as_str()), (409, Some("SKU already exists")));
    for (member, value) in
        [("price", json!(-1)), ("price", json!("1")), ("name", json!("")), ("category", json!("")), ("stock", json!(3))]
    {
        let mut wrong = wish("rpc-3");
        wrong[member] = value;
        let refused = shop.post("/api/v1/items/", wrong).await;
        assert_eq!(refused.status, 422, "{member}: {refused:?}");
        assert!(refused.json["detail"].as_str().unwrap().contains(member), "{refused:?}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_price() {
    let shop = Shop::open("items_price").await;
    let (id, odd) = (item(&shop, "rpc-2").await, item(&shop, "a b/c?d").await);
    let reprice = async |sku: &str, body: Value| {
        shop.send(Method::PATCH, &format!("/api/v1/items/{sku}/price"), &[], Some(body)).await
    };
    let changed = reprice("rpc-2", json!({"price": 19.99})).await;
    assert_eq!((changed.status, &changed.json["price"]), (200, &json!(19.99)));
    assert_eq!(shop.get(&format!("/api/v1/items/{id}")).await.json["price"], 19.99);
    let changed = reprice("a%20b%2Fc%3Fd", json!({"price": 1})).await;
    assert_eq!((changed.status, changed.json["id"].as_i64()), (200, Some(odd)), "{changed:?}");
    assert_eq!(reprice("rpc-3", json!({"price": 1})).await.status, 404);
    for wrong in [json!({}), json!({"price": -1}), json!({"price": 1.999}), json!({"price": 1, "name": "x"})] {
        assert_eq!(reprice("rpc-2", wrong.clone()).await.status, 422, "{wrong}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_delete() {
    let shop = Shop::open("items_delete").await;
    let id = item(&shop, "rpc-2").await;
    assert_eq!(shop.delete("/api/v1/items/rpc-2").await.status, 204);
    assert_eq!(shop.get(&format!("/api/v1/items/{id}")).await.status, 404);
    for unknown in ["rpc-2", "rpc%01", "%00"] {
        let missing = shop.delete(&format!("/api/v1/items/{unknown}")).await;
        assert_eq!((missing.status, missing.json["detail"].as_str()), (404, Some("Item not found")), "{unknown}");
    }
    assert_ne!(item(&shop, "rpc-2").await, id, "the SKU is free again");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_rbac() {
    let shop = Shop::open("items_rbac").await;
    item(&shop, "rpc-2").await;
    let ana = shop.customer("ana").await;
    let price = Some(json!({"price": 1}));
    for (method, path, body, of_ana) in [
        (Method::GET, "/api/v1/items/", None, 200),
        (Method::GET, "/api/v1/items/1", None, 200),
        (Method::POST, "/api/v1/items/", Some(wish("rpc-3")), 403),
        (Method::PATCH, "/api/v1/items/rpc-2/price", price, 403),
        (Method::DELETE, "/api/v1/items/rpc-2", None, 403),
    ] {
        assert_eq!(nobody(&shop, method.clone(), path, body.clone()).await.status, 401, "{method} {path}");
        let answer = shop.send_as_is(method.clone(), path, &[("authorization", &ana)], body).await;
        assert_eq!(answer.status, of_ana, "{method} {path}: {answer:?}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_cache() {
    let shop = Shop::open("items_dialect_cache").await;
    let id = item(&shop, "rpc-2").await;
    let ana = shop.customer("ana").await;
    for path in [format!("/api/v1/items/{id}"), "/api/v1/items/?limit=3".to_owned()] {
        assert_eq!(shop.get(&path).await.header("x-cache"), "MISS", "{path}");
        // The event of the last change may come between two reads, and drops what the first one left.
        eventually("an answer is kept", async || shop.get(&path).await.header("x-cache") == "HIT").await;
        let hers = shop.send_as_is(Method::GET, &path, &[("authorization", &ana)], None).await;
        assert_eq!(hers.header("x-cache"), "MISS", "she may see less: {path}");
        shop.send(Method::PATCH, "/api/v1/items/rpc-2/price", &[], Some(json!({"price": 5}))).await;
        let fresh = shop.get(&path).await;
        assert!(fresh.header("x-cache") == "MISS" && fresh.json.to_string().contains("5.0"), "{fresh:?}");
        shop.send(Method::PATCH, "/api/v1/items/rpc-2/price", &[], Some(json!({"price": 24.99}))).await;
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_headers() {
    let shop = Shop::open("items_headers").await;
    for path in ["/api/v1/items/", "/api/v1/items/4711", "/nowhere", "/api/v1/health/live"] {
        let answer = shop.send(Method::GET, path, &[("x-request-id", "trace-me-8")], None).await;
        assert_eq!(answer.header("x-request-id"), "trace-me-8", "{path}");
        assert!(!answer.header("x-process-time").is_empty(), "{path}");
        assert!(!shop.get(path).await.header("x-request-id").is_empty(), "{path}");
    }
    shop.close().await;
}
