use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use order_service::Pace;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::Clock;
use sha2::Sha256;
use uuid::Uuid;

use crate::shop::{REPORTERS_SECRETS, SANDBOX_SECRET, STRIPE_SECRET, Shop, collect, patient};

fn reporters_secret() -> &'static str {
    REPORTERS_SECRETS.split_once(',').unwrap().0
}

fn now_s() -> i64 {
    Clock::system().now().micros() / 1_000_000
}

fn mac(secret: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn signature(secret: &str, at_s: i64, body: &str) -> String {
    let digest = mac(secret.as_bytes(), format!("{at_s}.{body}").as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at_s},v1={hex}")
}

/// The header of somebody who holds this secret and says this now.
pub fn signed_by(secret: &str, body: &str) -> String {
    signature(secret, now_s(), body)
}

pub fn event(id: &str, order: &str, rest: &str) -> String {
    let created = now_s();
    format!(
        r#"{{"id": "{id}", "type": "payment.succeeded", "created": {created}, "data": {{"order_id": "{order}"{rest}}}}}"#
    )
}

/// What a webhook was answered: its status, and the word or the detail in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(u16, String);

impl Said {
    pub fn is(&self, status: u16, word: &str) -> bool {
        (self.0, self.1.as_str()) == (status, word)
    }
}

fn said(status: u16, word: &str) -> Said {
    Said(status, word.to_owned())
}

impl Shop {
    pub async fn post_webhook(&self, headers: &[(&str, &str)], body: &str) -> Said {
        let mut request = self.http.post(format!("{}/webhooks/payment", self.running.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.header("content-type", "application/json").body(body.to_owned()).send().await.unwrap();
        let status = response.status().as_u16();
        let json: Value = response.json().await.unwrap();
        let word = json["status"].as_str().or(json["detail"].as_str()).unwrap();
        Said(status, word.to_owned())
    }

    /// As those who report money sign it.
    pub async fn report(&self, body: &str) -> Said {
        let header = signature(reporters_secret(), now_s(), body);
        self.post_webhook(&[("x-signature", &header)], body).await
    }

    /// An order of one copy of The Martian that waits for its invoice to be paid.
    pub async fn invoice(&self) -> String {
        let mut body = collect(&[(1, 1)]);
        body["payment_method"] = json!("invoice");
        let placed = self.checkout(&body).await;
        assert!([201, 202].contains(&placed.status) && placed.json["state"] == "pending", "{placed:?}");
        let order = placed.order_id();
        let is_open = async || self.order(&order).await["payments"][0]["state"] == "processing";
        service_kit::testing::eventually("its invoice is open", is_open).await;
        order
    }

    async fn receipts(&self) -> Vec<Value> {
        self.get("/receipts?limit=200").await.json["items"].as_array().unwrap().clone()
    }

    /// State, stock and payment of an order at rest.
    pub async fn axes(&self, order: &str) -> [String; 3] {
        let order = self.settled(order).await;
        ["state", "stock", "payment"].map(|axis| order[axis].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_report_of_its_total_pays_an_invoice() {
    let shop = Shop::open("a_signed_report").await;
    for rest in [r#", "amount": 12.99, "currency": "USD""#, r#", "amount": 12.990"#, ""] {
        let order = shop.invoice().await;
        let id = format!("evt_{order}");
        assert_eq!(shop.report(&event(&id, &order, rest)).await, said(200, "processed"), "{rest}");
        assert_eq!(shop.axes(&order).await, ["approved", "taken", "paid"]);
        assert!(shop.history(&order).await.contains(&"payment_reported".to_owned()));
    }
    assert_eq!(shop.receipts().await.len(), 3);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_three_times_at_once_is_one_payment() {
    let shop = Shop::open("the_same_event").await;
    let order = shop.invoice().await;
    let body = event("evt_1", &order, r#", "amount": 12.99"#);
    let (one, two, three) = tokio::join!(shop.report(&body), shop.report(&body), shop.report(&body));
    let mut words = [one, two, three];
    words.sort_by(|one, other| one.1.cmp(&other.1));
    assert_eq!(words, [said(200, "duplicate"), said(200, "duplicate"), said(200, "processed")]);
    assert_eq!(shop.axes(&order).await, ["approved", "taken", "paid"]);
    assert_eq!(shop.report(&body).await, said(200, "duplicate"));
    assert_eq!(shop.receipts().await.len(), 1);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_reports_at_once_one_pays_and_the_others_are_to_be_given_back() {
    let shop = Shop::open("of_three_reports").await;
    let order = shop.invoice().await;
    let [one, two, three] = ["a", "b", "c"].map(|id| event(id, &order, r#", "amount": 12.99"#));
    let words = tokio::join!(shop.report(&one), shop.report(&two), shop.report(&three));
    assert_eq!(words, (said(200, "processed"), said(200, "processed"), said(200, "processed")));
    assert_eq!(shop.axes(&order).await, ["approved", "taken", "paid"]);
    let receipts = shop.receipts().await;
    let paying = receipts.iter().filter(|receipt| receipt["payment_id"].is_string()).count();
    assert_eq!((receipts.len(), paying), (3, 1));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_believed_who_does_not_hold_the_secret() {
    let shop = Shop::open("nobody_is_believed").await;
    let order = shop.invoice().await;
    let before = shop.settled(&order).await;
    let body = event("evt_1", &order, r#", "amount": 12.99"#);
    let refused = said(401, "Invalid signature");
    assert_eq!(shop.post_webhook(&[], &body).await, refused);
    let good = signature(reporters_secret(), now_s(), &body);
    for header in [
        signature("", now_s(), &body),
        signature("guessed", now_s(), &body),
        signature(STRIPE_SECRET, now_s(), &body),
        signature(reporters_secret(), now_s() - 301 - 5, &body),
        signature(reporters_secret(), now_s() + 301 + 5, &body),
        good.replace("v1=", "v0="),
        "t=,v1=".to_owned(),
    ] {
        assert_eq!(shop.post_webhook(&[("x-signature", &header)], &body).await, refused, "{header}");
    }
    // Not the byte that was signed.
    assert_eq!(shop.post_webhook(&[("x-signature", &good)], &body.replace("12.99", "12.990")).await, refused);
    assert_eq!(shop.post_webhook(&[("x-signature", &good)], &format!("{body} ")).await, refused);
    assert_eq!(shop.settled(&order).await, before);
    assert_eq!(shop.receipts().await, [] as [Value; 0]);
    assert_eq!(shop.post_webhook(&[("x-signature", &good)], &body).await, said(200, "processed"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_are_good_while_one_is_replaced() {
    let shop = Shop::open("both_secrets").await;
    for secret in REPORTERS_SECRETS.split(',') {
        let order = shop.invoice().await;
        let body = event(&format!("evt_{order}"), &order, "");
        let header = signature(secret, now_s(), &body);
        assert_eq!(shop.post_webhook(&[("x-signature", &header)], &body).await, said(200, "processed"));
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_webhooks_are_accepted_as_well() {
    let shop = Shop::open("standard_webhooks").await;
    let order = shop.invoice().await;
    let (body, at) = (event("evt_1", &order, ""), now_s().to_string());
    let digest = mac(reporters_secret().as_bytes(), format!("msg_1.{at}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(digest));
    let headers = [("webhook-id", "msg_1"), ("webhook-timestamp", &at), ("webhook-signature", &signature)];
    let tampered = body.replace("evt_1", "evt_2");
    assert_eq!(shop.post_webhook(&headers, &tampered).await, said(401, "Invalid signature"));
    assert_eq!(shop.post_webhook(&headers, &body).await, said(200, "processed"));
    assert_eq!(shop.post_webhook(&headers, &body).await, said(200, "duplicate"));
    assert_eq!(shop.axes(&order).await, ["approved", "taken", "paid"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_means_nothing_here_is_ignored_and_what_is_not_there_is_not_found() {
    let shop = Shop::open("what_means_nothing").await;
    let order = shop.invoice().await;
    for kind in ["payment.failed", "payment.refunded", "customer.created"] {
        let body = event("evt_1", &order, "").replace("payment.succeeded", kind);
        assert_eq!(shop.report(&body).await, said(200, "ignored"), "{kind}");
    }
    for stranger in [Uuid::now_v7().to_string(), "7".to_owned(), String::new()] {
        let body = event("evt_2", &stranger, r#", "amount": 12.99"#);
        assert_eq!(shop.report(&body).await, said(404, "Order not found"), "{stranger}");
    }
    // None of that was remembered: its ids are still good.
    assert_eq!(shop.report(&event("evt_2", &order, "")).await, said(200, "processed"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_amount_pays_nothing_and_is_written_down() {
    let shop = Shop::open("another_amount").await;
    let order = shop.invoice().await;
    for (id, rest) in [
        ("evt_1", r#", "amount": 12.98"#),
        ("evt_1", r#", "amount": 12.98"#),
        ("evt_2", r#", "amount": 129.90"#),
        ("evt_3", r#", "amount": 12.99, "currency": "EUR""#),
        ("evt_4", r#", "amount": 0"#),
    ] {
        assert_eq!(shop.report(&event(id, &order, rest)).await.0, 409, "{rest}");
        assert_eq!(shop.axes(&order).await[0], "pending");
    }
    let receipts = shop.receipts().await;
    assert_eq!(receipts.len(), 4, "{receipts:?}");
    assert!(receipts.iter().all(|receipt| receipt["payment_id"].is_null()), "{receipts:?}");
    assert_eq!(shop.report(&event("evt_5", &order, r#", "amount": 12.99"#)).await, said(200, "processed"));
    assert_eq!(shop.axes(&order).await, ["approved", "taken", "paid"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_a_canceled_order_is_to_be_given_back_and_its_copies_are_free() {
    let shop = Shop::open("money_for_a_canceled").await;
    let order = shop.invoice().await;
    assert_eq!(shop.cancel(&order).await.status, 200);
    assert_eq!(shop.axes(&order).await[..2], ["canceled", "none"]);
    assert_eq!(shop.report(&event("evt_1", &order, "")).await, said(200, "processed"));
    let waiting = async || shop.order(&order).await["payment"] == "refunding";
    service_kit::testing::eventually("the money is to be given back", waiting).await;
    assert_eq!(shop.order(&order).await["stock"], "none");
    let returned = shop.send(Method::POST, "/receipts/evt_1/returned", None, None).await;
    assert_eq!(returned.status, 200, "{returned:?}");
    assert!(returned.json["returned_at"].is_string(), "{returned:?}");
    let order = shop.settled(&order).await;
    assert_eq!((order["state"].as_str(), order["stock"].as_str()), (Some("canceled"), Some("none")));
    assert_eq!(order["payment"], "refunded", "{order}");
    assert_eq!(shop.get("/receipts?kept=true").await.json["items"], json!([]));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_and_a_report_at_once_keep_no_money_for_nothing() {
    // Money reported by others is given back by an employee, so a cancellation that has to wait for that is 202.
    let pace = Pace { answer_ms: 150, ..patient() };
    let shop = Shop::open_with("a_cancellation_and_a_report", pace).await;
    for round in 0..10 {
        let order = shop.invoice().await;
        let id = format!("evt_{round}");
        let body = event(&id, &order, "");
        let (word, _) = tokio::join!(shop.report(&body), shop.cancel(&order));
        assert_eq!(word, said(200, "processed"));
        let decided = async || {
            let order = shop.order(&order).await;
            let (state, payment) = (order["state"].as_str().unwrap(), order["payment"].as_str().unwrap());
            matches!((state, payment), ("approved", "paid") | ("canceled", "refunding"))
        };
        service_kit::testing::eventually("the money pays, or is to be given back", decided).await;
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_word_is_a_hint_and_never_money() {
    let shop = Shop::open("a_providers_word").await;
    let order = shop.invoice().await;
    let data = format!(r#", "payment_id": "{order}:1", "amount": 12.99"#);
    let body = event("evt_1", &order, &data);
    let header = signature(SANDBOX_SECRET, now_s(), &body);
    assert_eq!(shop.post_webhook(&[("x-signature", &header)], &body).await, said(200, "processed"));
    assert_eq!(shop.post_webhook(&[("x-signature", &header)], &body).await, said(200, "duplicate"));
    assert_eq!(shop.axes(&order).await[0], "pending");
    assert_eq!(shop.receipts().await, [] as [Value; 0]);
    // Of payments and orders that are not there nobody can be asked.
    for unknown in [format!("{order}:2"), format!("{}:1", Uuid::now_v7())] {
        let body = event("evt_2", &order, &format!(r#", "payment_id": "{unknown}""#));
        let header = signature(SANDBOX_SECRET, now_s(), &body);
        assert_eq!(shop.post_webhook(&[("x-signature", &header)], &body).await, said(404, "Order not found"));
    }
    let stripes = format!(
        r#"{{"id": "evt_1", "type": "payment_intent.succeeded",
             "data": {{"object": {{"id": "pi_1", "metadata": {{"payment_id": "{order}:1"}}}}}}}}"#
    );
    let header = signature(STRIPE_SECRET, now_s(), &stripes);
    assert_eq!(shop.post_webhook(&[("stripe-signature", &header)], &stripes).await, said(200, "processed"));
    assert_eq!(shop.post_webhook(&[("x-signature", &header)], &stripes).await, said(401, "Invalid signature"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_and_cannot_be_understood_is_refused_with_its_field() {
    let shop = Shop::open("what_is_signed").await;
    let order = shop.invoice().await;
    for body in [
        "",
        "{",
        "[]",
        r#"{"type": "payment.succeeded"}"#,
        r#"{"id": "", "type": "payment.succeeded", "data": {}}"#,
        &event("evt_1", &order, r#", "amount": "12.99""#),
        &event("evt_1", &order, r#", "amount": -12.99"#),
        &event("evt_1", &order, r#", "amount": 12.999"#),
        &event("evt_1", &order, r#", "currency": "dollars""#),
        &event("e\\u0000vt", &order, ""),
        &event(&"e".repeat(256), &order, ""),
    ] {
        assert_eq!(shop.report(body).await.0, 422, "{body}");
    }
    assert_eq!(shop.report(&format!("{{\"id\": \"{}\"}}", "x".repeat(65_536))).await.0, 413);
    assert_eq!(shop.receipts().await, [] as [Value; 0]);
    assert_eq!(shop.axes(&order).await[0], "pending");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_listed_page_by_page_and_a_receipt_is_returned_once() {
    let shop = Shop::open("receipts_are_listed").await;
    let order = shop.invoice().await;
    for n in 0..5 {
        shop.report(&event(&format!("evt_{n}"), &order, r#", "amount": 1"#)).await;
    }
    let (mut path, mut seen) = ("/receipts?limit=2".to_owned(), Vec::new());
    loop {
        let page = shop.get(&path).await.json;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["event_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/receipts?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, ["evt_0", "evt_1", "evt_2", "evt_3", "evt_4"]);
    let path = "/receipts/evt_3/returned";
    let first = shop.send(Method::POST, path, None, None).await;
    let again = shop.send(Method::POST, path, None, None).await;
    assert_eq!((first.status, first.json), (200, again.json));
    assert_eq!(shop.get("/receipts?kept=true").await.json["items"].as_array().unwrap().len(), 4);
    assert_eq!(shop.send(Method::POST, "/receipts/evt_9/returned", None, None).await.status, 404);
    for query in ["limit=0", "cursor=zz", "cursor=5b5d", "kept=perhaps", "order=asc"] {
        assert_eq!(shop.get(&format!("/receipts?{query}")).await.status, 400, "{query}");
    }
    shop.close().await;
}
