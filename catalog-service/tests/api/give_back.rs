use serde_json::json;

use crate::shop::{Shop, line, taking_id};

#[tokio::test(flavor = "multi_thread")]
async fn a_given_back_copy_is_back_on_the_shelf_once() {
    let shop = Shop::open("give-back").await;
    let (one, two) = (shop.new_book(1).await, shop.new_book(5).await);
    let id = taking_id();
    let taken = shop.take(&id, &[line(one, 1), line(two, 2)]).await;
    let given = shop.give_back(&id).await;
    assert_eq!(
        (given.status, &given.json["state"], &given.json["lines"]),
        (200, &json!("given_back"), &taken.json["lines"])
    );
    let again = shop.give_back(&id).await;
    assert_eq!((again.status, &again.json), (200, &given.json));
    assert_eq!((shop.on_hand(one).await, shop.on_hand(two).await), (1, 5));
    // Somebody else buys it.
    assert_eq!(shop.take(&taking_id(), &[line(one, 1)]).await.status, 201);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_that_arrives_after_its_give_back_takes_nothing() {
    let shop = Shop::open("tombstone").await;
    let book = shop.new_book(3).await;
    let id = taking_id();
    let buried = shop.give_back(&id).await;
    assert_eq!((buried.status, &buried.json["state"], &buried.json["lines"]), (201, &json!("given_back"), &json!([])));
    assert_eq!(shop.give_back(&id).await.status, 200);
    for lines in [vec![line(book, 1)], vec![line(book, 2)], vec![line(4711, 1)]] {
        let late = shop.take(&id, &lines).await;
        assert_eq!((late.status, &late.json), (409, &buried.json), "whatever it asks for");
    }
    assert_eq!(shop.on_hand(book).await, 3);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_repeated_after_its_give_back_takes_nothing_again() {
    let shop = Shop::open("late-repeat").await;
    let book = shop.new_book(3).await;
    let id = taking_id();
    shop.take(&id, &[line(book, 1)]).await;
    let given = shop.give_back(&id).await;
    let late = shop.take(&id, &[line(book, 1)]).await;
    assert_eq!((late.status, &late.json), (409, &given.json));
    assert_eq!(shop.take(&id, &[line(book, 2)]).await.outcome(), (422, "id_reused"));
    assert_eq!(shop.on_hand(book).await, 3);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_back_what_was_refused_changes_nothing() {
    let shop = Shop::open("refused").await;
    let book = shop.new_book(1).await;
    let id = taking_id();
    let refused = shop.take(&id, &[line(book, 2)]).await;
    let given = shop.give_back(&id).await;
    assert_eq!((given.status, &given.json), (200, &refused.json));
    assert_eq!(shop.take(&id, &[line(book, 2)]).await.json, refused.json);
    assert_eq!(shop.on_hand(book).await, 1);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_book_keeps_the_copies_that_were_taken_and_takes_them_back() {
    let shop = Shop::open("withdrawn").await;
    let book = shop.new_book(3).await;
    let id = taking_id();
    let taken = shop.take(&id, &[line(book, 2)]).await;
    assert_eq!(shop.delete(&format!("/books/{book}")).await.status, 204);
    assert_eq!(shop.get(&format!("/takings/{id}")).await.json, taken.json);
    let refused = shop.take(&taking_id(), &[line(book, 1)]).await;
    assert_eq!((refused.status, &refused.json["refused"][0]["reason"]), (409, &json!("gone")));
    assert_eq!(shop.give_back(&id).await.json["state"], "given_back");
    let ledger = shop.get(&format!("/books/{book}/ledger")).await;
    let deltas: Vec<i64> =
        ledger.json["items"].as_array().unwrap().iter().map(|e| e["delta"].as_i64().unwrap()).collect();
    assert_eq!(deltas, [2, -2, 3]);
    shop.finish().await;
}
