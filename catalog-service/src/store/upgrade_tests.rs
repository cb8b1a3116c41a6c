//! Databases from before a migration: nothing is lost in it, and everything is found after it as before.
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

/// The database as it was before that migration.
async fn before(database: &TestDatabase, migration: &str) -> Db {
    let known = MIGRATIONS.iter().position(|known| format!("{known:?}").contains(migration)).unwrap();
    Db::open(database.url(), DbOptions::default(), &MIGRATIONS[..known]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_of_an_author_are_found_after_the_migration_as_before_it() {
    let database = TestDatabase::create("authors-before").await;
    let old = before(&database, "V6__book_author").await;
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

/// All that is known of takings and their lines, and with `entries` which entry of the ledger a line names.
async fn takings(db: &Db, with_entries: bool) -> Vec<String> {
    let entry = if with_entries { "coalesce(l.ledger_entry, -1)" } else { "0" };
    let read = move |tx: &mut Tx<'_>| {
        let sql = format!(
            "select t.taking_id || ' ' || t.state || ' ' || coalesce(t.asked, '-') || ' ' || coalesce(t.refused, '-') || ' ' || \
                    t.decided_us || ' ' || coalesce(t.given_back_us, -1) || ' ' || coalesce(l.book_id, -1) || ' ' || \
                    coalesce(l.quantity, -1) || ' ' || coalesce(l.title, '-') || ' ' || coalesce(l.isbn, '-') || ' ' || \
                    coalesce(l.price_minor, -1) || ' ' || {entry} as it \
               from taking t left join taking_line l on l.taking_id = t.taking_id order by t.taking_id, l.book_id"
        );
        tx.query(&sql, &[])?.iter().map(|row| row.get("it")).collect()
    };
    db.read::<Vec<String>, DbError, _>(read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn takings_from_before_are_all_there_and_their_lines_name_their_entries() {
    let database = TestDatabase::create("takings-before").await;
    let old = before(&database, "V7__taking_line_entry").await;
    let fill = |tx: &mut Tx<'_>| {
        for number in 1..=3 {
            let sql = "insert into book (sku, title, topic, title_key, topic_key, price_minor, warn_limit, on_hand, received, \
                       created_us, updated_us) values ($1, 't', 't', 't', 't', 100, 0, 0, 0, 0, 0)";
            tx.execute(sql, &params![format!("S{number}")])?;
        }
        for statement in [
            "insert into taking (taking_id, state, asked, refused, decided_us, given_back_us) values \
             ('b:1', 'taken', '1:2,2:1', null, 7, null), ('a:1', 'given_back', '3:1', null, 5, 6), \
             ('c:1', 'refused', '1:9', '[]', 8, null), ('d:1', 'given_back', null, null, 9, 9), ('e:1', 'taken', '3:1', null, 9, null)",
            "insert into taking_line (taking_id, book_id, quantity, title, isbn, price_minor) values \
             ('b:1', 2, 1, 'two', null, 200), ('b:1', 1, 2, 'one', '9780140449136', 100), ('a:1', 3, 1, 'three', null, 300), \
             ('e:1', 3, 1, 'three', null, 300)",
            // The ledger has forgotten the last one.
            "insert into stock_ledger (book_id, kind, delta, reason, actor, taking_id, at_us) values \
             (1, 'received', 9, 'r', 'a', null, 1), (3, 'taken', -1, 'r', 'a', 'a:1', 5), (3, 'given_back', 1, 'r', 'a', 'a:1', 6), \
             (1, 'taken', -2, 'r', 'a', 'b:1', 7), (2, 'taken', -1, 'r', 'a', 'b:1', 7)",
        ] {
            tx.execute(statement, &[])?;
        }
        Ok(())
    };
    old.write::<_, DbError, _>(fill).await.unwrap();
    let kept = takings(&old, false).await;
    assert_eq!(kept.len(), 6);
    old.close().await;

    let new = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    assert_eq!(takings(&new, false).await, kept);
    let entries: Vec<String> =
        takings(&new, true).await.iter().map(|it| it.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(entries, ["2", "4", "5", "-1", "-1", "-1"]);
    for statement in [
        "insert into taking (taking_id, state, asked, decided_us) values ('b:1', 'taken', '1:1', 1)",
        "insert into taking (taking_id, state, decided_us) values ('f:1', 'taken', 1)",
        "insert into taking (taking_id, state, asked, decided_us) values ('f:1', 'lost', '1:1', 1)",
        "insert into taking_line (taking_id, book_id, quantity, title, price_minor) values ('b:1', 1, 1, 't', 1)",
        "insert into taking_line (taking_id, book_id, quantity, title, price_minor) values ('b:1', 3, 0, 't', 1)",
        "insert into taking_line (taking_id, book_id, quantity, title, price_minor) values ('f:1', 3, 1, 't', 1)",
        "insert into taking_line (taking_id, book_id, quantity, title, price_minor) values ('b:1', 99, 1, 't', 1)",
    ] {
        let refused: Result<u64, DbError> = new.write(move |tx| tx.execute(statement, &[])).await;
        assert!(matches!(refused, Err(DbError::Constraint(_))), "{statement}: {refused:?}");
    }
    new.close().await;
}
