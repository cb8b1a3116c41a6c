use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::stage::{Stage, fresh_id};

/// Every status, and how a delivery gets there.
const WAYS: [(&str, &[&str]); 6] = [
    ("scheduled", &[]),
    ("shipped", &["shipped"]),
    ("delivered", &["shipped", "delivered"]),
    ("failed", &["shipped", "failed"]),
    ("returned", &["shipped", "failed", "returned"]),
    ("canceled", &["canceled"]),
];

const LEGAL: [(&str, &str); 5] = [
    ("scheduled", "shipped"),
    ("shipped", "delivered"),
    ("shipped", "failed"),
    ("failed", "scheduled"),
    ("failed", "returned"),
];

#[tokio::test]
async fn every_illegal_move_is_refused_and_changes_nothing() {
    let stage = Stage::set("moves").await;
    for (from, way) in WAYS {
        for (to, _) in WAYS {
            let id = stage.delivery_after(way).await;
            let before = stage.get(&format!("/deliveries/{id}")).await.json;
            let answer = stage.advance(&id, to).await;
            let after = stage.get(&format!("/deliveries/{id}")).await.json;
            if LEGAL.contains(&(from, to)) {
                assert_eq!((answer.status, &answer.json["status"]), (200, &json!(to)), "{from} to {to}");
                assert_eq!(after["version"], before["version"].as_i64().unwrap() + 1);
            } else {
                assert_eq!((answer.status, answer.code()), (409, "invalid_transition"), "{from} to {to}");
                assert_eq!(answer.json["resource"], format!("/deliveries/{id}"));
                assert_eq!(after, before, "{from} to {to}");
            }
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn what_has_left_the_shop_cannot_be_canceled() {
    let stage = Stage::set("too_late").await;
    for (from, way) in WAYS {
        let id = stage.delivery_after(way).await;
        let answer = stage.cancel(&id).await;
        if matches!(from, "scheduled" | "canceled") {
            assert_eq!((answer.status, &answer.json["status"]), (200, &json!("canceled")), "{from}");
        } else {
            assert_eq!(
                (answer.status, &answer.json["status"]),
                (409, &json!(from)),
                "its order follows from where it is"
            );
            assert_eq!(stage.get(&format!("/deliveries/{id}")).await.json["status"], from);
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn of_many_who_move_a_parcel_at_once_one_does() {
    let stage = Stage::set("race").await;
    let id = stage.delivery_after(&[]).await;
    let answers = join_all((0..20).map(|_| stage.advance(&id, "shipped"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.code() == "invalid_transition").count(), 19);
    assert_eq!(stage.get(&format!("/deliveries/{id}")).await.json["version"], 2);
    stage.strike().await;
}

#[tokio::test]
async fn a_parcel_that_is_shipped_and_canceled_at_once_is_one_of_the_two() {
    let stage = Stage::set("ship_or_cancel").await;
    for _ in 0..20 {
        let id = stage.delivery_after(&[]).await;
        let (shipped, canceled) = tokio::join!(stage.advance(&id, "shipped"), stage.cancel(&id));
        let now = stage.get(&format!("/deliveries/{id}")).await.json;
        let expected = if shipped.status == 200 { (409, "shipped") } else { (200, "canceled") };
        assert_eq!((canceled.status, now["status"].as_str().unwrap()), expected, "{shipped:?}");
        assert_eq!(now["version"], 2);
    }
    stage.strike().await;
}

#[tokio::test]
async fn tracking_shows_every_step_with_its_note() {
    let stage = Stage::set("tracking").await;
    let id = stage.delivery_after(&[]).await;
    let noted = json!({"status": "shipped", "note": "left the shop at noon"});
    assert_eq!(stage.post(&format!("/deliveries/{id}/moves"), &noted).await.status, 200);
    for status in ["failed", "scheduled", "shipped", "delivered"] {
        assert_eq!(stage.advance(&id, status).await.status, 200, "{status}");
    }
    let tracking = stage.get(&format!("/deliveries/{id}/tracking")).await.json;
    let steps = tracking["items"].as_array().unwrap();
    let statuses: Vec<&str> = steps.iter().map(|step| step["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["scheduled", "shipped", "failed", "scheduled", "shipped", "delivered"]);
    let versions: Vec<i64> = steps.iter().map(|step| step["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6]);
    assert_eq!((&steps[1]["note"], &steps[1]["courier"]), (&json!("left the shop at noon"), &json!("local")));
    assert_eq!(steps[2].get("note"), None);
    stage.strike().await;
}

#[tokio::test]
async fn a_move_on_an_older_version_is_refused() {
    let stage = Stage::set("stale").await;
    let id = stage.delivery_after(&["shipped"]).await;
    let (path, body) = (format!("/deliveries/{id}/moves"), json!({"status": "delivered"}));
    let stale = stage.send(Method::POST, &path, &[("if-match", "\"1\"")], Some(&body)).await;
    assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));
    let current = stage.send(Method::POST, &path, &[("if-match", "\"2\"")], Some(&body)).await;
    assert_eq!((current.status, current.header("etag")), (200, "\"3\""));
    stage.strike().await;
}

#[tokio::test]
async fn what_was_never_booked_is_not_there() {
    let stage = Stage::set("missing").await;
    let id = fresh_id();
    assert_eq!(stage.get(&format!("/deliveries/{id}")).await.code(), "delivery_not_found");
    assert_eq!(stage.get(&format!("/deliveries/{id}/tracking")).await.code(), "delivery_not_found");
    let moved = stage.advance(&id, "shipped").await;
    assert_eq!((moved.status, moved.code()), (404, "delivery_not_found"));
    let handed = stage.put(&format!("/deliveries/{id}/courier"), &json!({"courier": "local"})).await;
    assert_eq!((handed.status, handed.code()), (404, "delivery_not_found"));
    stage.strike().await;
}
