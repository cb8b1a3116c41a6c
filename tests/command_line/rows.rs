//! What other shops' contracts ask of a whole shop: each row has its test, named after the row.

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{Client, ClientOptions};

use crate::{
    audit_log::{bearer, send},
    shop::{Place, Shop},
};

const NOBODY: (&str, &str) = ("accept", "*/*");

/// The lines of the log that carry this request's id. Ordinary lines go out a little later than the answers that they tell
/// of: the log is whole once the shop has stopped.
fn logged(place: &Place, request_id: &str) -> Vec<Value> {
    let lines = place.read("log");
    let lines = lines.lines().filter(|line| line.contains(request_id));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn store_ops() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    for path in ["/health/live", "/health/ready", "/api/v1/health/live", "/api/v1/health/ready"] {
        assert_eq!(send(&shop, Method::GET, path, NOBODY, None).await.0, 200, "{path}");
    }
    let answer = send(&shop, Method::GET, "/api/books", ("x-api-key", "secret123"), None).await;
    assert_eq!(answer.0, 200);
    // Every service shows its numbers on its own port, which is an inner one.
    for part in ["catalog", "order", "delivery"] {
        let url = shop.lines.iter().find_map(|line| line.strip_prefix(&format!("{part} "))).unwrap();
        let service = Client::new(url, ClientOptions::default()).unwrap();
        let numbers = service.send(Method::GET, "/metrics", &[], None).await.unwrap();
        let numbers = String::from_utf8(numbers.body.to_vec()).unwrap();
        assert!(numbers.contains("# TYPE lastcopy_"), "{part}: {numbers}");
    }
    assert_eq!(send(&shop, Method::GET, "/metrics", NOBODY, None).await.0, 404, "the public door shows none");
    assert!(shop.stop().success());
}

#[tokio::test]
async fn items_data() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let reader = bearer(&shop, "customer").await;
    let who = ("authorization", reader.as_str());
    let mut items = 0;
    for offset in (0..1_200).step_by(200) {
        let page = send(&shop, Method::GET, &format!("/api/v1/items/?limit=200&offset={offset}"), who, None).await;
        items += page.1.as_array().unwrap().len();
    }
    assert!(items >= 1_000, "{items}");
    assert!(shop.stop().success());
}

#[tokio::test]
async fn items_logs() {
    let place = Place::new();
    let shop = Shop::up(&place, &["--log", "json"]);
    let (employee, administrator) = (bearer(&shop, "employee").await, bearer(&shop, "administrator").await);
    let item = json!({"sku": "lamp-1", "name": "A lamp", "category": "lamps", "price": 24.5});
    let (status, made) = send(&shop, Method::POST, "/api/v1/items/", ("authorization", &employee), Some(item)).await;
    assert_eq!(status, 201, "{made}");

    let (_, log) = send(&shop, Method::GET, "/api/v1/audit-log?limit=1", ("authorization", &administrator), None).await;
    let line = &log["items"][0];
    let told = ["actor", "action", "outcome"].map(|member| line[member].as_str().unwrap());
    assert_eq!(told, ["account:01936f2e-0000-7000-8000-000000000002", "items.create", "done"], "{line}");
    assert!(line["at"].is_string() && line["resource"] == format!("/items/{}", made["id"]), "{line}");

    assert!(shop.stop().success());
    let lines = logged(&place, line["request_id"].as_str().unwrap());
    assert!(lines.len() >= 2, "the catalog logs under the same id: {lines:?}");
    for line in lines {
        let text = |member: &str| line[member].as_str().unwrap_or_default().to_owned();
        assert!(!text("timestamp").is_empty() && !text("level").is_empty(), "{line}");
        assert!(line.to_string().contains("\"message\""), "{line}");
    }
}
