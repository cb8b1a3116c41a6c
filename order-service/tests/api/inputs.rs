use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{auth::Service, testing::refuses_every_bad_request};

use crate::shop::{Answer, Shop, bearer, collect, deliver, employee};

const NOBODY: &str = "/orders/01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";

fn changed(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[field] = value;
    body
}

fn expect(answer: &Answer, status: u16, code: &str, context: &str) {
    assert_eq!((answer.status, &answer.json["code"]), (status, &json!(code)), "{context}: {answer:?}");
    assert!(!answer.json["detail"].as_str().unwrap().is_empty(), "{context}");
}

#[tokio::test]
async fn a_bad_purchase_is_refused_naming_each_field_and_nothing_is_written() {
    let shop = Shop::open("bad_purchase").await;
    let good = || deliver(&[(1, 1), (2, 1)]);
    let many = json!(vec![json!({"book_id": 1, "quantity": 1}); 101]);
    let long = "x".repeat(201);
    let cases = [
        (changed(good(), "/lines", json!([])), "lines"),
        (changed(good(), "/lines", many), "lines"),
        (changed(good(), "/lines/1/quantity", json!(0)), "lines[1].quantity"),
        (changed(good(), "/lines/1/quantity", json!(-1)), "lines[1].quantity"),
        (changed(good(), "/lines/0/quantity", json!(11)), "lines[0].quantity"),
        (changed(good(), "/lines/0/quantity", json!(9_223_372_036_854_775_807_i64)), "lines[0].quantity"),
        (changed(good(), "/lines/0/quantity", json!(1.5)), "lines[0].quantity"),
        (changed(good(), "/lines/0/quantity", json!("1")), "lines[0].quantity"),
        (changed(good(), "/lines/0/book_id", json!(0)), "lines[0].book_id"),
        (changed(good(), "/lines/0/expected_price", json!(-1)), "lines[0].expected_price"),
        (changed(good(), "/lines/0/expected_price", json!(12.999)), "lines[0].expected_price"),
        (changed(good(), "/lines/0/expected_price", json!("12.99")), "lines[0].expected_price"),
        (changed(good(), "/lines/0/colour", json!("red")), "lines[0].colour"),
        (changed(good(), "/payment_method", json!("shells")), "payment_method"),
        (changed(good(), "/address/recipient", json!("  ")), "address.recipient"),
        (changed(good(), "/address/street", json!("")), "address.street"),
        (changed(good(), "/address/city", json!(long)), "address.city"),
        (changed(good(), "/address/city", json!("Por\u{0}to")), "address.city"),
        (changed(good(), "/address/postal_code", json!("\n")), "address.postal_code"),
        (changed(good(), "/address/country", json!("Portugal")), "address.country"),
        (changed(good(), "/address", json!({"recipient": "Ana Lopez"})), "address"),
        (changed(good(), "/customer_ref", json!(long)), "customer_ref"),
        (changed(good(), "/customer_ref", json!("")), "customer_ref"),
        (changed(good(), "/gift", json!(true)), "gift"),
    ];
    for (body, field) in cases {
        let answer = shop.checkout(&body).await;
        expect(&answer, 422, "invalid", field);
        assert_eq!(answer.json["errors"][0]["field"], field, "{body}");
    }
    let twice = changed(collect(&[(1, 1), (1, 1)]), "/lines/1/expected_price", json!(12.99));
    assert_eq!(shop.checkout(&twice).await.json["errors"][0]["field"], "lines[1].expected_price");
    let both = changed(changed(good(), "/lines/0/quantity", json!(0)), "/address/city", json!(""));
    assert_eq!(shop.checkout(&both).await.json["errors"].as_array().unwrap().len(), 2);
    assert_eq!(shop.get("/orders").await.json["items"], json!([]));
    assert_eq!(shop.neighbours.calls("PUT"), 0);
    shop.close().await;
}

#[tokio::test]
async fn what_is_at_the_limit_is_accepted() {
    let shop = Shop::open("limits").await;
    let hundred = json!(vec![json!({"book_id": 3, "quantity": 10}); 100]);
    let answer = shop.checkout(&changed(collect(&[]), "/lines", hundred)).await;
    expect(&answer, 409, "sold_out", "a hundred lines");
    assert_eq!(answer.json["errors"].as_array().unwrap().len(), 100);
    let long = changed(deliver(&[(1, 10)]), "/address/city", json!("Ж".repeat(200)));
    assert_eq!(shop.checkout(&long).await.status, 201);
    shop.close().await;
}

#[tokio::test]
async fn every_bad_request_is_answered_with_a_problem() {
    let shop = Shop::open("bad_requests").await;
    let cancel = format!("{NOBODY}/cancel");
    let history = format!("{NOBODY}/history");
    let reason = json!({"reason": "x".repeat(501)});
    let events = json!(vec![json!({}); 1]);
    let cases: [(Method, &str, Option<&Value>, u16, &str); 17] = [
        (Method::GET, NOBODY, None, 404, "order_not_found"),
        (Method::GET, &history, None, 404, "order_not_found"),
        (Method::POST, &cancel, None, 404, "order_not_found"),
        (Method::POST, &cancel, Some(&reason), 422, "invalid"),
        (Method::POST, &cancel, Some(&json!({"reason": " "})), 422, "invalid"),
        (Method::POST, &cancel, Some(&json!({"why": "no"})), 422, "invalid"),
        (Method::GET, "/orders/one", None, 400, "malformed_path"),
        (Method::GET, "/orders/01936F2E-7B1C-7CC3-98C4-DC0C0C07398F", None, 400, "malformed_path"),
        (Method::POST, "/orders/one/cancel", None, 400, "malformed_path"),
        (Method::GET, "/orders?state=lost", None, 400, "malformed_query"),
        (Method::GET, "/orders?limit=0", None, 400, "malformed_query"),
        (Method::GET, "/orders?limit=201", None, 400, "malformed_query"),
        (Method::GET, "/orders?cursor=zz", None, 400, "malformed_query"),
        (Method::GET, "/orders?cursor=5b2278225d", None, 400, "malformed_query"),
        (Method::GET, "/orders?colour=red", None, 400, "malformed_query"),
        (Method::POST, "/events", Some(&events), 422, "invalid"),
        (Method::DELETE, NOBODY, None, 405, "method_not_allowed"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = shop.send(method.clone(), path, None, body).await;
        expect(&answer, status, code, &format!("{method} {path} {body:?}"));
    }
    let key = shop.checkout_with("no spaces", &collect(&[(1, 1)])).await;
    expect(&key, 400, "malformed_header", "a key with a space");
    let raw = async |body: &'static str| {
        let request = shop
            .http
            .post(format!("{}/checkout", shop.running.url()))
            .header("content-type", "application/json")
            .header("authorization", bearer(employee()));
        request.body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!((raw("{").await, raw("").await, raw("[]").await), (400, 400, 422));
    assert_eq!(shop.get("/orders").await.json["items"], json!([]));
    shop.close().await;
}

/// Complete by construction: the requests are made out of the service's own document.
#[tokio::test]
async fn whatever_is_wrong_with_a_request_to_any_route_is_a_clear_problem_and_changes_nothing() {
    let shop = Shop::open("any_route").await;
    let bought = shop.checkout(&deliver(&[(1, 1)])).await.order_id();
    let written = shop.post("/orders", &json!({"lines": [{"book_id": 1, "quantity": 1}]})).await.order_id();
    let hook = json!({"url": "https://subscriber.example/hook", "events": ["order.created"]});
    let hook = shop.post("/webhooks", &hook).await.json["webhook"]["id"].as_str().unwrap().to_owned();
    shop.settled(&bought).await;
    let everything = async || {
        let mut seen = Vec::new();
        for list in ["/orders", "/webhooks", "/receipts"] {
            seen.push(shop.get(list).await.json);
        }
        seen.push(json!([shop.history(&bought).await, shop.history(&written).await]));
        seen
    };
    let before = everything().await;
    let document = shop.get("/openapi.json").await.json;
    let fill = |parameter: &str| match parameter {
        "id" | "subject" => Some(written.clone()),
        "repair" => Some("drive_on".to_owned()),
        "line" => Some("1".to_owned()),
        "event_id" | "subscriber" => Some("none".to_owned()),
        "message_id" => Some(hook.clone()),
        _ => None,
    };
    let sent = refuses_every_bad_request(Service::Order, &shop.running.url(), &document, &[], fill).await;
    assert!(sent >= 200, "{sent}");
    assert_eq!(everything().await, before);
    shop.close().await;
}

#[tokio::test]
async fn a_batch_of_too_many_events_is_refused_as_a_whole() {
    let shop = Shop::open("big_batch").await;
    let event = json!({"specversion": "1.0", "id": "e", "source": "/delivery", "type": "lastcopy.other", "subject": "s",
                       "time": "2026-11-18T11:06:40Z", "datacontenttype": "application/json", "data": {}});
    let answer = shop.send(Method::POST, "/events", None, Some(&json!(vec![event; 101]))).await;
    expect(&answer, 422, "invalid", "101 events");
    shop.close().await;
}

#[test]
fn every_side_of_every_call_and_commit_is_a_fault_point() {
    let points = order_service::fault_points();
    let actions = ["take", "charge", "cancel_payment", "refund", "give_back", "book_delivery", "cancel_delivery"];
    for action in actions.into_iter().chain(["notify", "tell"]) {
        for side in ["before_call", "after_call", "after_commit"] {
            assert!(points.contains(&format!("order.{action}.{side}")));
        }
    }
    for request in ["place", "refuse", "move", "event", "webhook"] {
        for side in ["before_commit", "after_commit"] {
            assert!(points.contains(&format!("order.{request}.{side}")));
        }
    }
    assert_eq!(points.len(), 37);
}
