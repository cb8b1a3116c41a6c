use serde_json::json;

use crate::shop::{Shop, line, taking_id};

#[tokio::test(flavor = "multi_thread")]
async fn a_taking_takes_every_line_and_answers_what_was_in_force() {
    let shop = Shop::open("take").await;
    let martian = json!({"isbn": "0143127551", "title": "The Martian", "topic": "sf", "price": 12.99, "stock": 3});
    let (martian, pen) = (shop.add(martian).await, shop.new_book(5).await);
    let id = taking_id();
    let answer = shop.take(&id, &[line(pen, 2), line(martian, 1)]).await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    let expected = json!({"taking_id": id, "state": "taken", "refused": [], "lines": [
        {"book_id": martian, "quantity": 1, "title": "The Martian", "isbn": "9780143127550", "price": 12.99, "currency": "USD"},
        {"book_id": pen, "quantity": 2, "title": "Book 1", "price": 10.00, "currency": "USD"},
    ]});
    assert_eq!(answer.json, expected);
    assert_eq!((shop.on_hand(martian).await, shop.on_hand(pen).await), (2, 3));
    assert_eq!(shop.get(&format!("/takings/{id}")).await.json, expected);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_short_line_refuses_the_whole_taking_and_changes_no_book() {
    let shop = Shop::open("all-or-nothing").await;
    let (first, short, last) = (shop.new_book(5).await, shop.new_book(1).await, shop.new_book(5).await);
    let before = [shop.book(first).await, shop.book(short).await, shop.book(last).await];
    let answer = shop.take(&taking_id(), &[line(last, 1), line(short, 2), line(first, 5)]).await;
    assert_eq!((answer.status, &answer.json["state"], &answer.json["lines"]), (409, &json!("refused"), &json!([])));
    let refused = json!([{"book_id": short, "reason": "sold_out", "available": 1, "title": "Book 2"}]);
    assert_eq!(answer.json["refused"], refused);
    let after = [shop.book(first).await, shop.book(short).await, shop.book(last).await];
    assert_eq!(before, after, "versions included");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_that_stands_in_the_way_is_named_with_its_reason() {
    let shop = Shop::open("reasons").await;
    let (sold_out, dearer, withdrawn, fine) =
        (shop.new_book(0).await, shop.new_book(9).await, shop.new_book(9).await, shop.new_book(9).await);
    assert_eq!(shop.delete(&format!("/books/{withdrawn}")).await.status, 204);
    let shown =
        |price: &str| json!({"book_id": dearer, "quantity": 1, "expected_price": price.parse::<f64>().unwrap()});
    let unknown = 4711;
    let lines = [line(unknown, 1), line(fine, 1), shown("9.99"), line(withdrawn, 1), line(sold_out, 1)];
    let in_the_way = json!([
        {"book_id": sold_out, "reason": "sold_out", "available": 0, "title": "Book 1"},
        {"book_id": dearer, "reason": "price_changed", "price": 10.00, "title": "Book 2"},
        {"book_id": withdrawn, "reason": "gone", "title": "Book 3"},
        {"book_id": unknown, "reason": "gone"},
    ]);
    let seen = shop.post("/takings/check", json!({"lines": lines})).await;
    assert_eq!((seen.status, &seen.json["refused"]), (200, &in_the_way));
    let answer = shop.take(&taking_id(), &lines).await;
    assert_eq!((answer.status, &answer.json["refused"]), (409, &in_the_way));
    assert_eq!(shop.on_hand(fine).await, 9);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_what_could_be_taken_takes_nothing() {
    let shop = Shop::open("check").await;
    let book = shop.new_book(2).await;
    let before = shop.book(book).await;
    for (copies, available) in
        [(2, json!([])), (3, json!([{"book_id": book, "reason": "sold_out", "available": 2, "title": "Book 1"}]))]
    {
        // Lines of one book are one line here, too.
        let lines = json!({"lines": [line(book, copies - 1), line(book, 1)]});
        let seen = shop.post("/takings/check", lines).await;
        assert_eq!((seen.status, &seen.json["refused"]), (200, &available));
    }
    assert_eq!(shop.book(book).await, before, "its version included");
    let wrong = shop.post("/takings/check", json!({"lines": []})).await;
    assert_eq!((wrong.status, wrong.fields()), (422, vec!["lines"]));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_that_come_together_are_taken_each_for_itself() {
    let shop = Shop::open("checks").await;
    let book = shop.new_book(2).await;
    let look = |lines: serde_json::Value| json!({"order_id": uuid::Uuid::now_v7(), "lines": lines});
    let checks = [json!([line(book, 2)]), json!([]), json!([line(book, 3)])].map(look);
    let answer = shop.post("/takings/checks", json!({"checks": checks})).await;
    let results = answer.json["results"].as_array().unwrap();
    let order_ids = |of: &[serde_json::Value]| of.iter().map(|one| one["order_id"].clone()).collect::<Vec<_>>();
    assert_eq!((answer.status, order_ids(results)), (200, order_ids(&checks)));
    assert_eq!(results[0]["check"]["refused"], json!([]));
    assert_eq!(results[1]["problem"]["code"], "invalid");
    assert_eq!(results[2]["check"]["refused"][0]["available"], 2);
    let many: Vec<_> = (0..33).map(|_| look(json!([line(book, 1)]))).collect();
    let refused = shop.post("/takings/checks", json!({"checks": many})).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["checks"]));
    assert_eq!(shop.on_hand(book).await, 2);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_the_same_book_are_one_line() {
    let shop = Shop::open("merged").await;
    let book = shop.new_book(5).await;
    let both = shop.take(&taking_id(), &[line(book, 3), line(book, 3)]).await;
    assert_eq!((both.status, &both.json["refused"][0]["available"]), (409, &json!(5)));
    assert_eq!(both.json["refused"].as_array().unwrap().len(), 1);
    let id = taking_id();
    let both = shop.take(&id, &[line(book, 3), line(book, 2)]).await;
    assert_eq!((both.status, &both.json["lines"][0]["quantity"]), (201, &json!(5)));
    // The same copies, written in another way, are the same taking.
    assert_eq!(shop.take(&id, &[line(book, 5)]).await.json, both.json);
    assert_eq!(shop.on_hand(book).await, 0);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_take_answers_as_the_first_one_did() {
    let shop = Shop::open("repeated").await;
    let book = shop.new_book(2).await;
    let (taken, refused) = (taking_id(), taking_id());
    let first = shop.take(&taken, &[line(book, 2)]).await;
    assert_eq!(first.status, 201);
    // Title and price of a repeated answer are those of the first.
    shop.patch(&format!("/books/{book}"), json!({"title": "Renamed", "price": 99})).await;
    let again = shop.take(&taken, &[line(book, 2)]).await;
    assert_eq!((again.status, &again.json), (200, &first.json));
    assert_eq!(shop.on_hand(book).await, 0);

    let first = shop.take(&refused, &[line(book, 1)]).await;
    assert_eq!(first.status, 409);
    shop.give_back(&taken).await;
    let again = shop.take(&refused, &[line(book, 1)]).await;
    assert_eq!((again.status, &again.json), (409, &first.json), "a refusal is final for its id");
    assert_eq!(shop.on_hand(book).await, 2);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_with_other_lines_is_refused() {
    let shop = Shop::open("other-lines").await;
    let (book, other) = (shop.new_book(9).await, shop.new_book(9).await);
    let (taken, refused) = (taking_id(), taking_id());
    assert_eq!(shop.take(&taken, &[line(book, 1)]).await.status, 201);
    assert_eq!(shop.take(&refused, &[line(book, 99)]).await.status, 409);
    let shown = json!({"book_id": book, "quantity": 1, "expected_price": 10});
    for id in [&taken, &refused] {
        for lines in
            [vec![line(book, 2)], vec![line(other, 1)], vec![line(book, 1), line(other, 1)], vec![shown.clone()]]
        {
            assert_eq!(shop.take(id, &lines).await.outcome(), (422, "id_reused"));
        }
    }
    assert_eq!((shop.on_hand(book).await, shop.on_hand(other).await), (8, 9));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_taken_at_the_price_that_the_buyer_was_shown_or_not_at_all() {
    let shop = Shop::open("shown-price").await;
    let book = shop.new_book(9).await;
    let shown = |price: f64| json!({"book_id": book, "quantity": 1, "expected_price": price});
    assert_eq!(shop.take(&taking_id(), &[shown(10.0)]).await.status, 201);
    assert_eq!(shop.patch(&format!("/books/{book}"), json!({"price": 10.5})).await.status, 200);
    let refused = shop.take(&taking_id(), &[shown(10.0)]).await;
    assert_eq!((refused.status, &refused.json["refused"][0]["price"]), (409, &json!(10.50)));
    assert_eq!(shop.take(&taking_id(), &[shown(10.5)]).await.json["lines"][0]["price"], json!(10.50));
    // Two lines that were shown different prices cannot both be right.
    let refused = shop.take(&taking_id(), &[shown(10.5), shown(10.0)]).await;
    assert_eq!(refused.json["refused"][0]["reason"], "price_changed");
    // A line of a reviewed order names no price and takes any.
    assert_eq!(shop.take(&taking_id(), &[line(book, 1)]).await.status, 201);
    assert_eq!(shop.on_hand(book).await, 6);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_valid_is_not_remembered() {
    let shop = Shop::open("not-remembered").await;
    let book = shop.new_book(9).await;
    let id = taking_id();
    let many: Vec<_> = (0..101).map(|_| line(book, 1)).collect();
    for (lines, field) in [
        (vec![], "lines"),
        (many, "lines"),
        (vec![line(book, 1), line(book, 0)], "lines[1].quantity"),
        (vec![line(book, -1)], "lines[0].quantity"),
        (vec![line(book, 1_000_001)], "lines[0].quantity"),
        (vec![line(0, 1)], "lines[0].book_id"),
        (vec![json!({"book_id": book, "quantity": 1, "expected_price": 9.999})], "lines[0].expected_price"),
        (vec![json!({"book_id": book, "quantity": 1, "expected_price": -1})], "lines[0].expected_price"),
    ] {
        let answer = shop.take(&id, &lines).await;
        assert_eq!((answer.outcome(), answer.fields()), ((422, "invalid"), vec![field]));
    }
    assert_eq!(shop.get(&format!("/takings/{id}")).await.outcome(), (404, "taking_not_found"));
    assert_eq!(shop.take(&id, &[line(book, 1)]).await.status, 201);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_lines_are_taken_and_one_that_is_short_among_them_refuses_all() {
    let shop = Shop::open("hundred").await;
    let mut books = Vec::new();
    for _ in 0..100 {
        books.push(shop.new_book(2).await);
    }
    let mut lines: Vec<_> = books.iter().rev().map(|book| line(*book, 1)).collect();
    let taken = shop.take(&taking_id(), &lines).await;
    assert_eq!((taken.status, taken.json["lines"].as_array().unwrap().len()), (201, 100));
    lines[37]["quantity"] = json!(2);
    let refused = shop.take(&taking_id(), &lines).await;
    assert_eq!((refused.status, refused.json["refused"].as_array().unwrap().len()), (409, 1));
    for book in books {
        assert_eq!(shop.on_hand(book).await, 1);
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_takings_in_one_request_are_each_decided_for_itself() {
    let shop = Shop::open("several").await;
    let (book, last) = (shop.new_book(5).await, shop.new_book(1).await);
    let known = taking_id();
    assert_eq!(shop.take(&known, &[line(book, 1)]).await.status, 201);
    let ids: Vec<String> = std::iter::repeat_with(taking_id).take(4).collect();
    let takings = json!([
        {"taking_id": ids[0], "lines": [line(book, 2)]},
        {"taking_id": ids[1], "lines": [line(last, 2)]},
        {"taking_id": ids[2], "lines": []},
        {"taking_id": known, "lines": [line(book, 1)], "request_id": "a-request"},
        {"taking_id": known, "lines": [line(book, 2)]},
        {"taking_id": ids[3], "lines": [line(last, 1), line(book, 1)]},
    ]);
    let answer = shop.post("/takings", json!({"takings": takings})).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let results = answer.json["results"].as_array().unwrap();
    let seen: Vec<_> = results.iter().map(|one| (&one["taking"]["state"], &one["problem"]["code"])).collect();
    let expected = json!([
        ["taken", null],
        ["refused", null],
        [null, "invalid"],
        ["taken", null],
        [null, "id_reused"],
        ["taken", null],
    ]);
    assert_eq!(json!(seen), expected, "{}", answer.json);
    for (one, id) in results.iter().zip([&ids[0], &ids[1], &ids[2], &known, &known, &ids[3]]) {
        assert_eq!(one["taking_id"], **id);
    }
    // Each is the taking that a call of its own would have made, and a repetition finds it.
    assert_eq!(results[0]["taking"], shop.get(&format!("/takings/{}", ids[0])).await.json);
    assert_eq!(shop.take(&ids[3], &[line(last, 1), line(book, 1)]).await.status, 200);
    assert_eq!((shop.on_hand(book).await, shop.on_hand(last).await), (1, 0));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_takings_in_one_request_none_is_decided() {
    let shop = Shop::open("too-many").await;
    let book = shop.new_book(100).await;
    let taking = || json!({"taking_id": taking_id(), "lines": [line(book, 1)]});
    let takings: Vec<_> = std::iter::repeat_with(taking).take(33).collect();
    let answer = shop.post("/takings", json!({"takings": takings})).await;
    assert_eq!((answer.status, &answer.json["errors"][0]["field"]), (422, &json!("takings")), "{}", answer.json);
    assert_eq!(shop.on_hand(book).await, 100);
    shop.finish().await;
}
