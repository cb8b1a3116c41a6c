use serde_json::json;

use crate::shop::Shop;

async fn library(name: &str) -> Shop {
    let shop = Shop::open(name).await;
    for (n, (title, author, topic)) in [
        ("Notes on Mars", "A. Reader", "astronomy"),
        ("Weir", "B. Reader", "mars"),
        ("Cooking", "Mars Weir", "food"),
        ("The Martian", "Andy Weir", "science fiction"),
        ("Mars", "C. Reader", "weir"),
        ("Les Misérables", "Victor Hugo", "français"),
        ("紅樓夢", "曹雪芹", "小說"),
        ("गोदान", "प्रेमचंद", "उपन्यास"),
        ("C++ (not C#) & \"AND\" OR NOT NEAR *", "O'Brien; drop table book", "a:b"),
    ]
    .into_iter()
    .enumerate()
    {
        let book = json!({"sku": format!("S{n}"), "title": title, "author": author, "topic": topic, "price": 1});
        shop.add(book).await;
    }
    shop
}

async fn found(shop: &Shop, q: &str) -> Vec<String> {
    let encoded: String = q.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let answer = shop.get(&format!("/books?q={encoded}")).await;
    answer.titles().into_iter().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_match_comes_first() {
    let shop = library("ranked").await;
    // The very title; then in the title, in the author, in the topic.
    assert_eq!(found(&shop, "MARS").await, ["Mars", "Notes on Mars", "Cooking", "Weir"]);
    // All words in one field before words in several.
    assert_eq!(found(&shop, "mars weir").await, ["Cooking", "Weir", "Mars"]);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_in_any_order_case_and_accent_and_the_last_may_be_unfinished() {
    let shop = library("words").await;
    assert_eq!(found(&shop, "andy martian").await, ["The Martian"]);
    assert_eq!(found(&shop, "weir mart").await, ["The Martian"]);
    assert!(found(&shop, "mart weir").await.is_empty(), "only the last word may be unfinished");
    assert_eq!(found(&shop, "miserables HUGO").await, ["Les Misérables"]);
    assert_eq!(found(&shop, "Français").await, ["Les Misérables"]);
    assert_eq!(found(&shop, "樓夢").await, ["紅樓夢"]);
    assert_eq!(found(&shop, "曹雪芹 小說").await, ["紅樓夢"]);
    assert_eq!(found(&shop, "गोदान").await, ["गोदान"]);
    assert!(found(&shop, "martian nobody").await.is_empty());
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_somebody_types_is_words_and_never_syntax() {
    let shop = library("syntax").await;
    for q in ["\"AND\" OR", "C++", "not near", "o'brien", "drop table book", "a:b"] {
        assert!(found(&shop, q).await.iter().any(|title| title.starts_with("C++")), "{q}");
    }
    for q in
        ["\"", "'", "*", "\\", "title:mars*", "{title} : x", "NEAR(a b)", "a' & !b", "^mars$", "'':*", "-", "()", "% _"]
    {
        found(&shop, q).await;
    }
    assert!(found(&shop, "!!!").await.is_empty());
    assert!(found(&shop, "").await.is_empty());
    assert_eq!(found(&shop, &"x ".repeat(100)).await.len(), 0);
    let long = format!("/books?q={}", "x".repeat(201));
    assert_eq!(shop.get(&long).await.outcome(), (400, "malformed_query"));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_is_found_by_what_it_is_called_now() {
    let shop = library("renamed").await;
    shop.patch("/books/4", json!({"title": "Der Marsianer"})).await;
    assert!(found(&shop, "martian").await.is_empty());
    assert_eq!(found(&shop, "marsianer andy").await, ["Der Marsianer"]);
    shop.patch("/books/4", json!({"author": "Andreas Weir", "topic": "Zukunft"})).await;
    assert!(found(&shop, "marsianer andy").await.is_empty());
    assert_eq!(found(&shop, "zukunft andreas").await, ["Der Marsianer"]);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_filtered_sorted_and_read_page_by_page() {
    let shop = Shop::open("paged-search").await;
    for n in 1..=9 {
        let title = if n % 3 == 0 { "Other" } else { "Robots" };
        let topic = if n % 3 == 0 { "robots" } else { "tales" };
        shop.add(json!({"sku": format!("S{n}"), "title": format!("{title} {n}"), "topic": topic, "price": 10 - n}))
            .await;
    }
    let ranked =
        ["Robots 1", "Robots 2", "Robots 4", "Robots 5", "Robots 7", "Robots 8", "Other 3", "Other 6", "Other 9"];
    assert_eq!(shop.get("/books?q=robots").await.titles(), ranked);
    let mut read = Vec::new();
    let mut path = "/books?q=robots&limit=2".to_owned();
    loop {
        let answer = shop.get(&path).await;
        read.extend(answer.titles().into_iter().map(str::to_owned));
        let Some(cursor) = answer.json["next_cursor"].as_str() else { break };
        path = format!("/books?q=robots&limit=2&cursor={cursor}");
    }
    assert_eq!(read, ranked);
    assert_eq!(shop.get("/books?q=robots&topic=ROBOTS&sort=price").await.titles(), ["Other 9", "Other 6", "Other 3"]);
    assert_eq!(shop.get("/books?q=robots&sort=-title&limit=1").await.titles(), ["Robots 8"]);
    assert_eq!(shop.get("/books?sort=rank").await.outcome(), (400, "malformed_query"), "a rank needs a question");
    shop.finish().await;
}
