use rusqlite::Connection;
use service_kit::{
    db::Engine,
    testing::{TestDatabase, eventually},
};

use crate::cluster::{Basket, Catalog, Cluster, Order, Part};

/// Somebody outside holds the file for longer than a service waits for it: whoever asks hears that he may ask again, and
/// does so under the same key.
async fn locked(part: Part) {
    if TestDatabase::engine() != Engine::Sqlite {
        return; // There is no file that somebody could lock.
    }
    let shop = Cluster::start().await;
    let book = shop.book("Behind the Counter", 3).await;
    let (caller, basket) = (shop.operator(), Basket::of(&[(book, 1)]));
    let outsider = Connection::open(shop.database_file(part)).unwrap();
    outsider.execute_batch("begin exclusive").unwrap();
    if part == Order {
        eventually("a purchase is answered with 503", async || {
            let answer = caller.send_once(&basket).await;
            answer.is_some_and(|answer| answer.status == 503 && answer.body["retryable"] == true)
        })
        .await;
    } else {
        let answer = caller.try_to_buy(&basket).await;
        assert_eq!(answer.map(|answer| answer.status), Some(202), "written and not decided");
    }
    assert_eq!(caller.on_hand(book).await, 3, "who reads waits for nobody");
    outsider.execute_batch("rollback").unwrap();
    caller.buy(&basket).await.order();
    assert_eq!(caller.on_hand(book).await, 2);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_database_that_is_locked_from_outside_costs_patience_and_nothing_else() {
    locked(Order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_database_that_is_locked_from_outside_costs_patience_and_nothing_else() {
    locked(Catalog).await;
}
