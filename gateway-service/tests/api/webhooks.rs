use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use service_kit::{Clock, testing::eventually};
use sha2::Sha256;
use uuid::Uuid;

use crate::shop::{Shop, WEBHOOK_SECRET};

fn signature(secret: &str, at_s: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at_s}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at_s},v1={hex}")
}

fn now_s() -> i64 {
    Clock::system().now().micros() / 1_000_000
}

fn event(id: &str, kind: &str, order: &str, amount: &str) -> String {
    // Spaces as a client would have them: what is signed is what is sent.
    format!(
        "{{\n  \"id\": \"{id}\", \"type\": \"{kind}\", \"created\": {}, \
         \"data\": {{\"order_id\": \"{order}\"{amount}, \"currency\": \"USD\"}}\n}}\n",
        now_s()
    )
}

/// Reports money for an order, rightly signed.
pub async fn paid(shop: &Shop, event_id: &str, order: &str, amount: &str) -> (u16, Value) {
    let body = event(event_id, "payment.succeeded", order, &format!(", \"amount\": {amount}"));
    report(shop, &body, &signature(WEBHOOK_SECRET, now_s(), &body)).await
}

async fn report(shop: &Shop, body: &str, signature: &str) -> (u16, Value) {
    let headers = [("x-signature", signature), ("content-type", "application/json; charset=utf-8")];
    let answer = shop.send_bytes("/webhooks/payment", &headers, body).await;
    (answer.status, answer.json)
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_webhook() {
    let shop = Shop::open("inv_webhook").await;
    let book = shop.book("w-1", "cooking", 3).await;
    let checkout = json!({"lines": [{"book_id": book, "quantity": 2}], "payment_method": "invoice"});
    let placed = shop.post("/api/v1/checkout", checkout).await;
    assert_eq!((placed.status, placed.json["state"].as_str()), (201, Some("pending")), "{placed:?}");
    let order = placed.json["id"].as_str().unwrap();
    let path = format!("/api/v1/orders/{order}");

    let body = event("evt_1", "payment.succeeded", order, ", \"amount\": 25.98");
    let good = signature(WEBHOOK_SECRET, now_s(), &body);
    for bad in [
        signature("somebody else's", now_s(), &body),
        signature(WEBHOOK_SECRET, now_s() - 310, &body),
        signature(WEBHOOK_SECRET, now_s() + 310, &body),
        String::new(),
    ] {
        let (status, problem) = report(&shop, &body, &bad).await;
        assert_eq!((status, problem["detail"].as_str()), (401, Some("Invalid signature")));
    }
    let (status, problem) = report(&shop, &body.replace("25.98", "25.980"), &good).await;
    assert_eq!((status, problem["detail"].as_str()), (401, Some("Invalid signature")));
    let other = event("evt_2", "payment.succeeded", order, ", \"amount\": 25.97");
    assert_eq!(report(&shop, &other, &signature(WEBHOOK_SECRET, now_s(), &other)).await.0, 409);
    assert_eq!(shop.get(&path).await.json["state"], "pending");

    assert_eq!(report(&shop, &body, &good).await, (200, json!({"status": "processed"})));
    eventually("the order is paid", async || shop.get(&path).await.json["payment"] == "paid").await;
    assert_eq!(shop.get(&path).await.json["state"], "approved");
    let version = shop.get(&path).await.json["version"].clone();
    assert_eq!(report(&shop, &body, &good).await, (200, json!({"status": "duplicate"})));
    assert_eq!(shop.get(&path).await.json["version"], version);

    let unknown = event("evt_3", "payment.thought_about", order, "");
    let answer = report(&shop, &unknown, &signature(WEBHOOK_SECRET, now_s(), &unknown)).await;
    assert_eq!(answer, (200, json!({"status": "ignored"})));
    let stranger = event("evt_4", "payment.succeeded", &Uuid::now_v7().to_string(), "");
    let (status, problem) = report(&shop, &stranger, &signature(WEBHOOK_SECRET, now_s(), &stranger)).await;
    assert_eq!((status, problem["detail"].as_str()), (404, Some("Order not found")));
    shop.close().await;
}

/// Reported money is nobody's to move by a call: an employee sends it back and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_reported_money_waits_until_an_employee_has_given_it_back() {
    let shop = Shop::open("receipts").await;
    let book = shop.book("r-1", "cooking", 3).await;
    let checkout = json!({"lines": [{"book_id": book, "quantity": 1}], "payment_method": "invoice"});
    let order = shop.post("/api/v1/checkout", checkout).await.json["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/orders/{order}");
    // An id as its sender likes them.
    assert_eq!(paid(&shop, "evt/1 ä", &order, "12.99").await.0, 200);
    eventually("the order is paid", async || shop.get(&path).await.json["payment"] == "paid").await;
    assert_eq!(paid(&shop, "evt_2", &order, "12.99").await.0, 200);

    let receipts = shop.get("/api/v1/receipts?kept=true").await.json["items"].clone();
    assert_eq!((&receipts[0]["event_id"], &receipts[1]["event_id"]), (&json!("evt/1 ä"), &json!("evt_2")));
    assert!(receipts[0]["payment_id"].is_string() && receipts[1].get("payment_id").is_none(), "{receipts}");
    assert_eq!(shop.get("/api/v1/receipts?kept=perhaps").await.status, 400);
    let next = shop.get("/api/v1/receipts?limit=1").await;
    assert!(next.json["next_cursor"].is_string() && next.header("link").contains("rel=\"next\""), "{next:?}");

    shop.post(&format!("{path}/refund"), json!({})).await;
    eventually("the refund is under way", async || shop.get(&path).await.json["payment"] == "refunding").await;
    let returned = "/api/v1/receipts/evt%2F1%20%C3%A4/returned";
    let given_back = shop.post(returned, json!({})).await;
    assert_eq!((given_back.status, given_back.json["returned_at"].is_string()), (200, true), "{given_back:?}");
    assert_eq!(shop.post(returned, json!({})).await.json, given_back.json, "the first word stands");
    eventually("the order is refunded", async || shop.get(&path).await.json["payment"] == "refunded").await;
    assert_eq!(shop.get("/api/v1/receipts?kept=true").await.json["items"].as_array().unwrap().len(), 1);
    let unknown = shop.post("/api/v1/receipts/evt_9/returned", json!({})).await;
    assert_eq!((unknown.status, unknown.json["code"].as_str()), (404, Some("receipt_not_found")));
    shop.close().await;
}
