use serde_json::json;
use service_kit::testing::eventually;

use crate::{
    neighbours::{Book, Mood},
    shop::{Answer, Shop, collect, deliver, hasty},
};

/// Nobody has a copy of it.
const SOLD_OUT: i64 = 3;

fn odyssey(on_hand: i64) -> Book {
    Book { title: "The Odyssey", price: "9.50", on_hand }
}

/// A shop in which somebody has just been refused the book.
async fn shop_without_it(name: &str) -> (Shop, Answer) {
    let shop = Shop::open_with(name, hasty()).await;
    let first = shop.checkout(&collect(&[(SOLD_OUT, 1)])).await;
    assert_eq!((first.status, &first.json["code"]), (409, &json!("sold_out")));
    (shop, first)
}

async fn orders(shop: &Shop) -> usize {
    shop.get("/orders").await.json["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn whoever_comes_after_a_refusal_is_refused_alike_and_no_order_is_written_for_him() {
    let (shop, first) = shop_without_it("short_again").await;
    assert_eq!((orders(&shop).await, shop.neighbours.calls("check")), (1, 0));
    for body in [collect(&[(SOLD_OUT, 1)]), deliver(&[(SOLD_OUT, 1)])] {
        let next = shop.checkout(&body).await;
        for field in ["status", "code", "title", "detail", "errors", "retryable"] {
            assert_eq!(next.json[field], first.json[field], "{field}");
        }
        assert_eq!(next.json.get("resource"), None);
    }
    let both = shop.checkout(&collect(&[(1, 1), (SOLD_OUT, 2), (77, 1)])).await;
    assert_eq!((both.status, &both.json["code"]), (409, &json!("book_gone")));
    let fields: Vec<&str> =
        both.json["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["lines[1].quantity", "lines[2].book_id"]);
    assert_eq!((orders(&shop).await, shop.neighbours.calls("check"), shop.neighbours.calls("PUT /takings")), (1, 3, 1));
    shop.close().await;
}

#[tokio::test]
async fn a_book_that_is_back_is_sold_to_the_next_one_and_not_looked_for_again() {
    let (shop, _) = shop_without_it("back_again").await;
    shop.neighbours.put_book(SOLD_OUT, odyssey(2));
    for left in [1, 0] {
        assert_eq!(shop.checkout(&collect(&[(SOLD_OUT, 1)])).await.status, 201);
        assert_eq!((shop.neighbours.on_hand(SOLD_OUT), shop.neighbours.calls("check")), (left, 1));
    }
    assert_eq!(shop.checkout(&collect(&[(SOLD_OUT, 1)])).await.status, 409);
    assert_eq!(orders(&shop).await, 4);
    shop.close().await;
}

#[tokio::test]
async fn a_refusal_is_kept_under_its_key_though_the_book_is_back() {
    let (shop, _) = shop_without_it("short_kept").await;
    let body = collect(&[(SOLD_OUT, 1)]);
    let refused = shop.checkout_with("k1", &body).await;
    assert_eq!((refused.status, orders(&shop).await), (409, 1));
    shop.neighbours.put_book(SOLD_OUT, odyssey(5));
    assert_eq!(shop.checkout_with("k1", &body).await.without_request_id(), refused.clone().without_request_id());
    let other = shop.checkout_with("k1", &collect(&[(SOLD_OUT, 2)])).await;
    assert_eq!((other.status, &other.json["code"]), (422, &json!("key_reused")));

    let shop = shop.restart().await;
    shop.neighbours.catalog_is(Mood::Down);
    assert_eq!(shop.checkout_with("k1", &body).await.without_request_id(), refused.without_request_id());
    assert_eq!(shop.neighbours.on_hand(SOLD_OUT), 5);
    shop.close().await;
}

#[tokio::test]
async fn whoever_has_bought_under_his_key_is_told_so_though_the_book_is_short_now() {
    let shop = Shop::open("bought_before").await;
    let body = collect(&[(2, 3)]);
    let bought = shop.checkout_with("k1", &body).await;
    assert_eq!((bought.status, shop.neighbours.on_hand(2)), (201, 0));
    assert_eq!(shop.checkout_with("k2", &body).await.status, 409);
    assert_eq!(shop.checkout_with("k1", &body).await, bought);
    assert_eq!(shop.neighbours.calls("check"), 0, "the key is looked up first");
    shop.close().await;
}

#[tokio::test]
async fn of_one_key_that_is_refused_and_sold_to_at_once_the_first_to_be_written_counts() {
    let (shop, _) = shop_without_it("short_and_sold").await;
    let body = collect(&[(SOLD_OUT, 1)]);
    let hold = shop.neighbours.hold_next_check();
    let too_late = shop.checkout_with("k1", &body);
    let sold = async {
        eventually("the shelf was looked at", async || shop.neighbours.calls("check") == 1).await;
        shop.neighbours.put_book(SOLD_OUT, odyssey(2));
        // Whoever buys one sees that the book is back, and the next one does not look.
        assert_eq!(shop.checkout(&body).await.status, 201);
        let sold = shop.checkout_with("k1", &body).await;
        drop(hold);
        sold
    };
    let (too_late, sold) = tokio::join!(too_late, sold);
    assert_eq!((sold.status, shop.neighbours.on_hand(SOLD_OUT), shop.neighbours.calls("check")), (201, 0, 2));
    assert_eq!(too_late, sold, "one key, one answer");
    assert_eq!(orders(&shop).await, 3);
    shop.close().await;
}

#[tokio::test]
async fn a_look_without_an_answer_costs_nobody_his_order() {
    let (shop, _) = shop_without_it("no_look").await;
    for mood in [Mood::Down, Mood::LosesReplies, Mood::Fails, Mood::Stranger] {
        shop.neighbours.put_book(SOLD_OUT, odyssey(1));
        shop.neighbours.catalog_is(mood);
        let waits = shop.checkout(&collect(&[(SOLD_OUT, 1)])).await;
        shop.neighbours.catalog_is(Mood::Well);
        assert_eq!(waits.status, 202, "{mood:?}: {waits:?}");
        let order = shop.settled(&waits.order_id()).await;
        assert_eq!((&order["state"], shop.neighbours.on_hand(SOLD_OUT)), (&json!("approved"), 0), "{mood:?}");
    }
    shop.close().await;
}
