use serde_json::json;

use crate::shop::{Answer, Shop, line, taking_id};

/// Seven books of three topics, and one whose title needs care.
async fn stocked(name: &str) -> Shop {
    let shop = Shop::open(name).await;
    for (title, author, topic, cents, stock) in [
        ("Banana", "Zoe", "Fruit", 300, 0),
        ("apple", "Zoe", "fruit", 100, 9),
        ("Cherry", "Émile", "FRUIT", 200, 1),
        ("Dates", "émile", "fruit salad", 200, 9),
        ("Éclair", "Zoe", "cake", 200, 9),
        ("100% \"pure\", it's_", "Zoe", "cake", 500, 1),
        ("apple", "Anna", "cake", 100, 9),
    ] {
        let price = format!("{}.{:02}", cents / 100, cents % 100).parse::<f64>().unwrap();
        let sku = format!("{title}-{author}");
        let book = json!({"sku": sku, "title": title, "author": author, "topic": topic, "price": price, "stock": stock, "warn_limit": 1});
        shop.add(book).await;
    }
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_lists_exactly_what_it_names() {
    let shop = stocked("filters").await;
    for (query, titles) in [
        ("topic=FRUIT", vec!["Banana", "apple", "Cherry"]),
        ("topic=fruit%20salad", vec!["Dates"]),
        ("topic=fru", vec![]),
        ("topic=", vec![]),
        ("topic=%25", vec![]),
        ("author=%C3%89MILE", vec!["Cherry", "Dates"]),
        ("author=", vec![]),
        ("author=%20", vec![]),
        ("author=zoe&topic=cake", vec!["Éclair", "100% \"pure\", it's_"]),
        ("sku=apple-Anna", vec!["apple"]),
        ("sku=APPLE-Anna", vec![]),
        ("state=OUT%20OF%20STOCK", vec!["Banana"]),
        ("state=FEW+REMAINING", vec!["Cherry", "100% \"pure\", it's_"]),
        ("state=AVAILABLE&topic=fruit", vec!["apple"]),
        ("isbn=9780143127550", vec![]),
        ("isbn=no%20isbn", vec![]),
    ] {
        assert_eq!(shop.get(&format!("/books?{query}")).await.titles(), titles, "{query}");
    }
    shop.finish().await;
}

/// Names of all kinds, none of which is another's in any case or spelling.
const NAMES: [&str; 11] =
    ["Zoe", "Zoe Z.", "Z", "A and B", "AND", "\"*\"", "100%", "' or 1=1 --", "σίσυφος", "𝔊", "\u{e000}"];

#[tokio::test(flavor = "multi_thread")]
async fn an_author_is_matched_by_all_of_his_name_and_by_the_one_that_a_book_has_now() {
    let shop = Shop::open("authors").await;
    let long = "x".repeat(250);
    let names: Vec<&str> = NAMES.into_iter().chain([long.as_str()]).collect();
    let of =
        |name: &str| format!("/books?author={}", name.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>());
    let mut ids = Vec::new();
    for (number, name) in names.iter().enumerate() {
        ids.push(
            shop.add(json!({"sku": format!("S{number}"), "title": format!("by {name}"), "author": name, "topic": "t", "price": 1}))
                .await,
        );
    }
    shop.add(json!({"sku": "nobody's", "title": "by nobody", "topic": "t", "price": 1})).await;
    for name in &names {
        assert_eq!(shop.get(&of(name)).await.titles(), [format!("by {name}")], "{name}");
        assert_eq!(shop.get(&of(&name.to_uppercase())).await.titles(), [format!("by {name}")], "{name}");
    }
    shop.patch(&format!("/books/{}", ids[0]), json!({"author": "AND"})).await;
    shop.patch(&format!("/books/{}", ids[1]), json!({"title": "renamed"})).await;
    shop.delete(&format!("/books/{}", ids[2])).await;
    for (name, titles) in
        [("Zoe", vec![]), ("and", vec!["by Zoe", "by AND"]), ("Zoe Z.", vec!["renamed"]), ("Z", vec![])]
    {
        assert_eq!(shop.get(&of(name)).await.titles(), titles, "{name}");
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_sorted_as_asked_and_equal_ones_by_number() {
    let shop = stocked("sorted").await;
    let ids = |answer: &Answer| -> Vec<i64> {
        answer.json["items"].as_array().unwrap().iter().map(|book| book["id"].as_i64().unwrap()).collect()
    };
    for (sort, expected) in [
        ("id", vec![1, 2, 3, 4, 5, 6, 7]),
        ("-id", vec![7, 6, 5, 4, 3, 2, 1]),
        ("title", vec![6, 2, 7, 1, 3, 4, 5]),
        ("-title", vec![5, 4, 3, 1, 7, 2, 6]),
        ("price", vec![2, 7, 3, 4, 5, 1, 6]),
        ("-price", vec![6, 1, 5, 4, 3, 7, 2]),
        ("id&author=zoe", vec![1, 2, 5, 6]),
        ("-id&author=zoe", vec![6, 5, 2, 1]),
        ("title&author=zoe", vec![6, 2, 1, 5]),
        ("-title&author=zoe", vec![5, 1, 2, 6]),
        ("price&author=zoe", vec![2, 5, 1, 6]),
        ("-price&author=zoe", vec![6, 1, 5, 2]),
    ] {
        assert_eq!(ids(&shop.get(&format!("/books?sort={sort}")).await), expected, "{sort}");
        // The same, read one by one.
        let mut path = Some(format!("/books?sort={sort}&limit=1"));
        let mut read = Vec::new();
        while let Some(next) = path {
            let answer = shop.get(&next).await;
            read.extend(ids(&answer));
            let cursor = answer.json["next_cursor"].as_str();
            path = answer.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
            let expected = cursor.map(|cursor| format!("/books?sort={sort}&limit=1&cursor={cursor}"));
            assert_eq!(path, expected, "the link says what the body says");
        }
        assert_eq!(read, expected, "{sort} page by page");
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_on_misses_and_repeats_nothing_while_books_come_go_and_are_sold() {
    let shop = Shop::open("keyset").await;
    for _ in 0..10 {
        shop.new_book(5).await;
    }
    let first = shop.get("/books?limit=4").await;
    assert_eq!(first.titles(), ["Book 1", "Book 2", "Book 3", "Book 4"]);
    shop.delete("/books/2").await;
    shop.delete("/books/4").await;
    shop.delete("/books/6").await;
    shop.take(&taking_id(), &[line(5, 5)]).await;
    shop.new_book(1).await;
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = shop.get(&format!("/books?limit=4&cursor={cursor}")).await;
    assert_eq!(second.titles(), ["Book 5", "Book 7", "Book 8", "Book 9"]);
    let cursor = second.json["next_cursor"].as_str().unwrap();
    let third = shop.get(&format!("/books?limit=4&cursor={cursor}")).await;
    assert_eq!(third.titles(), ["Book 10", "Book 11"]);
    assert!(third.json.get("next_cursor").is_none() && third.header("link").is_none());
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_the_rows_that_were_asked_for() {
    let shop = Shop::open("limits").await;
    let rows: Vec<_> = (1..=210)
        .map(|n| json!({"line": n, "sku": format!("S{n}"), "title": format!("T{n}"), "topic": format!("topic {n:03}"), "price": 1}))
        .collect();
    assert_eq!(shop.post("/imports", json!({"rows": rows})).await.status, 200);
    assert_eq!(shop.get("/books").await.titles().len(), 50);
    assert_eq!(shop.get("/books?limit=200").await.titles().len(), 200);
    for limit in ["0", "201", "-1", "x", "1.5", "99999999999999999999"] {
        assert_eq!(shop.get(&format!("/books?limit={limit}")).await.outcome(), (400, "malformed_query"), "{limit}");
    }
    let topics = shop.get("/topics?limit=200").await;
    assert_eq!(topics.json["items"].as_array().unwrap().len(), 200);
    let rest = shop.get(&format!("/topics?limit=200&cursor={}", topics.json["next_cursor"].as_str().unwrap())).await;
    assert_eq!(rest.json["items"][0], json!({"topic": "topic 201", "books": 1}));
    assert_eq!(rest.json["items"].as_array().unwrap().len(), 10);
    assert!(rest.json.get("next_cursor").is_none());
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_one_in_every_case_and_counted() {
    let shop = stocked("topics").await;
    let expected = json!([
        {"topic": "cake", "books": 3}, {"topic": "FRUIT", "books": 3}, {"topic": "fruit salad", "books": 1},
    ]);
    assert_eq!(shop.get("/topics").await.json["items"], expected);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_list_is_refused() {
    let shop = stocked("cursors").await;
    let cursor = shop.get("/books?limit=1&sort=price").await.json["next_cursor"].as_str().unwrap().to_owned();
    for path in [
        format!("/books?sort=title&cursor={cursor}"),
        format!("/books?cursor={cursor}"),
        format!("/topics?cursor={cursor}"),
        format!("/books/1/ledger?cursor={cursor}"),
        "/books?cursor=5b5d".into(),
        "/books?cursor=nothing".into(),
    ] {
        assert_eq!(shop.get(&path).await.outcome(), (400, "malformed_query"), "{path}");
    }
    shop.finish().await;
}
