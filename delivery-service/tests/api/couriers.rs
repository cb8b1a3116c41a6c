use futures_util::future::join_all;
use serde_json::json;

use crate::stage::{Stage, fresh_id, parcel};

#[tokio::test]
async fn a_courier_is_entered_once() {
    let stage = Stage::set("enter").await;
    let entered = join_all((0..10).map(|_| async {
        stage.post("/couriers", &json!({"name": "bicycle-north", "phone": "+351 22 000 0000"})).await
    }));
    let answers = entered.await;
    let created: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(created.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.code() == "courier_taken").count(), 9);
    let shown = stage.get(created[0].header("location")).await;
    assert_eq!((shown.status, &shown.json), (200, &created[0].json));
    assert_eq!((&shown.json["name"], &shown.json["active"]), (&json!("bicycle-north"), &json!(true)));
    assert_eq!(stage.get("/couriers/4711").await.code(), "courier_not_found");
    stage.strike().await;
}

#[tokio::test]
async fn couriers_are_listed_in_the_order_of_their_numbers_the_local_one_first() {
    let stage = Stage::set("list_couriers").await;
    for name in ["walker", "bicycle", "lorry"] {
        assert_eq!(stage.post("/couriers", &json!({"name": name})).await.status, 201);
    }
    let (mut names, mut path) = (Vec::new(), "/couriers?limit=3".to_owned());
    loop {
        let page = stage.get(&path).await;
        names.extend(page.json["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        path = format!("/couriers?limit=3&cursor={cursor}");
    }
    assert_eq!(json!(names), json!(["local", "walker", "bicycle", "lorry"]));
    stage.strike().await;
}

#[tokio::test]
async fn only_an_active_courier_is_given_parcels() {
    let stage = Stage::set("inactive").await;
    let courier = stage.post("/couriers", &json!({"name": "bicycle"})).await;
    let path = courier.header("location").to_owned();
    let by_bicycle = json!({"address": parcel()["address"], "courier": "bicycle"});
    let (before, after) = (fresh_id(), fresh_id());
    assert_eq!(stage.put(&format!("/deliveries/{before}"), &by_bicycle).await.status, 201);

    let retired = stage.patch(&path, &json!({"active": false})).await;
    assert_eq!((retired.status, &retired.json["active"]), (200, &json!(false)));
    let refused = stage.put(&format!("/deliveries/{after}"), &by_bicycle).await;
    assert_eq!((refused.status, &refused.json["errors"][0]["field"]), (422, &json!("courier")));
    assert_eq!(stage.get(&format!("/deliveries/{after}")).await.status, 404, "nothing of it was kept");
    // What he has he keeps: the booking repeated is the same, and his parcels move on.
    assert_eq!(stage.put(&format!("/deliveries/{before}"), &by_bicycle).await.status, 200);
    assert_eq!(stage.advance(&before, "shipped").await.status, 200);

    let scheduled = stage.delivery_after(&[]).await;
    let handed = stage.put(&format!("/deliveries/{scheduled}/courier"), &json!({"courier": "bicycle"})).await;
    assert_eq!((handed.status, handed.code()), (422, "invalid"));
    assert_eq!(stage.patch(&path, &json!({"active": true})).await.status, 200);
    let handed = stage.put(&format!("/deliveries/{scheduled}/courier"), &json!({"courier": "bicycle"})).await;
    assert_eq!((handed.status, &handed.json["courier"]), (200, &json!("bicycle")));
    stage.strike().await;
}

#[tokio::test]
async fn an_unknown_courier_is_named_in_the_refusal() {
    let stage = Stage::set("unknown").await;
    let id = fresh_id();
    let by_nobody = json!({"address": parcel()["address"], "courier": "nobody"});
    let refused = stage.put(&format!("/deliveries/{id}"), &by_nobody).await;
    assert_eq!((refused.status, refused.code()), (422, "invalid"));
    assert_eq!(refused.json["errors"][0]["field"], "courier");
    // The refusal is no booking: the order may ask again with a courier there is.
    assert_eq!(stage.book(&id).await.status, 201);
    stage.strike().await;
}

#[tokio::test]
async fn the_default_courier_stays_active() {
    let stage = Stage::set("local").await;
    let retired = stage.patch("/couriers/1", &json!({"active": false})).await;
    assert_eq!((retired.status, &retired.json["errors"][0]["field"]), (422, &json!("active")));
    let phone = stage.patch("/couriers/1", &json!({"phone": "22 111", "active": true})).await;
    assert_eq!((phone.status, &phone.json["phone"], &phone.json["active"]), (200, &json!("22 111"), &json!(true)));
    assert_eq!(stage.patch("/couriers/1", &json!({})).await.json, phone.json, "what is absent stays");
    assert_eq!(stage.patch("/couriers/4711", &json!({})).await.code(), "courier_not_found");
    stage.strike().await;
}

#[tokio::test]
async fn another_courier_takes_over_only_while_the_parcel_is_with_the_shop() {
    let stage = Stage::set("take_over").await;
    assert_eq!(stage.post("/couriers", &json!({"name": "lorry"})).await.status, 201);
    let ways: [(&[&str], u16); 5] = [
        (&[], 200),
        (&["shipped"], 409),
        (&["shipped", "failed"], 200),
        (&["shipped", "delivered"], 409),
        (&["canceled"], 409),
    ];
    for (way, status) in ways {
        let id = stage.delivery_after(way).await;
        let path = format!("/deliveries/{id}/courier");
        let handed = stage.put(&path, &json!({"courier": "lorry"})).await;
        assert_eq!(handed.status, status, "{way:?}");
        let again = stage.put(&path, &json!({"courier": "lorry"})).await;
        assert_eq!((again.status, &again.json["version"]), (status, &handed.json["version"]), "{way:?}");
    }
    stage.strike().await;
}
