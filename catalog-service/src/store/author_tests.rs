//! A shop whose books were found by author in another way finds them all after the migration.
#![expect(clippy::unwrap_used, reason = "tests")]

use service_kit::{
    db::{Db, DbError, DbOptions, Tx},
    params,
    testing::TestDatabase,
};
use shared_types::Currency;

use super::{MIGRATIONS, listing};
use crate::domain::{
    listing::{Filter, Listing, Order},
    text::key,
};

/// How many migrations there were when authors had a sorted index.
const BEFORE: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn the_books_of_an_author_are_found_after_the_migration_as_before_it() {
    let database = TestDatabase::create("authors-before").await;
    let old = Db::open(database.url(), DbOptions::default(), &MIGRATIONS[..BEFORE]).await.unwrap();
    let fill = |tx: &mut Tx<'_>| {
        for (number, author, is_withdrawn) in
            [(1, Some("Émile"), false), (2, Some("ÉMILE"), true), (3, None, false), (4, Some("émile"), false)]
        {
            let sql = "insert into book (sku, title, topic, title_key, topic_key, author, author_key, price_minor, warn_limit, \
                       on_hand, received, created_us, updated_us, deleted_us) \
                       values ($1, 't', 't', 't', 't', $2, $3, 100, 0, 0, 0, 0, 0, $4)";
            let deleted = is_withdrawn.then_some(1_i64);
            tx.execute(sql, &params![format!("S{number}"), author, author.map(key), deleted])?;
        }
        Ok(())
    };
    old.write::<_, DbError, _>(fill).await.unwrap();
    old.close().await;

    let db = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    for (order, expected) in [(Order::Id, ["S1", "S4"]), (Order::IdDown, ["S4", "S1"])] {
        let filter = Filter { author_key: Some(key("Émile")), ..Filter::default() };
        let (page, count) = db
            .read::<_, DbError, _>(move |tx| {
                let count = listing::count(tx, &filter)?;
                let listing = Listing { filter: filter.clone(), order, after: None, rows: 50, offset: None };
                Ok((listing::page(tx, &listing, Currency::USD)?.0, count))
            })
            .await
            .unwrap();
        assert_eq!(page.iter().map(|book| book.sku.as_str()).collect::<Vec<_>>(), expected);
        assert_eq!(count, 2);
    }
    db.close().await;
}
