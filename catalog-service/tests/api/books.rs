use reqwest::Method;
use serde_json::json;

use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_book_is_shown_as_it_was_put_in() {
    let shop = Shop::open("new-book").await;
    let book = json!({"isbn": "0-14-312755-1", "title": " The Martian ", "author": "Andy Weir", "topic": "science fiction",
        "first_year": 2011, "price": 12.5, "stock": 10, "warn_limit": 3});
    let created = shop.post("/books", book).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let id = created.json["id"].as_i64().unwrap();
    assert_eq!(
        (created.header("location"), created.header("etag")),
        (Some(format!("/books/{id}").as_str()), Some("\"1\""))
    );
    let mut shown = created.json.clone();
    for time in ["created_at", "updated_at"] {
        assert!(shown.as_object_mut().unwrap().remove(time).unwrap().as_str().unwrap().ends_with('Z'));
    }
    let expected = json!({"id": id, "sku": "9780143127550", "isbn": "9780143127550", "title": "The Martian",
        "author": "Andy Weir", "topic": "science fiction", "first_year": 2011, "price": 12.50, "currency": "USD",
        "state": "AVAILABLE", "on_hand": 10, "warn_limit": 3, "version": 1});
    assert_eq!(shown, expected);
    for path in [format!("/books/{id}"), "/books/by-isbn/9780143127550".into(), "/books/by-isbn/0143127551".into()] {
        let answer = shop.get(&path).await;
        assert_eq!((answer.status, &answer.json, answer.header("etag")), (200, &created.json, Some("\"1\"")), "{path}");
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_are_looked_at_together_are_each_shown_as_by_itself() {
    let shop = Shop::open("together").await;
    let (first, gone, last) = (shop.new_book(5).await, shop.new_book(1).await, shop.new_book(0).await);
    assert_eq!(shop.delete(&format!("/books/{gone}")).await.status, 204);
    let (never, asked) = (1_000_000, format!("/books/by-id/{last},{gone},{first},1000000,{last}?request_ids=a,b"));
    for scopes in ["", "stock:read"] {
        let caller = shop.called_with(scopes);
        let together = caller.get(&asked).await;
        assert_eq!(together.status, 200, "{}", together.json);
        let results = together.json["results"].as_array().unwrap();
        assert_eq!(results.len(), 5);
        for (result, book) in results.iter().zip([last, gone, first, never, last]) {
            let alone = caller.get(&format!("/books/{book}")).await;
            let mut expected = json!({"id": book, "book": alone.json});
            if alone.status != 200 {
                let mut problem = alone.json.clone();
                problem.as_object_mut().unwrap().remove("request_id");
                expected = json!({"id": book, "problem": problem});
            }
            assert_eq!(result, &expected);
        }
        assert_eq!(results[0]["book"]["on_hand"].is_number(), scopes == "stock:read");
    }
    let many = (1..=33).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    for bad in ["x", "1,", ",", "1,,2", "1;2", many.as_str()] {
        let refused = shop.get(&format!("/books/by-id/{bad}")).await;
        assert_eq!(refused.outcome(), (400, "malformed_path"), "{bad}");
    }
    assert_eq!(shop.get(&format!("/books/by-id/{}", &many[..many.len() - 3])).await.status, 200);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_on_the_wire_has_the_decimals_of_its_currency() {
    let shop = Shop::open("decimals").await;
    let book = shop.new_book(1).await;
    let text = shop.text(&format!("/books/{book}")).await;
    assert!(text.contains("\"price\":10.00,"), "{text}");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sku_and_an_isbn_name_one_book_until_it_is_withdrawn() {
    let shop = Shop::open("unique").await;
    let book = |sku: &str, isbn: &str| json!({"sku": sku, "isbn": isbn, "title": "t", "topic": "t", "price": 1});
    let first = shop.add(book("A-1", "9780143127550")).await;
    let by_isbn = shop.post("/books", book("A-2", "9780143127550")).await;
    assert_eq!((by_isbn.outcome(), by_isbn.fields()), ((409, "isbn_taken"), vec!["isbn"]));
    let by_sku = shop.post("/books", book("A-1", "9780140449136")).await;
    assert_eq!((by_sku.outcome(), by_sku.fields()), ((409, "sku_taken"), vec!["sku"]));
    let second = shop.add(book("A-2", "9780140449136")).await;
    let path = format!("/books/{second}");
    assert_eq!(shop.patch(&path, json!({"sku": "A-1"})).await.outcome(), (409, "sku_taken"));
    assert_eq!(shop.patch(&path, json!({"isbn": "9780143127550"})).await.outcome(), (409, "isbn_taken"));
    assert_eq!(shop.patch(&path, json!({"sku": "A-2"})).await.status, 200, "its own SKU is no other book's");
    assert_eq!(shop.delete(&format!("/books/{first}")).await.status, 204);
    let third = shop.add(book("A-1", "9780143127550")).await;
    assert!(third > second, "a number is never given twice");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_books_with_one_sku_gets_in() {
    let shop = Shop::open("sku-race").await;
    let mut running = tokio::task::JoinSet::new();
    for n in 0..16 {
        let caller = shop.caller();
        let book = json!({"sku": "A-1", "title": format!("t{n}"), "topic": "t", "price": 1, "stock": 1});
        running.spawn(async move { caller.post("/books", book).await });
    }
    let answers = running.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.outcome() == (409, "sku_taken")).count(), 15);
    assert_eq!(shop.get("/books").await.titles().len(), 1);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_changes_what_it_names_and_counts_a_version() {
    let shop = Shop::open("change").await;
    let book = json!({"sku": "A-1", "title": "Old", "author": "Anna", "topic": "old", "price": 1, "stock": 4});
    let path = format!("/books/{}", shop.add(book).await);
    let before = shop.get(&path).await.json;
    let changed = shop.patch(&path, json!({"title": "New", "price": 2.25, "warn_limit": 4})).await;
    assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")));
    let mut expected = before.clone();
    for (field, value) in
        [("title", json!("New")), ("price", json!(2.25)), ("warn_limit", json!(4)), ("version", json!(2))]
    {
        expected[field] = value;
    }
    expected["state"] = json!("FEW REMAINING");
    expected["updated_at"] = changed.json["updated_at"].clone();
    assert_eq!(changed.json, expected);
    assert!(changed.json["updated_at"].as_str().unwrap() > before["updated_at"].as_str().unwrap());
    assert_eq!(shop.get(&path).await.json, expected);
    let nothing = shop.patch(&path, json!({})).await;
    assert_eq!((nothing.status, &nothing.json), (200, &expected), "nothing to change is no change");
    let null = shop.patch(&path, json!({"author": null})).await;
    assert_eq!(null.json["author"], "Anna", "null is absent");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_based_on_an_old_version_is_refused() {
    let shop = Shop::open("if-match").await;
    let book = shop.new_book(1).await;
    let path = format!("/books/{book}");
    let with = async |tag: &str, method: Method| {
        let body = (method == Method::PATCH).then(|| json!({"title": "x"}));
        shop.call(method, &path, &[("if-match", tag)], body.as_ref()).await
    };
    assert_eq!(with("\"1\"", Method::PATCH).await.status, 200);
    let stale = with("\"1\"", Method::PATCH).await;
    assert_eq!(stale.outcome(), (412, "version_mismatch"));
    assert_eq!(with("\"1\"", Method::DELETE).await.outcome(), (412, "version_mismatch"));
    assert_eq!(with("\"none-of-ours\"", Method::PATCH).await.outcome(), (412, "version_mismatch"));
    // A purchase is a change of the book too.
    shop.take(&crate::shop::taking_id(), &[crate::shop::line(book, 1)]).await;
    assert_eq!(with("\"2\"", Method::DELETE).await.outcome(), (412, "version_mismatch"));
    assert_eq!(with("*", Method::PATCH).await.status, 200);
    let nothing = shop.call(Method::PATCH, &path, &[("if-match", "\"1\"")], Some(&json!({}))).await;
    assert_eq!(nothing.outcome(), (412, "version_mismatch"));
    assert_eq!(with("\"4\"", Method::DELETE).await.status, 204);
    assert_eq!(with("\"4\"", Method::DELETE).await.outcome(), (404, "book_not_found"));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_has_the_latest_version_is_not_told_again() {
    let shop = Shop::open("if-none-match").await;
    let path = format!("/books/{}", shop.new_book(1).await);
    let known = async |tag: &str| shop.call(Method::GET, &path, &[("if-none-match", tag)], None).await;
    for tag in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let answer = known(tag).await;
        assert_eq!((answer.status, answer.header("etag")), (304, Some("\"1\"")), "{tag}");
    }
    assert_eq!(known("\"2\"").await.status, 200);
    shop.patch(&path, json!({"price": 3})).await;
    assert_eq!(known("\"1\"").await.status, 200);
    assert_eq!(known("\"2\"").await.status, 304);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_book_is_found_nowhere() {
    let shop = Shop::open("withdrawn").await;
    let book =
        json!({"isbn": "9780143127550", "title": "Gone", "author": "Nobody", "topic": "lost", "price": 1, "stock": 1});
    let id = shop.add(book).await;
    let path = format!("/books/{id}");
    assert_eq!(shop.delete(&path).await.status, 204);
    for path in [path.as_str(), "/books/by-isbn/9780143127550"] {
        assert_eq!(shop.get(path).await.outcome(), (404, "book_not_found"));
    }
    assert_eq!(shop.delete(&path).await.outcome(), (404, "book_not_found"));
    assert_eq!(shop.patch(&path, json!({"price": 2})).await.outcome(), (404, "book_not_found"));
    assert_eq!(shop.patch(&path, json!({})).await.outcome(), (404, "book_not_found"));
    let adjustment = json!({"delta": 1, "reason": "found"});
    assert_eq!(shop.post(&format!("{path}/stock-adjustments"), adjustment).await.outcome(), (404, "book_not_found"));
    for list in
        ["/books", "/books?topic=lost", "/books?q=gone", "/books?sku=9780143127550", "/books?isbn=9780143127550"]
    {
        assert!(shop.get(list).await.titles().is_empty(), "{list}");
    }
    assert_eq!(shop.get("/topics").await.json["items"], json!([]));
    assert_eq!(shop.get(&format!("{path}/ledger")).await.status, 200, "its ledger stays");
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_follows_the_stock() {
    let shop = Shop::open("state").await;
    let id = shop.add(json!({"sku": "A", "title": "t", "topic": "t", "price": 0, "stock": 3, "warn_limit": 2})).await;
    let mut states = vec![shop.book(id).await["state"].clone()];
    for _ in 0..3 {
        shop.take(&crate::shop::taking_id(), &[crate::shop::line(id, 1)]).await;
        states.push(shop.book(id).await["state"].clone());
    }
    assert_eq!(states, ["AVAILABLE", "FEW REMAINING", "FEW REMAINING", "OUT OF STOCK"]);
    shop.finish().await;
}
