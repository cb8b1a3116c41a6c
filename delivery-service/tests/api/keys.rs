use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage};

async fn keyed(stage: &Stage, path: &str, key: &str, body: &Value) -> Answer {
    stage.send(Method::POST, path, &[("idempotency-key", key)], Some(body)).await
}

#[tokio::test]
async fn a_courier_that_is_entered_many_times_at_once_under_one_key_is_one_courier() {
    let stage = Stage::set("keys_courier").await;
    let body = json!({"name": "bicycle-north"});
    let answers = join_all((0..16).map(|_| keyed(&stage, "/couriers", "k", &body))).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.json), (201, &answers[0].json));
        assert_eq!(answer.header("location"), answers[0].header("location"));
    }
    let other = keyed(&stage, "/couriers", "k", &json!({"name": "lorry"})).await;
    assert_eq!((other.status, other.code()), (422, "key_reused"));
    assert_eq!(keyed(&stage, "/couriers", "l", &body).await.code(), "courier_taken");
    stage.strike().await;
}

#[tokio::test]
async fn a_move_under_a_key_is_made_once_and_answered_alike_ever_after() {
    let stage = Stage::set("keys_move").await;
    let id = stage.delivery_after(&[]).await;
    let path = format!("/deliveries/{id}/moves");
    let (shipped, failed) = (json!({"status": "shipped"}), json!({"status": "failed"}));
    let answers = join_all((0..16).map(|_| keyed(&stage, &path, "ship", &shipped))).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.json, answer.header("etag")), (200, &answers[0].json, "\"2\""));
    }
    assert_eq!(keyed(&stage, &path, "fail", &failed).await.status, 200);
    assert_eq!(stage.advance(&id, "scheduled").await.status, 200);
    // Who asks late whether his first attempt counted is told what it did, and the parcel does not leave a second time.
    assert_eq!(keyed(&stage, &path, "ship", &shipped).await.json, answers[0].json);
    assert_eq!(stage.get(&format!("/deliveries/{id}")).await.json["status"], "scheduled");
    assert_eq!(keyed(&stage, &path, "ship", &failed).await.code(), "key_reused");
    stage.strike().await;
}

#[tokio::test]
async fn an_illegal_move_is_refused_under_its_key_for_ever_and_an_unreadable_one_is_not() {
    let stage = Stage::set("keys_illegal").await;
    let id = stage.delivery_after(&[]).await;
    let path = format!("/deliveries/{id}/moves");
    let delivered = json!({"status": "delivered"});
    assert_eq!(keyed(&stage, &path, "k", &delivered).await.code(), "invalid_transition");
    assert_eq!(keyed(&stage, &path, "l", &json!({"status": "lost"})).await.status, 422);
    assert_eq!(keyed(&stage, &path, "l", &json!(["shipped"])).await.status, 422);
    assert_eq!(keyed(&stage, &path, "l", &json!({"status": "shipped"})).await.status, 200);
    let again = keyed(&stage, &path, "k", &delivered).await;
    assert_eq!((again.status, again.code()), (409, "invalid_transition"));
    assert_eq!(again.json["resource"], format!("/deliveries/{id}"));
    assert_eq!(stage.get(&format!("/deliveries/{id}")).await.json["status"], "shipped");
    stage.strike().await;
}
