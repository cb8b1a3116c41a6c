use order_service::store::MIGRATIONS;
use service_kit::{
    db::{Db, DbError, DbOptions, Tx},
    params,
    testing::TestDatabase,
};

/// The database as it was before that migration.
async fn before(database: &TestDatabase, migration: &str) -> Db {
    let is_it = |known: &service_kit::db::Migration| format!("{known:?}").contains(migration);
    let known = MIGRATIONS.iter().position(is_it).unwrap();
    Db::open(database.url(), DbOptions::default(), &MIGRATIONS[..known]).await.unwrap()
}

fn put_order(tx: &mut Tx<'_>, order_id: &str) -> Result<(), DbError> {
    tx.execute(
        "insert into orders (order_id, version, state, stock, payment, fulfillment, payment_method, currency, \
                             taking_n, delivery_n, delivery_version, created_at_us, updated_at_us) \
         values ($1, 1, 'approved', 'taken', 'unpaid', 'none', 'on_delivery', 'USD', 1, 0, 0, 1, 1)",
        &params![order_id],
    )
    .map(drop)
}

/// The keys of one request, each with all that is known of it.
async fn rows(db: &Db) -> Vec<String> {
    let read: Result<_, DbError> = db
        .read(|tx| {
            let keys = "select principal || route || key || order_id || coalesce(answer, '-') || created_at_us as all_of_it \
                          from idempotency_key where fingerprint = $1 order by key";
            tx.query(keys, &params![vec![7_u8; 32]])?.iter().map(|row| row.get("all_of_it")).collect()
        })
        .await;
    read.unwrap()
}

#[tokio::test]
async fn keys_from_before_are_all_there_and_a_key_without_order_and_answer_is_none() {
    const KEYS: i64 = 3;
    let database = TestDatabase::create("old_keys").await;
    let old = before(&database, "V22__idempotency_key_refused").await;
    let written: Result<(), DbError> = old
        .write(|tx| {
            put_order(tx, "o")?;
            for n in 1..=KEYS {
                let answer = (n > 1).then(|| "\"kept\"".to_owned());
                tx.execute(
                    "insert into idempotency_key (principal, route, key, fingerprint, order_id, answer, created_at_us) \
                     values ('guest:g', 'checkout', $1, $2, 'o', $3, $4)",
                    &params![format!("k{n}"), vec![7_u8; 32], answer, n],
                )?;
            }
            Ok(())
        })
        .await;
    written.unwrap();
    let kept = rows(&old).await;
    assert_eq!(kept.len(), 3);
    old.close().await;

    let new = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    assert_eq!(rows(&new).await, kept);
    let neither: Result<u64, DbError> =
        new.write(|tx| tx.execute("update idempotency_key set order_id = null where answer is null", &[])).await;
    assert!(neither.unwrap_err().is_constraint("idempotency_key_order_check"));
}

/// All that is known of lines and moves, as the service reads them: those of each order, in order.
async fn lines_and_moves(db: &Db) -> Vec<String> {
    let read: Result<_, DbError> = db
        .read(|tx| {
            let mut all = Vec::new();
            for order_id in ["p", "o"] {
                let lines = "select line || ' ' || book_id || ' ' || quantity || ' ' || coalesce(expected_minor, -1) || ' ' || \
                                    coalesce(title, '-') || ' ' || coalesce(isbn, '-') || ' ' || coalesce(price_minor, -1) as it \
                               from order_line where order_id = $1 order by line";
                let moves = "select version || command || state || stock || payment || fulfillment || actor || \
                                    coalesce(reason, '-') || at_us as it \
                               from order_history where order_id = $1 order by version";
                for sql in [lines, moves] {
                    for row in tx.query(sql, &params![order_id])? {
                        all.push(row.get("it")?);
                    }
                }
            }
            Ok(all)
        })
        .await;
    read.unwrap()
}

#[tokio::test]
async fn lines_and_moves_from_before_are_all_there_and_are_held_to_what_they_were_held_to() {
    let line = "insert into order_line (order_id, line, book_id, quantity, expected_minor, title, isbn, price_minor) \
                values ($1, $2, 7, $3, $4, $5, $5, $6)";
    let history = "insert into order_history (order_id, version, command, state, stock, payment, fulfillment, actor, reason, at_us) \
                   values ($1, $2, 'approve', 'approved', 'taken', 'unpaid', 'none', 'a', $3, 5)";
    let database = TestDatabase::create("old_lines").await;
    let old = before(&database, "V23__in_the_order_of_keys").await;
    let written: Result<(), DbError> = old
        .write(move |tx| {
            for order_id in ["p", "o"] {
                put_order(tx, order_id)?;
                let none = (None::<i64>, None::<String>);
                tx.execute(line, &params![order_id, 2, 3, none.0, none.1.clone(), none.0])?;
                tx.execute(line, &params![order_id, 1, 2, 950, "0000000000", 950])?;
                tx.execute(history, &params![order_id, 2, "late"])?;
                tx.execute(history, &params![order_id, 1, none.1])?;
            }
            Ok(())
        })
        .await;
    written.unwrap();
    let kept = lines_and_moves(&old).await;
    assert_eq!(kept.len(), 8);
    old.close().await;

    let new = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    assert_eq!(lines_and_moves(&new).await, kept);
    let none = || (None::<i64>, None::<String>);
    for (sql, params) in [
        (line, params!["o", 1, 2, none().0, none().1, none().0].to_vec()),
        (line, params!["o", 3, 0, none().0, none().1, none().0].to_vec()),
        (line, params!["o", 3, 1, 900, "t", 950].to_vec()),
        (line, params!["nobody's", 1, 1, none().0, none().1, none().0].to_vec()),
        (history, params!["o", 2, none().1].to_vec()),
        (history, params!["nobody's", 1, none().1].to_vec()),
    ] {
        let refused: Result<u64, DbError> = new.write(move |tx| tx.execute(sql, &params)).await;
        assert!(matches!(refused, Err(DbError::Constraint(_))), "{sql}: {refused:?}");
    }
    new.close().await;
}
