//! Statements and values mean the same on both engines, and a constraint has one name.

use service_kit::db::{Db, DbError, Tx, Value};
use service_kit::params;

use crate::shelf::{NOTHING, put_book, shelf};

#[tokio::test]
async fn placeholders_may_come_in_any_order_and_more_than_once() {
    let shelf = shelf("placeholders").await;
    let found = shelf.db.read(|tx| {
        tx.query_one(
            "select cast($2 as bigint) as second, cast($1 as bigint) as first, cast($2 as bigint) + 1 as more, \
             '$1' as quoted -- $3 is no parameter",
            &params![10, 20],
        )
    });
    let row = found.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    assert_eq!(row.get::<i64>("first").unwrap(), 10);
    assert_eq!(row.get::<i64>("second").unwrap(), 20);
    assert_eq!(row.get::<i64>("more").unwrap(), 21);
    assert_eq!(row.get::<String>("quoted").unwrap(), "$1");
}

#[tokio::test]
async fn every_value_comes_back_as_it_went_in() {
    let shelf = shelf("values").await;
    let numbers = [0, -1, 1, i64::MAX, i64::MIN, 9_007_199_254_740_993];
    let texts = ["", "O'Reilly", "Bücher 書籍 📚", "$1", "null", "a\nb\tc\\"];
    let blobs = [vec![], vec![0], (0..=255).collect::<Vec<u8>>()];
    for number in numbers {
        let cast = move |tx: &mut Tx<'_>| tx.query_one("select cast($1 as bigint) as v", &params![number]);
        assert_eq!(read(&shelf.db, cast).await, Value::Int(number));
    }
    for text in texts {
        let cast = move |tx: &mut Tx<'_>| tx.query_one("select cast($1 as text) as v", &params![text]);
        assert_eq!(read(&shelf.db, cast).await, Value::Text(text.to_owned()));
    }
    for blob in blobs {
        let expected = Value::Blob(blob.clone());
        shelf
            .db
            .write(move |tx| {
                tx.execute("delete from book", NOTHING)?;
                put_book(tx, 1, 1)?;
                tx.execute("update book set cover = $1", &params![blob.clone()])
            })
            .await
            .unwrap();
        assert_eq!(read(&shelf.db, |tx| tx.query_one("select cover as v from book", &[])).await, expected);
    }
    let extremes = shelf.db.write(|tx| put_book(tx, i64::MAX, i64::MAX));
    assert_eq!(extremes.await.unwrap(), 1);
}

async fn read<F>(db: &Db, find: F) -> Value
where
    F: Fn(&mut Tx<'_>) -> Result<service_kit::db::Row, DbError> + Send + Sync + 'static,
{
    db.read::<_, DbError, _>(move |tx| find(tx)?.get("v")).await.unwrap()
}

#[tokio::test]
async fn nothing_is_null_in_every_type() {
    let shelf = shelf("nulls").await;
    let row = shelf.db.write(|tx| {
        put_book(tx, 1, 1)?;
        tx.execute("update book set cover = $1", &params![None::<Vec<u8>>])?;
        tx.query_one("select cover, cast(null as bigint) as number, cast(null as text) as text from book", &[])
    });
    let row = row.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    assert_eq!(row.get::<Option<Vec<u8>>>("cover").unwrap(), None);
    assert_eq!(row.get::<Option<i64>>("number").unwrap(), None);
    assert_eq!(row.get::<Option<String>>("text").unwrap(), None);
    assert!(matches!(row.get::<i64>("number"), Err(DbError::Decode { .. })));
    assert!(matches!(row.get::<i64>("absent"), Err(DbError::Decode { .. })));
}

#[tokio::test]
async fn truth_values_are_read_as_bool() {
    let shelf = shelf("bools").await;
    let row = shelf.db.write(|tx| {
        put_book(tx, 1, 1)?;
        tx.query_one(
            "select exists (select 1 from book) as some, exists (select 1 from taking) as none, \
             case when on_hand = $1 then 1 else 0 end as counted from book",
            &params![true],
        )
    });
    let row = row.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    assert!(row.get::<bool>("some").unwrap());
    assert!(!row.get::<bool>("none").unwrap());
    assert!(row.get::<bool>("counted").unwrap());
}

#[tokio::test]
async fn a_floating_point_number_is_refused_and_the_column_named() {
    let shelf = shelf("floats").await;
    let read = shelf.db.read(|tx| tx.query("select 1.5 as price", &[]).map(drop));
    assert!(matches!(read.await, Err(DbError::Decode { column, .. }) if column == "price"));
}

#[tokio::test]
async fn rows_are_counted_returned_and_missed() {
    let shelf = shelf("rows").await;
    let write = shelf.db.write(|tx| {
        put_book(tx, 1, 1)?;
        put_book(tx, 2, 1)?;
        assert_eq!(tx.execute("update book set on_hand = 3", &[])?, 2);
        assert_eq!(tx.execute("update book set on_hand = 3 where book_id = 9", &[])?, 0);
        assert!(tx.query_opt("select 1 as one from book where book_id = 9", &[])?.is_none());
        assert!(matches!(tx.query_one("select 1 as one from book where book_id = 9", &[]), Err(DbError::NoRow)));
        let insert = "insert into taking (book_id, order_id, attempt) values ($1, $2, $3) returning taking_id";
        let first = tx.query_one(insert, &params![1, "a", 1])?.get::<i64>("taking_id")?;
        let second = tx.query_one(insert, &params![1, "a", 2])?.get::<i64>("taking_id")?;
        assert!(second > first);
        Ok::<_, DbError>(())
    });
    write.await.unwrap();
}

#[tokio::test]
async fn a_constraint_has_the_same_name_on_both_engines() {
    let shelf = shelf("constraints").await;
    shelf.db.write(|tx| put_book(tx, 1, 1)).await.unwrap();
    let taking = "insert into taking (book_id, order_id, attempt) values (1, 'a', 1)";
    shelf.db.write(move |tx| tx.execute(taking, &[])).await.unwrap();
    for (name, violation) in [
        ("book_pkey", "insert into book (book_id, title, on_hand) values (1, 'Other', 1)"),
        ("book_title_key", "insert into book (book_id, title, on_hand) values (2, 'Book 1', 1)"),
        ("taking_order_id_attempt_key", taking),
        ("book_on_hand_check", "update book set on_hand = on_hand - 2"),
        ("book_title_not_null", "update book set title = null"),
        ("foreign_key", "insert into note (note_id, book_id) values (1, 500)"),
        ("foreign_key", "insert into taking (book_id, order_id, attempt) values (500, 'b', 1)"),
    ] {
        match shelf.db.write(move |tx| tx.execute(violation, &[])).await {
            Err(DbError::Constraint(found)) => assert_eq!(found, name, "{violation}"),
            other => panic!("{violation}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_text_does_not_fit_into_a_number() {
    let shelf = shelf("strict").await;
    let write = shelf.db.write(|tx| {
        put_book(tx, 1, 1)?;
        tx.execute("update book set on_hand = $1", &params!["many"])
    });
    assert!(matches!(write.await, Err(DbError::Sql(_))));
}

#[tokio::test]
async fn a_wrong_statement_is_a_bug_and_not_worth_a_retry() {
    let shelf = shelf("wrong").await;
    let error = shelf.db.read(|tx| tx.query("select nonsense from nowhere", &[]).map(drop)).await.unwrap_err();
    assert!(matches!(error, DbError::Sql(_)) && !error.is_retryable());
}
