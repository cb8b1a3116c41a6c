use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{auth::Service, testing::refuses_every_bad_request};

use crate::stage::{Stage, fresh_id, parcel};

fn address_with(field: &str, value: Value) -> Value {
    let mut parcel = parcel();
    parcel["address"][field] = value;
    parcel
}

#[tokio::test]
async fn an_address_that_no_courier_finds_is_refused_field_by_field() {
    let stage = Stage::set("address").await;
    let long = "x".repeat(201);
    let cases = [
        ("recipient", json!(""), "address.recipient"),
        ("recipient", json!(" \t "), "address.recipient"),
        ("recipient", json!("Ana\u{0}"), "address.recipient"),
        ("recipient", Value::Null, "address.recipient"),
        ("street", json!(long), "address.street"),
        ("street", json!(7), "address.street"),
        ("city", json!("Por\nto"), "address.city"),
        ("postal_code", json!(""), "address.postal_code"),
        ("country", json!("PRT"), "address.country"),
        ("country", json!("pt"), "address.country"),
        ("country", json!("É"), "address.country"),
        ("planet", json!("Earth"), "address.planet"),
    ];
    for (field, value, named) in cases {
        let id = fresh_id();
        let body = address_with(field, value.clone());
        let refused = stage.put(&format!("/deliveries/{id}"), &body).await;
        assert_eq!((refused.status, refused.code()), (422, "invalid"), "{field}: {value}");
        assert_eq!(refused.json["errors"][0]["field"], named, "{field}: {value}");
        assert_eq!(stage.get(&format!("/deliveries/{id}")).await.status, 404);
    }
    let all = json!({"address": {"recipient": "", "street": "", "city": ""}});
    let refused = stage.put(&format!("/deliveries/{}", fresh_id()), &all).await;
    assert_eq!(refused.json["errors"].as_array().unwrap().len(), 3, "every field at once");
    stage.strike().await;
}

#[tokio::test]
async fn bad_input_is_answered_with_what_was_wrong_and_changes_nothing() {
    let stage = Stage::set("input").await;
    let id = stage.delivery_after(&[]).await;
    let (moves, courier) = (format!("/deliveries/{id}/moves"), format!("/deliveries/{id}/courier"));
    let upper = format!("/deliveries/{}", id.to_uppercase());
    let long = json!({"status": "shipped", "note": "x".repeat(501)});
    let cases = [
        (Method::GET, "/deliveries/7", Value::Null, 400, "malformed_path"),
        (Method::GET, &upper, Value::Null, 400, "malformed_path"),
        (Method::PUT, "/deliveries/7:d1", parcel(), 400, "malformed_path"),
        (Method::GET, "/deliveries?limit=0", Value::Null, 400, "malformed_query"),
        (Method::GET, "/deliveries?limit=201", Value::Null, 400, "malformed_query"),
        (Method::GET, "/deliveries?cursor=5b5d", Value::Null, 400, "malformed_query"),
        (Method::GET, "/deliveries?status=lost", Value::Null, 400, "malformed_query"),
        (Method::GET, "/deliveries?order_id=7", Value::Null, 400, "malformed_query"),
        (Method::GET, "/deliveries?colour=red", Value::Null, 400, "malformed_query"),
        (Method::POST, &moves, json!({"status": "lost"}), 422, "invalid"),
        (Method::POST, &moves, json!({}), 422, "invalid"),
        (Method::POST, &moves, json!({"status": "shipped", "note": "a\u{0}b"}), 422, "invalid"),
        (Method::POST, &moves, long, 422, "invalid"),
        (Method::POST, &moves, json!({"status": "shipped", "to": "Mars"}), 422, "invalid"),
        (Method::PUT, &courier, json!({"courier": ""}), 422, "invalid"),
        (Method::PUT, &courier, json!({"courier": "x".repeat(65)}), 422, "invalid"),
        (Method::POST, "/couriers", json!({"name": ""}), 422, "invalid"),
        (Method::POST, "/couriers", json!({"name": " local"}), 422, "invalid"),
        (Method::POST, "/couriers", json!({"name": "a\u{0}"}), 422, "invalid"),
        (Method::POST, "/couriers", json!({"name": "x".repeat(65)}), 422, "invalid"),
        (Method::POST, "/couriers", json!({"name": "a", "phone": "x".repeat(33)}), 422, "invalid"),
        (Method::POST, "/couriers", json!({"name": "local"}), 409, "courier_taken"),
        (Method::GET, "/couriers/0", Value::Null, 400, "malformed_path"),
        (Method::GET, "/couriers?cursor=zz", Value::Null, 400, "malformed_query"),
        (Method::PATCH, "/couriers/1", json!({"name": "other"}), 422, "invalid"),
        (Method::PATCH, "/couriers/1", json!({"active": "yes"}), 422, "invalid"),
        (Method::DELETE, "/couriers/1", Value::Null, 405, "method_not_allowed"),
    ];
    for (method, path, body, status, code) in cases {
        let body = Some(&body).filter(|body| !body.is_null());
        let answer = stage.send(method.clone(), path, &[], body).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{method} {path} {body:?}: {}", answer.json);
    }
    assert_eq!(stage.get(&format!("/deliveries/{id}")).await.json["version"], 1);
    assert_eq!(stage.get("/couriers").await.json["items"].as_array().unwrap().len(), 1);
    stage.strike().await;
}

/// Complete by construction: the requests are made out of the service's own document.
#[tokio::test]
async fn whatever_is_wrong_with_a_request_to_any_route_is_a_clear_problem_and_changes_nothing() {
    let stage = Stage::set("any_route").await;
    let id = stage.delivery_after(&[]).await;
    let everything = async || [stage.get("/deliveries").await.json, stage.get("/couriers").await.json];
    let before = everything().await;
    let document = stage.get("/openapi.json").await.json;
    let fill = |parameter: &str| match parameter {
        "delivery_id" => Some(id.clone()),
        "courier_id" => Some("1".to_owned()),
        "subscriber" | "event_id" => Some("none".to_owned()),
        _ => None,
    };
    let sent = refuses_every_bad_request(Service::Delivery, &stage.running.url(), &document, &[], fill).await;
    assert!(sent >= 60, "{sent}");
    assert_eq!(everything().await, before);
    stage.strike().await;
}

#[tokio::test]
async fn every_route_says_who_may_call_it() {
    let stage = Stage::set("permissions").await;
    let document = stage.get("/openapi.json").await.json;
    assert!(service_kit::auth::routes(&document).unwrap().len() >= 11);
    stage.strike().await;
}
