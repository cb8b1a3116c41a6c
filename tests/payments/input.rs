use reqwest::Method;
use serde_json::{Value, json};

use crate::bank::{Answer, Bank, payment_id};

fn refused(answer: &Answer, status: u16, field: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.json["request_id"].is_string(), "{answer:?}");
    if !field.is_empty() {
        let fields: Vec<_> = answer.json["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
        assert!(fields.contains(&&Value::from(field)), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_card_gets_no_token_and_is_not_repeated_to_anybody() {
    let bank = Bank::open("what_is_no_card").await;
    for (card, field) in [
        (json!({"number": "12x4 5678", "expiry": "12/30"}), "number"),
        (json!({"number": "123", "expiry": "12/30"}), "number"),
        (json!({"number": "42424242424242424242", "expiry": "12/30"}), "number"),
        (json!({"number": "4242424242424242", "expiry": ""}), "expiry"),
        (json!({"number": "4242424242424242", "expiry": "soon"}), "expiry"),
        (json!({"number": "4242424242424242", "expiry": "12/30", "cvc": "12"}), "cvc"),
        (json!({"number": 4_242_424_242_424_242_u64, "expiry": "12/30"}), "number"),
        (json!({"expiry": "12/30"}), ""),
        (json!({"number": "4242424242424242", "expiry": "12/30", "pin": "0000"}), ""),
    ] {
        let answer = bank.ask(Method::POST, "/tokens", Some(card.clone())).await;
        refused(&answer, 422, field);
        let said = answer.json.to_string();
        assert!(!said.contains("4242") && !said.contains("12x4"), "{card} → {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_charge_leaves_no_payment() {
    let bank = Bank::open("what_is_no_charge").await;
    let token = bank.token("4242424242424242").await;
    let good = json!({"amount": 5, "currency": "USD", "method": "card", "token": token});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let path = format!("/payments/{}", payment_id());
    for (body, field) in [
        (with("amount", json!(0)), "amount"),
        (with("amount", json!(-1)), "amount"),
        (with("amount", json!("5")), "amount"),
        (with("amount", serde_json::from_str("5.001").unwrap()), "amount"),
        (with("amount", serde_json::from_str("99999999999999").unwrap()), "amount"),
        (with("currency", json!("usd")), "currency"),
        (with("method", json!("cash")), "method"),
        (with("method", json!("invoice")), "token"),
        (with("token", Value::Null), "token"),
        (with("token", json!("tok_of_nobody")), "token"),
        (with("token", json!("")), "token"),
        (with("captured", json!(5)), ""),
    ] {
        let answer = bank.ask(Method::PUT, &path, Some(body)).await;
        refused(&answer, 422, field);
    }
    refused(&bank.ask(Method::PUT, &path, None).await, 400, "");
    assert_eq!(bank.ledger().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_payment_is_not_found_and_what_is_no_id_is_not_read() {
    let bank = Bank::open("what_is_no_payment").await;
    let id = payment_id();
    refused(&bank.find(id).await, 404, "");
    for what in ["refund", "pay"] {
        refused(&bank.post(id, what).await, 404, "");
    }
    for path in
        ["/payments/7", "/payments/7/cancel", &format!("/payments/{}", id.order), &format!("/payments/{id}1x/pay")]
    {
        let method = if path.ends_with("cancel") || path.ends_with("pay") { Method::POST } else { Method::GET };
        refused(&bank.ask(method, path, None).await, 400, "");
    }
    for query in ["limit=0", "limit=201", "limit=x", "cursor=zz", "cursor=5b5d", "order=asc"] {
        refused(&bank.ask(Method::GET, &format!("/payments?{query}"), None).await, 400, "");
    }
    assert_eq!(bank.ledger().await, []);
}
