//! Every list walks an index, on both engines. The planner is asked, over two thousand books, so an index that is dropped
//! or no longer fits fails here and not in a shop with a million.
#![expect(clippy::unwrap_used, reason = "tests")]

use service_kit::{
    Clock,
    db::{Db, DbError, DbOptions, Engine, Tx, Value},
    params,
    testing::TestDatabase,
};
use shared_types::{Currency, books::CreateBookRequest};

use super::{MIGRATIONS, books, listing, ranking};
use crate::domain::{
    book::NewBook,
    listing::{Filter, Key, Listing, Order, Position, Search},
};

/// A database with two thousand books, each of its own topic, author, title and price.
async fn stocked(name: &str) -> (TestDatabase, Db) {
    let database = TestDatabase::create(name).await;
    let db = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    let fill = |tx: &mut Tx<'_>| {
        for n in 1..=2_000 {
            books::create(tx, &book(n), "test", Currency::USD, Clock::system().now()).unwrap();
        }
        // Postgres does so by itself; SQLite in the shop never does.
        if tx.engine() == Engine::Postgres {
            tx.execute("analyze", &[])?;
        }
        Ok(())
    };
    db.write::<_, DbError, _>(fill).await.unwrap();
    (database, db)
}

fn book(n: i64) -> NewBook {
    let request = CreateBookRequest {
        sku: Some(format!("S{n}")),
        isbn: None,
        title: format!("Title {n}"),
        author: Some(format!("Author {n}")),
        topic: format!("topic {n}"),
        first_year: None,
        price: n.to_string().parse().unwrap(),
        stock: 1,
        warn_limit: 0,
    };
    NewBook::parse(request, Currency::USD).unwrap()
}

/// The plan of a statement, which reads no table from end to end and sorts nothing by hand.
async fn plan(db: &Db, sql: &str, params: Vec<Value>) -> String {
    let (explain, column) = match db.engine() {
        Engine::Sqlite => ("explain query plan", "detail"),
        Engine::Postgres => ("explain", "QUERY PLAN"),
    };
    let statement = format!("{explain} {sql}");
    let lines = move |tx: &mut Tx<'_>| {
        if tx.engine() == Engine::Postgres {
            // Two thousand rows are few to Postgres; it shall read them all only where it knows no other way.
            tx.execute("set local enable_seqscan = off", &[])?;
        }
        tx.query(&statement, &params)?.iter().map(|row| row.get(column)).collect::<Result<Vec<String>, _>>()
    };
    let lines = db.read::<_, DbError, _>(lines).await.unwrap();
    let whole =
        |line: &String| line.contains("Seq Scan") || line.trim() == "SCAN book" && !sql.contains("order by book_id");
    assert!(!lines.iter().any(whole), "{sql}\n{}", lines.join("\n"));
    lines.join("\n")
}

fn page(order: Order, filter: Filter, after: Option<Key>) -> Listing {
    Listing { filter, order, after: after.map(|key| Position { key, book_id: 1_000 }), rows: 50, offset: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sorted_list_walks_the_index_of_its_order() {
    let (_database, db) = stocked("sorted-plans").await;
    for order in Order::ALL.into_iter().filter(|order| *order != Order::Rank) {
        let (index, key) = match order {
            Order::Title | Order::TitleDown => ("book_title", Key::Text("title 5".into())),
            Order::Price | Order::PriceDown => ("book_price", Key::Number(100_000)),
            Order::Rank | Order::Id | Order::IdDown => ("book_pkey", Key::Number(1_000)),
        };
        for after in [None, Some(key)] {
            let (sql, params) = listing::select(db.engine(), &page(order, Filter::default(), after));
            let plan = plan(&db, &sql, params).await;
            // SQLite's table is the index of its numbers.
            let by_number = index == "book_pkey" && db.engine() == Engine::Sqlite;
            assert!(by_number || plan.contains(index), "{order:?}\n{plan}");
            assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{order:?} is sorted by hand\n{plan}");
        }
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_walks_its_index() {
    let (_database, db) = stocked("filter-plans").await;
    for (index, filter) in [
        ("book_topic", Filter { topic_key: Some("topic 7".into()), ..Filter::default() }),
        ("book_author", Filter { author_key: Some("author 7".into()), ..Filter::default() }),
        ("book_isbn_key", Filter { isbn: Some("9780143127550".into()), ..Filter::default() }),
        ("book_sku_key", Filter { sku: Some("S7".into()), ..Filter::default() }),
    ] {
        let (sql, params) = listing::select(db.engine(), &page(Order::Id, filter, None));
        let plan = plan(&db, &sql, params).await;
        // SQLite has a full-text index of authors.
        let full_text = index == "book_author" && db.engine() == Engine::Sqlite;
        let index = if full_text { "SCAN book_author VIRTUAL TABLE INDEX" } else { index };
        assert!(plan.contains(index), "{index}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{index} is sorted by hand\n{plan}");
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_walks_the_full_text_index_and_finds_its_books_by_number() {
    let (_database, db) = stocked("search-plans").await;
    let search = Some(Search { words: vec!["author".into(), "77".into()], title_key: "author 77".into() });
    let filter = Filter { search, ..Filter::default() };
    let (sql, params) = listing::select(db.engine(), &page(Order::Rank, filter, Some(Key::Number(1))));
    let plan = plan(&db, &sql, params).await;
    let (full_text, by_number) = match db.engine() {
        Engine::Sqlite => ("VIRTUAL TABLE INDEX", "INTEGER PRIMARY KEY"),
        Engine::Postgres => ("book_search_document", "book_pkey"),
    };
    assert!(plan.contains(full_text) && plan.contains(by_number), "{plan}");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_matches_of_a_rank_are_read_in_the_order_of_the_full_text_index() {
    let (_database, db) = stocked("ranking-plans").await;
    if db.engine() == Engine::Sqlite {
        let search = Search { words: vec!["author".into(), "77".into()], title_key: "author 77".into() };
        for rank in 0..=4 {
            let (sql, params) = ranking::select(&search, &Filter::default(), rank, 0, 50);
            let plan = plan(&db, &sql, params).await;
            let index = if rank == 0 { "book_title" } else { "VIRTUAL TABLE INDEX" };
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{rank}\n{plan}");
        }
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_walk_the_index_of_topics() {
    let (_database, db) = stocked("topic-plans").await;
    let plan = plan(&db, listing::TOPICS, params!["topic 5", 50].to_vec()).await;
    assert!(plan.contains("book_topic"), "{plan}");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_books_ledger_walks_the_index_of_its_book() {
    let (_database, db) = stocked("ledger-plans").await;
    let plan = plan(&db, super::ledger::PAGE, params![7, i64::MAX, 50].to_vec()).await;
    assert!(plan.contains("stock_ledger_book"), "{plan}");
    db.close().await;
}
