use order_service::store;
use serde_json::json;
use service_kit::db::{Db, DbError, DbOptions};
use shared_types::Timestamp;

use crate::{
    neighbours::Mood,
    shop::{Shop, collect, deliver, hasty, start},
};

#[tokio::test]
async fn the_same_key_in_parallel_places_one_order() {
    let shop = Shop::open("parallel").await;
    let body = deliver(&[(1, 1)]);
    let answers = futures_util::future::join_all((0..16).map(|_| shop.checkout_with("two-clicks", &body))).await;
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!((answers[0].status, shop.neighbours.copies_taken()), (201, 1));
    assert_eq!(shop.get("/orders").await.json["items"].as_array().unwrap().len(), 1);
    shop.settled(&answers[0].order_id()).await;
    assert_eq!(shop.neighbours.deliveries().len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_replay_answers_as_the_first_did_though_the_world_went_on() {
    let shop = Shop::open("replay").await;
    let (good, short) = (deliver(&[(1, 1)]), collect(&[(3, 1)]));
    let bought = shop.checkout_with("k1", &good).await;
    let refused = shop.checkout_with("k2", &short).await;
    assert_eq!((bought.status, refused.status), (201, 409));
    shop.settled(&bought.order_id()).await;
    shop.neighbours.withdraw(1);
    shop.neighbours.put_book(3, crate::neighbours::Book { title: "The Odyssey", price: "9.50", on_hand: 5 });

    let shop = shop.restart().await;
    shop.neighbours.catalog_is(Mood::Down);
    assert_eq!(shop.checkout_with("k1", &good).await, bought);
    assert_eq!(shop.checkout_with("k2", &short).await.without_request_id(), refused.without_request_id());
    assert_eq!((shop.neighbours.copies_taken(), shop.neighbours.on_hand(3)), (1, 5));
    shop.close().await;
}

#[tokio::test]
async fn a_replay_joins_an_order_that_is_not_decided_yet() {
    let shop = Shop::open_with("join", hasty()).await;
    shop.neighbours.catalog_is(Mood::Down);
    let body = collect(&[(1, 1)]);
    let first = shop.checkout_with("k1", &body).await;
    let second = shop.checkout_with("k1", &body).await;
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(second.location, first.location);
    shop.neighbours.catalog_is(Mood::Well);
    shop.settled(&first.order_id()).await;
    let third = shop.checkout_with("k1", &body).await;
    assert_eq!((third.status, &third.json["state"], third.location), (201, &json!("approved"), first.location));
    assert_eq!(shop.neighbours.copies_taken(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() {
    let shop = Shop::open("reused").await;
    assert_eq!(shop.checkout_with("k1", &collect(&[(1, 1)])).await.status, 201);
    for body in [collect(&[(1, 2)]), collect(&[(2, 1)]), deliver(&[(1, 1)])] {
        let answer = shop.checkout_with("k1", &body).await;
        assert_eq!((answer.status, &answer.json["code"]), (422, &json!("key_reused")), "{body}");
    }
    assert_eq!(shop.neighbours.copies_taken(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_request_that_was_refused_before_anything_was_written_does_not_use_up_its_key() {
    let shop = Shop::open("not_stored").await;
    assert_eq!(shop.checkout_with("k1", &collect(&[(1, 0)])).await.status, 422);
    assert_eq!(shop.checkout_with("k1", &collect(&[(1, 1)])).await.status, 201);
    shop.close().await;
}

#[tokio::test]
async fn without_a_key_every_request_is_an_order() {
    let shop = Shop::open("keyless").await;
    let (first, second) = (shop.checkout(&collect(&[(1, 1)])).await, shop.checkout(&collect(&[(1, 1)])).await);
    assert_ne!(first.order_id(), second.order_id());
    assert_eq!(shop.neighbours.copies_taken(), 2);
    shop.close().await;
}

#[tokio::test]
async fn an_old_key_is_forgotten_once_it_is_answered_and_never_before() {
    let mut shop = Shop::open_with("forgotten", hasty()).await;
    let body = collect(&[(1, 1)]);
    let answered = shop.checkout_with("answered", &body).await;
    shop.neighbours.catalog_is(Mood::Down);
    let waiting = shop.checkout_with("waiting", &body).await;
    assert_eq!((answered.status, waiting.status), (201, 202));

    shop.running.stop().await;
    let forget = async |micros: i64| {
        let db = Db::open(shop.database.url(), DbOptions::default(), store::MIGRATIONS).await.unwrap();
        let before = Timestamp::from_micros(micros);
        let forgotten = db.write(move |tx| store::keys::forget(tx, before)).await;
        db.close().await;
        forgotten.map_err(|error: DbError| error.to_string())
    };
    assert_eq!(forget(1).await, Ok(0));
    assert_eq!(forget(i64::MAX).await, Ok(1));
    shop.running = start(&shop.database, &shop.neighbours, hasty()).await;

    assert_eq!(shop.checkout_with("waiting", &body).await.order_id(), waiting.order_id());
    assert_ne!(shop.checkout_with("answered", &body).await.order_id(), answered.order_id());
    shop.close().await;
}
