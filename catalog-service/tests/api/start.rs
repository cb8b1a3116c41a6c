use serde_json::json;
use service_kit::testing::TestDatabase;

use crate::shop::{Shop, line, start, taking_id};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_a_restart() {
    let shop = Shop::open("restart").await;
    let book = shop.new_book(5).await;
    let (taken, refused, buried) = (taking_id(), taking_id(), taking_id());
    let answers = [
        shop.take(&taken, &[line(book, 2)]).await.json,
        shop.take(&refused, &[line(book, 9)]).await.json,
        shop.give_back(&buried).await.json,
    ];
    let shop = shop.restart().await;
    assert_eq!(shop.on_hand(book).await, 3);
    let again = [
        shop.take(&taken, &[line(book, 2)]).await.json,
        shop.take(&refused, &[line(book, 9)]).await.json,
        shop.take(&buried, &[line(book, 1)]).await.json,
    ];
    assert_eq!(again, answers);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_whose_prices_are_in_another_currency_does_not_start() {
    let database = TestDatabase::create("currency").await;
    start(&database, "USD").await.unwrap().stop().await;
    let refused = start(&database, "EUR").await.err().unwrap().to_string();
    assert!(refused.contains("USD") && refused.contains("EUR"), "{refused}");
    start(&database, "USD").await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_looks_at_the_database() {
    let shop = Shop::open("ready").await;
    assert_eq!(shop.get("/health/ready").await.json, json!({"status": "ready", "parts": ["database"]}));
    shop.finish().await;
}

#[test]
fn every_write_has_its_two_fault_points() {
    let points = catalog_service::fault_points();
    for action in ["take", "give_back", "adjust", "delete", "create", "change", "import"] {
        for side in ["before_commit", "after_commit"] {
            assert!(points.contains(&format!("catalog.{action}.{side}")), "{action} {side}");
        }
    }
    assert_eq!(points.len(), 14);
}
