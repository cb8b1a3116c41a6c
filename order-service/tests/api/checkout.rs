use serde_json::json;
use service_kit::testing::eventually;

use crate::{
    neighbours::Book,
    shop::{Shop, collect, deliver},
};

#[tokio::test]
async fn a_purchase_is_approved_and_its_parcel_booked() {
    let shop = Shop::open("approved").await;
    let mut body = deliver(&[(1, 2), (2, 1)]);
    body["lines"][0]["expected_price"] = json!(12.99);
    body["customer_ref"] = json!("shelf 4");
    let bought = shop.checkout(&body).await;
    let id = bought.order_id();
    assert_eq!((bought.status, bought.location), (201, Some(format!("/orders/{id}"))));
    assert_eq!((&bought.json["state"], &bought.json["stock"]), (&json!("approved"), &json!("taken")));
    assert_eq!((&bought.json["total"], &bought.json["currency"]), (&json!(115.97), &json!("USD")));
    assert_eq!(bought.json["lines"][0]["title"], "The Martian");
    assert_eq!(bought.json["lines"][1]["price"], json!(89.99));

    let order = shop.settled(&id).await;
    assert_eq!((&order["fulfillment"], &order["payment"]), (&json!("scheduled"), &json!("unpaid")));
    assert_eq!((&order["delivery_id"], &order["customer_ref"]), (&json!(format!("{id}:d1")), &json!("shelf 4")));
    assert_eq!(order["address"], body["address"]);
    assert_eq!(shop.neighbours.deliveries(), [format!("{id}:d1")]);
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.on_hand(2)), (8, 2));
    assert_eq!(shop.history(&id).await, ["place", "copies_taken", "delivery_booked"]);
    shop.close().await;
}

#[tokio::test]
async fn books_that_are_collected_need_no_parcel() {
    let shop = Shop::open("collected").await;
    let bought = shop.checkout(&collect(&[(1, 1)])).await;
    assert_eq!((bought.status, &bought.json["settled"]), (201, &json!(true)));
    assert_eq!((&bought.json["fulfillment"], &bought.json["delivery_id"]), (&json!("none"), &json!(null)));
    assert_eq!(shop.neighbours.calls("deliveries"), 0);
    shop.close().await;
}

#[tokio::test]
async fn a_refused_purchase_is_canceled_and_each_line_in_the_way_is_named() {
    let shop = Shop::open("refused").await;
    let refused = shop.checkout(&deliver(&[(1, 1), (3, 1), (2, 4), (3, 2)])).await;
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("sold_out")));
    let named: Vec<&str> =
        refused.json["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(named, ["lines[2].quantity", "lines[1].quantity", "lines[3].quantity"]);
    assert_eq!(refused.json["errors"][0]["detail"], "3 available of \"Introduction to Algorithms\"");

    let order = shop.order(&refused.order_id()).await;
    assert_eq!(
        (&order["state"], &order["stock"], &order["settled"]),
        (&json!("canceled"), &json!("none"), &json!(true))
    );
    assert_eq!(order["refused"].as_array().unwrap().len(), 2);
    assert_eq!(shop.history(&refused.order_id()).await, ["place", "copies_refused"]);
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.copies_taken()), (10, 0));
    assert_eq!(shop.neighbours.deliveries(), Vec::<String>::new());
    shop.close().await;
}

#[tokio::test]
async fn a_withdrawn_book_and_another_price_have_codes_of_their_own() {
    let shop = Shop::open("codes").await;
    let gone = shop.checkout(&collect(&[(1, 1), (77, 1), (3, 1)])).await;
    assert_eq!((gone.status, &gone.json["code"]), (409, &json!("book_gone")));
    let mut body = collect(&[(1, 1)]);
    body["lines"][0]["expected_price"] = json!(12.5);
    let dearer = shop.checkout(&body).await;
    assert_eq!((dearer.status, &dearer.json["code"]), (409, &json!("price_changed")));
    let error = &dearer.json["errors"][0];
    assert_eq!(error["field"], "lines[0].expected_price");
    assert!(error["detail"].as_str().unwrap().contains("12.99"), "{error}");
    shop.close().await;
}

#[tokio::test]
async fn lines_of_one_book_are_taken_together() {
    let shop = Shop::open("merged").await;
    shop.neighbours.put_book(5, Book { title: "Sold in pairs", price: "1.00", on_hand: 3 });
    let refused = shop.checkout(&collect(&[(5, 2), (5, 2)])).await;
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("sold_out")));
    let bought = shop.checkout(&collect(&[(5, 1), (1, 1), (5, 2)])).await;
    assert_eq!((bought.status, &bought.json["total"]), (201, &json!(15.99)));
    assert_eq!(shop.neighbours.on_hand(5), 0);
    shop.close().await;
}

#[tokio::test]
async fn the_price_that_was_paid_stays_when_the_catalog_changes() {
    let shop = Shop::open("price_stays").await;
    let bought = shop.checkout(&collect(&[(1, 1)])).await;
    shop.neighbours.put_book(1, Book { title: "The Martian, second edition", price: "20.00", on_hand: 9 });
    shop.neighbours.withdraw(2);
    let order = shop.order(&bought.order_id()).await;
    assert_eq!((&order["total"], &order["lines"][0]["title"]), (&json!(12.99), &json!("The Martian")));
    shop.close().await;
}

#[tokio::test]
async fn twenty_buyers_race_for_three_copies() {
    let shop = Shop::open("race").await;
    let body = collect(&[(2, 1)]);
    let answers = futures_util::future::join_all((0..20).map(|_| shop.checkout(&body))).await;
    let bought = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((bought, refused, shop.neighbours.on_hand(2)), (3, 17, 0));
    eventually("the books agree", async || shop.neighbours.copies_taken() == 3).await;
    shop.close().await;
}
