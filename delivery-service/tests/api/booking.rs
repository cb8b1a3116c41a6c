use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::stage::{Stage, fresh_id, parcel};

#[tokio::test]
async fn a_booking_is_scheduled_with_the_default_courier_and_can_be_read() {
    let stage = Stage::set("booking").await;
    let id = fresh_id();
    let booked = stage.book(&id).await;
    assert_eq!((booked.status, booked.header("location")), (201, format!("/deliveries/{id}").as_str()));
    let order_id = id.strip_suffix(":d1").unwrap();
    assert_eq!(booked.json["status"], "scheduled");
    assert_eq!(booked.json["courier"], "local");
    assert_eq!(booked.json["order_id"], order_id);
    assert_eq!(booked.json["version"], 1);
    assert_eq!(booked.json["address"], parcel()["address"]);
    let read = stage.get(&format!("/deliveries/{id}")).await;
    assert_eq!((read.status, &read.json, read.header("etag")), (200, &booked.json, "\"1\""));
    stage.strike().await;
}

#[tokio::test]
async fn a_booking_repeated_is_one_delivery_also_after_it_moved_on() {
    let stage = Stage::set("repeated").await;
    let id = stage.delivery_after(&[]).await;
    let again = stage.book(&id).await;
    assert_eq!((again.status, &again.json["version"]), (200, &json!(1)));
    assert_eq!(stage.post("/couriers", &json!({"name": "bicycle"})).await.status, 201);
    let handed = stage.put(&format!("/deliveries/{id}/courier"), &json!({"courier": "bicycle"})).await;
    assert_eq!(handed.status, 200);
    assert_eq!(stage.advance(&id, "shipped").await.status, 200);
    let again = stage.book(&id).await;
    assert_eq!((again.status, &again.json["status"], &again.json["version"]), (200, &json!("shipped"), &json!(3)));
    let named = json!({"address": parcel()["address"], "courier": "local"});
    assert_eq!(stage.put(&format!("/deliveries/{id}"), &named).await.status, 200, "the default courier by his name");
    stage.strike().await;
}

#[tokio::test]
async fn an_id_is_never_booked_for_something_else() {
    let stage = Stage::set("reused").await;
    let id = stage.delivery_after(&[]).await;
    assert_eq!(stage.post("/couriers", &json!({"name": "bicycle"})).await.status, 201);
    let elsewhere = json!({"address": {"recipient": "Ana Lopez", "street": "1 Other Street", "city": "Porto"}});
    let by_another = json!({"address": parcel()["address"], "courier": "bicycle"});
    for other in [elsewhere, by_another] {
        let refused = stage.put(&format!("/deliveries/{id}"), &other).await;
        assert_eq!((refused.status, refused.code()), (422, "id_reused"), "{other}");
    }
    assert_eq!(stage.get(&format!("/deliveries/{id}")).await.json["version"], 1);
    stage.strike().await;
}

#[tokio::test]
async fn twenty_bookings_at_once_are_one_delivery() {
    let stage = Stage::set("parallel").await;
    let id = fresh_id();
    let answers = join_all((0..20).map(|_| stage.book(&id))).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let repeated = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((created, repeated), (1, 19));
    let tracking = stage.get(&format!("/deliveries/{id}/tracking")).await;
    assert_eq!(tracking.json["items"].as_array().unwrap().len(), 1);
    stage.strike().await;
}

#[tokio::test]
async fn bookings_that_come_together_are_decided_each_for_itself() {
    let stage = Stage::set("together").await;
    let [new, booked, canceled] = [fresh_id(), stage.delivery_after(&["shipped"]).await, fresh_id()];
    assert_eq!(stage.cancel(&canceled).await.status, 201);
    let elsewhere = json!({"recipient": "Ana Lopez", "street": "1 Other Street", "city": "Porto"});
    let unreadable = json!({"recipient": "", "street": "1 Other Street", "city": "Porto"});
    let address = &parcel()["address"];
    let asked = [(&new, address), (&booked, address), (&canceled, address), (&booked, &elsewhere), (&new, &unreadable)];
    let bookings = asked.map(|(id, address)| json!({"delivery_id": id, "address": address, "request_id": "together"}));
    let answer = stage.post("/deliveries", &json!({"bookings": bookings})).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let results = answer.json["results"].as_array().unwrap();
    let told = |result: &serde_json::Value| {
        let said = result["delivery"]["status"].as_str().or(result["problem"]["code"].as_str()).unwrap().to_owned();
        (result["delivery_id"].as_str().unwrap().to_owned(), said)
    };
    let expected =
        [(&new, "scheduled"), (&booked, "shipped"), (&canceled, "canceled"), (&booked, "id_reused"), (&new, "invalid")];
    let expected = expected.map(|(id, said)| (id.clone(), said.to_owned()));
    assert_eq!(results.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(stage.get(&format!("/deliveries/{new}")).await.json, results[0]["delivery"]);
    stage.strike().await;
}

#[tokio::test]
async fn of_more_bookings_than_may_come_together_none_is_made() {
    let stage = Stage::set("crowd").await;
    let bookings: Vec<_> =
        (0..33).map(|_| json!({"delivery_id": fresh_id(), "address": parcel()["address"]})).collect();
    let refused = stage.post("/deliveries", &json!({"bookings": bookings})).await;
    assert_eq!((refused.status, refused.code()), (422, "invalid"));
    assert_eq!(stage.get("/deliveries").await.json["items"], json!([]));
    stage.strike().await;
}

#[tokio::test]
async fn a_delivery_canceled_before_its_booking_arrives_is_never_booked() {
    let stage = Stage::set("tombstone").await;
    let id = fresh_id();
    let canceled = stage.cancel(&id).await;
    assert_eq!((canceled.status, &canceled.json["status"]), (201, &json!("canceled")));
    assert_eq!(canceled.json.get("address"), None);
    assert_eq!(stage.cancel(&id).await.status, 200);
    let late = stage.book(&id).await;
    assert_eq!((late.status, &late.json), (409, &canceled.json), "the state in the body decides");
    assert_eq!(stage.get(&format!("/deliveries/{id}")).await.json, canceled.json);
    stage.strike().await;
}

#[tokio::test]
async fn a_booking_and_its_cancellation_at_once_end_canceled() {
    let stage = Stage::set("crossed").await;
    for _ in 0..10 {
        let id = fresh_id();
        let bookings = join_all((0..4).map(|_| stage.book(&id)));
        let cancellations = join_all((0..4).map(|_| stage.cancel(&id)));
        let (bookings, cancellations) = futures_util::future::join(bookings, cancellations).await;
        assert!(cancellations.iter().all(|answer| matches!(answer.status, 200 | 201)), "{cancellations:?}");
        assert!(bookings.iter().all(|answer| matches!(answer.status, 200 | 201 | 409)), "{bookings:?}");
        assert!(bookings.iter().filter(|answer| answer.status == 409).all(|late| late.json["status"] == "canceled"));
        assert_eq!(stage.get(&format!("/deliveries/{id}")).await.json["status"], "canceled");
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_canceled_booking_repeated_stays_canceled() {
    let stage = Stage::set("canceled").await;
    let id = stage.delivery_after(&[]).await;
    let canceled = stage.cancel(&id).await;
    assert_eq!((canceled.status, &canceled.json["version"]), (200, &json!(2)));
    let again = stage.cancel(&id).await;
    assert_eq!((again.status, &again.json["version"]), (200, &json!(2)));
    let booked = stage.book(&id).await;
    assert_eq!((booked.status, &booked.json["status"]), (409, &json!("canceled")));
    stage.strike().await;
}

#[tokio::test]
async fn lists_are_latest_first_page_by_page_and_by_order_and_status() {
    let stage = Stage::set("lists").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, stage.delivery_after(&[]).await);
    }
    assert_eq!(stage.advance(&ids[2], "shipped").await.status, 200);
    let (mut seen, mut path) = (Vec::new(), "/deliveries?limit=2".to_owned());
    loop {
        let page = stage.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        seen.extend(page.json["items"].as_array().unwrap().iter().map(|item| item["delivery_id"].clone()));
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        path = format!("/deliveries?limit=2&cursor={cursor}");
        assert_eq!(page.header("link"), format!("<{path}>; rel=\"next\""));
    }
    assert_eq!(json!(seen), json!(ids));
    let shipped = stage.get("/deliveries?status=shipped").await;
    assert_eq!(shipped.json["items"][0]["delivery_id"], ids[2]);
    assert_eq!(shipped.json["items"].as_array().unwrap().len(), 1);
    let order_id = ids[4].strip_suffix(":d1").unwrap();
    let of_order = stage.get(&format!("/deliveries?order_id={order_id}&status=scheduled")).await;
    assert_eq!(of_order.json["items"][0]["delivery_id"], ids[4]);
    assert_eq!(of_order.json["items"].as_array().unwrap().len(), 1);
    stage.strike().await;
}

#[tokio::test]
async fn deliveries_survive_a_restart() {
    let stage = Stage::set("restart").await;
    let id = stage.delivery_after(&["shipped"]).await;
    let before = stage.get(&format!("/deliveries/{id}")).await.json;
    let stage = stage.restarted(None).await;
    assert_eq!(stage.get(&format!("/deliveries/{id}")).await.json, before);
    assert_eq!(stage.send(Method::GET, "/health/ready", &[], None).await.status, 200);
    stage.strike().await;
}
