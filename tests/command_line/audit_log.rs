use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::{Place, Shop};

/// A call with this header that says who calls: its status and its body.
#[expect(clippy::disallowed_methods, reason = "a plain client: refusals are answers here")]
pub async fn send(shop: &Shop, method: Method, path: &str, who: (&str, &str), body: Option<Value>) -> (u16, Value) {
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).no_proxy().build().unwrap();
    let request = client.request(method, format!("{}{path}", shop.url)).header(who.0, who.1);
    let request = request.header("x-request-id", format!("test-{}", uuid::Uuid::now_v7()));
    let answer = match body {
        Some(body) => request.json(&body).send(),
        None => request.send(),
    };
    let answer = answer.await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

pub async fn bearer(shop: &Shop, name: &str) -> String {
    let password = shop.lines.iter().find_map(|line| line.strip_prefix(&format!("account {name} "))).unwrap();
    let body = json!({"username": name, "password": password});
    let (status, token) = send(shop, Method::POST, "/api/v1/auth/token", ("accept", "*/*"), Some(body)).await;
    assert_eq!(status, 200, "{token}");
    format!("Bearer {}", token["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn every_change_in_the_shop_has_its_line_with_who_what_and_how_it_ended() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let (customer, employee) = (bearer(&shop, "customer").await, bearer(&shop, "employee").await);
    let administrator = bearer(&shop, "administrator").await;
    let (customer, employee) = (("authorization", customer.as_str()), ("authorization", employee.as_str()));
    let post = async |path: &str, who, body: Value| send(&shop, Method::POST, path, who, Some(body)).await;

    let book = json!({"sku": "rare-1", "title": "A rare book", "topic": "rare", "price": 5, "stock": 1});
    let (status, book) = post("/api/v1/books", employee, book).await;
    assert_eq!(status, 201, "{book}");
    let purchase = json!({"lines": [{"book_id": book["id"], "quantity": 1}], "payment_method": "on_delivery"});
    let (status, order) = post("/api/v1/checkout", customer, purchase.clone()).await;
    assert_eq!(status, 201, "{order}");
    assert_eq!(post("/api/v1/checkout", customer, purchase).await.0, 409);
    // None of these is a change: not readable, nobody known, only looked at.
    assert_eq!(post("/api/v1/checkout", customer, json!({"lines": 1})).await.0, 422);
    assert_eq!(post("/api/v1/books", ("x-api-key", "lck_nobody"), json!({})).await.0, 401);
    assert_eq!(send(&shop, Method::GET, "/api/v1/books/1", customer, None).await.0, 200);

    let log = "/api/v1/audit-log?limit=200";
    let (status, log) = send(&shop, Method::GET, log, ("authorization", &administrator), None).await;
    assert_eq!(status, 200, "{log}");
    let lines: Vec<&Value> = log["items"].as_array().unwrap().iter().collect();
    let changes = lines.iter().filter(|line| {
        let action = line["action"].as_str().unwrap();
        action.starts_with("books.") || action.starts_with("checkout.")
    });
    let told: Vec<[&str; 4]> = changes
        .map(|line| ["actor", "action", "resource", "outcome"].map(|name| line[name].as_str().unwrap()))
        .collect();
    let who = |name: &str| {
        let number = ["customer", "employee"].iter().position(|known| *known == name).unwrap() + 1;
        format!("account:01936f2e-0000-7000-8000-00000000000{number}")
    };
    let (customer, employee) = (who("customer"), who("employee"));
    let (order, book) = (format!("/orders/{}", order["id"].as_str().unwrap()), format!("/books/{}", book["id"]));
    let expected = [
        [customer.as_str(), "checkout.create", "/checkout", "refused"],
        [&customer, "checkout.create", &order, "done"],
        [&employee, "books.create", &book, "done"],
    ];
    assert_eq!(told, expected);
    for line in lines.iter().filter(|line| line["action"] == "checkout.create") {
        assert_eq!(line["address"], "127.0.0.1");
        assert!(line["request_id"].as_str().unwrap().starts_with("test-"), "{line}");
    }
    assert!(shop.stop().success());
}
