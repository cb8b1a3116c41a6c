use serde_json::{Value, json};

use crate::shop::Shop;

/// Line, outcome and the fields that were wrong.
fn results(answer: &Value) -> Vec<(i64, &str, Vec<&str>)> {
    answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let fields = result["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
            (result["line"].as_i64().unwrap(), result["outcome"].as_str().unwrap(), fields)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_reported_by_line_and_good_ones_kept() {
    let shop = Shop::open("import").await;
    let rows = json!({"rows": [
        {"line": 2, "isbn": "9780143127550", "title": "The Martian", "author": "Andy Weir", "topic": "sf", "first_year": "2011", "price": "12.99", "stock": "10"},
        {"line": 3, "isbn": "9780143127551", "title": "t", "topic": "t", "price": 1},
        {"line": 4, "sku": "PEN", "title": "Pen", "topic": "stationery", "price": 1.5, "stock": 3, "warn_limit": 1},
        {"line": 5, "sku": "INK", "title": "", "price": "1,5", "stock": -1},
        {"line": 6, "title": "nameless", "topic": "t", "price": 1},
        {"line": 7, "isbn": "9780140449136", "sku": "PEN", "title": "The Odyssey", "topic": "poetry", "price": 9.5},
        {"line": 8, "sku": "PEN", "price": 1.75},
        {"line": 9, "sku": "TOO-EXACT", "title": "t", "topic": "t", "price": "1.999"},
    ]});
    let answer = shop.post("/imports", rows).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(
        results(&answer.json),
        [
            (2, "created", vec![]),
            (3, "rejected", vec!["isbn"]),
            (4, "created", vec![]),
            (5, "rejected", vec!["stock", "price"]),
            (6, "rejected", vec!["isbn"]),
            (7, "rejected", vec!["sku"]),
            (8, "updated", vec![]),
            (9, "rejected", vec!["price"]),
        ]
    );
    let martian = shop.get("/books/by-isbn/9780143127550").await.json;
    assert_eq!(
        (&martian["first_year"], &martian["price"], &martian["on_hand"]),
        (&json!(2011), &json!(12.99), &json!(10))
    );
    let pen = &shop.get("/books?sku=PEN").await.json["items"][0];
    assert_eq!((&pen["title"], &pen["price"], &pen["on_hand"]), (&json!("Pen"), &json!(1.75), &json!(3)));
    assert_eq!(shop.get("/books?q=odyssey").await.titles().len(), 0);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_table_again_changes_nothing_and_a_changed_one_leaves_the_stock_alone() {
    let shop = Shop::open("import-again").await;
    let row =
        json!({"line": 1, "isbn": "9780143127550", "title": "The Martian", "topic": "sf", "price": 12.99, "stock": 10});
    let import = async |row: &Value| shop.post("/imports", json!({"rows": [row]})).await.json;
    assert_eq!(results(&import(&row).await)[0].1, "created");
    let before = shop.get("/books/by-isbn/9780143127550").await.json;
    assert_eq!(results(&import(&row).await)[0].1, "unchanged");
    let mut other_stock = row.clone();
    other_stock["stock"] = json!(99);
    assert_eq!(results(&import(&other_stock).await)[0].1, "unchanged", "stock is counted, not imported");
    assert_eq!(shop.get("/books/by-isbn/9780143127550").await.json, before);
    let mut changed = other_stock;
    changed["title"] = json!("Der Marsianer");
    changed["author"] = json!("Andy Weir");
    assert_eq!(results(&import(&changed).await)[0].1, "updated");
    let after = shop.get("/books?q=marsianer%20weir").await.json["items"][0].clone();
    assert_eq!((&after["on_hand"], &after["version"], &after["topic"]), (&json!(10), &json!(2), &json!("sf")));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_one_table_has_twice_is_as_its_last_row_says_with_the_copies_of_the_first() {
    let shop = Shop::open("twice").await;
    let row = |line: usize, sku: &str, title: &str, author: &str, stock: i64| json!({"line": line, "sku": sku, "title": title, "author": author, "topic": "t", "price": 1, "stock": stock});
    let rows = [row(2, "A", "first", "Zoe", 5), row(3, "B", "beside", "Zoe", 7), row(4, "A", "second", "Anna", 9)];
    let answer = shop.post("/imports", json!({"rows": rows})).await;
    assert_eq!(
        results(&answer.json),
        [(2, "created", vec![]), (3, "created", vec![]), (4, "updated", vec![])],
        "{}",
        answer.json
    );
    for (query, titles) in [
        ("q=first", vec![]),
        ("q=second", vec!["second"]),
        ("q=beside", vec!["beside"]),
        ("author=zoe", vec!["beside"]),
        ("author=anna", vec!["second"]),
    ] {
        assert_eq!(shop.get(&format!("/books?{query}")).await.titles(), titles, "{query}");
    }
    for (book, copies) in [(1, 5), (2, 7)] {
        assert_eq!(shop.get(&format!("/books/{book}")).await.json["on_hand"], copies);
        let ledger = shop.get(&format!("/books/{book}/ledger")).await.json["items"].clone();
        assert_eq!((ledger.as_array().unwrap().len(), &ledger[0]["delta"]), (1, &json!(copies)), "{ledger}");
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_cannot_take_another_books_sku_nor_harm_its_neighbours() {
    let shop = Shop::open("import-sku").await;
    shop.add(json!({"sku": "A", "isbn": "9780143127550", "title": "a", "topic": "t", "price": 1})).await;
    shop.add(json!({"sku": "B", "title": "b", "topic": "t", "price": 1})).await;
    let rows = json!({"rows": [
        {"line": 1, "sku": "B", "price": 2},
        {"line": 2, "isbn": "9780143127550", "sku": "B", "price": 2},
        {"line": 3, "isbn": "9780143127550", "sku": "C", "price": 3},
        {"line": 4, "sku": "A", "title": "new a", "topic": "t", "price": 4},
    ]});
    let answer = shop.post("/imports", rows).await;
    let expected =
        [(1, "updated", vec![]), (2, "rejected", vec!["sku"]), (3, "updated", vec![]), (4, "created", vec![])];
    assert_eq!(results(&answer.json), expected);
    assert_eq!(shop.get("/books?sort=price").await.titles(), ["b", "a", "new a"]);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_of_the_same_table_at_once_make_each_book_once() {
    let shop = Shop::open("import-race").await;
    let rows: Vec<Value> = (1..=40)
        .map(|n| json!({"line": n, "sku": format!("S{n}"), "title": format!("T{n}"), "topic": "t", "price": 1, "stock": 2}))
        .collect();
    let mut running = tokio::task::JoinSet::new();
    for turn in 0..6 {
        let (caller, mut rows) = (shop.caller(), rows.clone());
        // Some begin at the end: they meet in the middle.
        if turn % 2 == 1 {
            rows.reverse();
        }
        running.spawn(async move { caller.post("/imports", json!({"rows": rows})).await });
    }
    let answers = running.join_all().await;
    let outcomes: Vec<_> =
        answers.iter().flat_map(|answer| results(&answer.json)).map(|(_, outcome, _)| outcome).collect();
    assert_eq!(outcomes.len(), 240);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "created").count(), 40, "{outcomes:?}");
    assert_eq!(shop.get("/books?limit=200").await.titles().len(), 40);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_books_import_whole() {
    let shop = Shop::open("demo").await;
    let table = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/demo-books.csv")).unwrap();
    let rows: Vec<Value> = table.lines().enumerate().skip(1).map(|(n, text)| demo_row(n + 1, text)).collect();
    assert_eq!(rows.len(), 1_000);
    let answer = shop.post("/imports", json!({"rows": rows})).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert!(results(&answer.json).iter().all(|(_, outcome, _)| *outcome == "created"), "{}", answer.json);
    assert_eq!(shop.get("/books/9").await.json["title"], "Introduction to Algorithms");
    assert_eq!(shop.get("/books?q=bedtime").await.titles(), ["Exactly Once, and Other Bedtime Stories"]);
    shop.finish().await;
}

/// A line of the demo table: `isbn,title,author,topic,first_year,price,stock`, with quotes as in RFC 4180.
fn demo_row(line: usize, text: &str) -> Value {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(cells.len(), 7, "{text}");
    json!({"line": line, "isbn": cells[0], "title": cells[1], "author": cells[2], "topic": cells[3],
        "first_year": cells[4], "price": cells[5], "stock": cells[6]})
}
