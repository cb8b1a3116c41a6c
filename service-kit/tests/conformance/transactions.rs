//! All or nothing, one by one and in batches.

use service_kit::db::{Db, DbError, DbOptions, Engine, Tx};
use service_kit::params;

use crate::shelf::{HeldUp, books, count, on_hand, put_book, shelf, shelf_with, take_one};

/// A domain's own refusal next to the database's errors.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("sold out")]
    SoldOut,
    #[error(transparent)]
    Db(#[from] DbError),
}

#[tokio::test]
async fn a_refusal_takes_everything_back() {
    let shelf = shelf("refusal").await;
    let refused = shelf.db.write(|tx| {
        put_book(tx, 1, 5)?;
        put_book(tx, 2, 5)?;
        Err::<(), _>(Refusal::SoldOut)
    });
    assert!(matches!(refused.await, Err(Refusal::SoldOut)));
    assert_eq!(books(&shelf.db).await, 0);
}

#[tokio::test]
async fn a_failing_neighbour_in_one_batch_harms_nobody() {
    let shelf = shelf("neighbours").await;
    let held = HeldUp::begin(&shelf.db).await;
    let mut writes = tokio::task::JoinSet::new();
    for book_id in 1..=30 {
        let db = shelf.db.clone();
        writes.spawn(async move { (book_id, write_in_its_own_way(&db, book_id).await) });
    }
    // On SQLite all of them are in the queue before the writer goes on.
    tokio::task::yield_now().await;
    held.let_go().await;
    while let Some(done) = writes.join_next().await {
        let (book_id, answer) = done.unwrap();
        match book_id % 3 {
            0 => assert!(matches!(answer, Err(Refusal::SoldOut)), "{book_id}: {answer:?}"),
            1 => assert!(matches!(answer, Err(Refusal::Db(DbError::Constraint(_)))), "{book_id}: {answer:?}"),
            _ => assert!(answer.is_ok(), "{book_id}: {answer:?}"),
        }
    }
    assert_eq!(books(&shelf.db).await, 10);
}

/// A third refuses after writing, a third violates a constraint after writing, a third succeeds.
async fn write_in_its_own_way(db: &Db, book_id: i64) -> Result<(), Refusal> {
    db.write(move |tx| {
        put_book(tx, book_id, 1)?;
        match book_id % 3 {
            0 => Err(Refusal::SoldOut),
            1 => {
                put_book(tx, book_id, 1)?;
                Ok(())
            }
            _ => Ok(()),
        }
    })
    .await
}

#[tokio::test]
async fn a_constraint_that_waits_for_the_commit_hits_only_its_own_closure() {
    let shelf = shelf("deferred").await;
    let held = HeldUp::begin(&shelf.db).await;
    let mut writes = tokio::task::JoinSet::new();
    for book_id in 1..=10_i64 {
        let db = shelf.db.clone();
        writes.spawn(async move {
            let write = db.write(move |tx| {
                let of_nothing = if book_id == 5 { 500 } else { book_id };
                put_book(tx, book_id, 1)?;
                tx.execute(
                    "insert into taking (book_id, order_id, attempt) values ($1, $2, 1)",
                    &params![of_nothing, format!("order {book_id}")],
                )
            });
            (book_id, write.await)
        });
    }
    tokio::task::yield_now().await;
    held.let_go().await;
    while let Some(done) = writes.join_next().await {
        let (book_id, answer) = done.unwrap();
        match book_id {
            5 => assert!(answer.unwrap_err().is_constraint("foreign_key")),
            _ => assert_eq!(answer.unwrap(), 1),
        }
    }
    assert_eq!(books(&shelf.db).await, 9);
    assert_eq!(count(&shelf.db, "select count(*) as n from taking").await, 9);
}

#[tokio::test]
async fn what_was_acknowledged_is_read() {
    let shelf = shelf("read_your_commits").await;
    for book_id in 1..=50 {
        shelf.db.write(move |tx| put_book(tx, book_id, book_id)).await.unwrap();
        assert_eq!(on_hand(&shelf.db, book_id).await, book_id);
    }
}

/// A look-up may run on the caller's own thread: with a free connection, without one, and against the rules.
#[tokio::test]
async fn a_look_up_is_a_read() {
    let options = DbOptions { readers: 1, connections: 1, ..DbOptions::default() };
    let shelf = shelf_with("look_up", options).await;
    let stock =
        |tx: &mut Tx<'_>| tx.query_one("select on_hand from book where book_id = 1", &[])?.get::<i64>("on_hand");
    for copies in 1..=20 {
        shelf.db.write(move |tx| put_or_set(tx, copies)).await.unwrap();
        assert_eq!(shelf.db.look_up::<_, DbError, _>(stock).await.unwrap(), copies, "it sees what was acknowledged");
    }
    let (go_on, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let (inside, mut begun) = tokio::sync::mpsc::channel::<()>(1);
    let (db, wait) = (shelf.db.clone(), std::sync::Mutex::new(wait));
    let holding = tokio::spawn(async move {
        let hold = move |_: &mut Tx<'_>| {
            inside.try_send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
            Ok::<_, DbError>(())
        };
        db.read(hold).await
    });
    begun.recv().await.unwrap();
    let mut looking = Box::pin(shelf.db.look_up::<_, DbError, _>(stock));
    let early = tokio::select! { biased; early = &mut looking => Some(early), () = tokio::task::yield_now() => None };
    assert!(early.is_none(), "the only connection is taken: {early:?}");
    go_on.send(()).unwrap();
    assert_eq!(looking.await.unwrap(), 20);
    holding.await.unwrap().unwrap();

    assert!(shelf.db.look_up(|tx| put_book(tx, 2, 1)).await.is_err(), "it cannot write");
    let panicked = shelf.db.look_up(|_tx| -> Result<(), DbError> { panic!("this panic is part of the test") });
    assert!(matches!(panicked.await, Err(DbError::Panicked)));
    assert_eq!(books(&shelf.db).await, 1);
}

fn put_or_set(tx: &mut Tx<'_>, copies: i64) -> Result<(), DbError> {
    if copies == 1 {
        put_book(tx, 1, copies)?;
    }
    tx.execute("update book set on_hand = $1 where book_id = 1", &params![copies]).map(drop)
}

#[tokio::test]
async fn a_read_sees_one_snapshot() {
    let shelf = shelf("snapshot").await;
    shelf.db.write(|tx| put_book(tx, 1, 7)).await.unwrap();
    let (db, handle) = (shelf.db.clone(), tokio::runtime::Handle::current());
    let read = shelf.db.read(move |tx: &mut Tx<'_>| {
        let count = |tx: &mut Tx<'_>| tx.query_one("select on_hand from book", &[])?.get::<i64>("on_hand");
        let before = count(tx)?;
        // Another's write commits in the middle of this read.
        handle.block_on(db.write(|tx| take_one(tx, 1)))?;
        Ok::<_, DbError>((before, count(tx)?))
    });
    assert_eq!(read.await.unwrap(), (7, 7));
    assert_eq!(on_hand(&shelf.db, 1).await, 6);
}

#[tokio::test]
async fn a_reading_closure_cannot_write() {
    let shelf = shelf("read_only_closure").await;
    assert!(shelf.db.read(|tx| put_book(tx, 1, 1)).await.is_err());
    assert_eq!(books(&shelf.db).await, 0);
    shelf.db.write(|tx| put_book(tx, 1, 1)).await.unwrap();
}

#[tokio::test]
async fn a_closure_that_goes_on_after_a_failed_statement_is_not_believed() {
    let shelf = shelf("after_failure").await;
    let write = shelf.db.write(|tx| {
        put_book(tx, 1, 1)?;
        assert!(put_book(tx, 1, 1).is_err());
        assert!(matches!(put_book(tx, 2, 1), Err(DbError::AfterFailure)));
        Ok::<_, DbError>(())
    });
    assert!(matches!(write.await, Err(DbError::AfterFailure)));
    assert_eq!(books(&shelf.db).await, 0);
}

#[tokio::test]
async fn events_are_signalled_after_the_commit_and_only_then() {
    let shelf = shelf("events").await;
    let mut committed = shelf.db.committed_events();
    committed.mark_unchanged();

    let refused = shelf.db.write(|tx| {
        tx.note_event();
        Err::<(), _>(Refusal::SoldOut)
    });
    refused.await.unwrap_err();
    shelf.db.write(|tx| put_book(tx, 1, 1)).await.unwrap();
    assert!(!committed.has_changed().unwrap(), "no event was committed");

    let db = shelf.db.clone();
    let write = tokio::spawn(async move {
        db.write(|tx| {
            tx.note_event();
            put_book(tx, 2, 1)
        })
        .await
    });
    committed.changed().await.unwrap();
    assert_eq!(books(&shelf.db).await, 2, "whoever is woken sees what woke him");
    write.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_disk_takes_the_whole_batch_back_and_says_so() {
    let shelf = shelf("full").await;
    if shelf.db.engine() != Engine::Sqlite {
        return;
    }
    // The limit holds for the writer's connection, which is the one that runs this closure.
    let limit = |pages: &'static str| shelf.db.write(move |tx| tx.query(pages, &[]).map(drop));
    limit("pragma max_page_count = 1").await.unwrap();
    let held = HeldUp::begin(&shelf.db).await;
    let mut writes = tokio::task::JoinSet::new();
    for book_id in 1..=5 {
        let db = shelf.db.clone();
        writes.spawn(async move {
            let cover_bytes = if book_id == 3 { 1 << 20 } else { 1 };
            let write = db.write(move |tx| {
                put_book(tx, book_id, 1)?;
                let cover = vec![7_u8; cover_bytes];
                tx.execute("update book set cover = $1 where book_id = $2", &params![cover, book_id])
            });
            write.await
        });
    }
    tokio::task::yield_now().await;
    held.let_go().await;
    for answer in writes.join_all().await {
        assert!(matches!(answer, Err(DbError::Unavailable(_))), "{answer:?}");
    }
    limit("pragma max_page_count = 1000000").await.unwrap();
    assert_eq!(books(&shelf.db).await, 0, "nobody was told yes, and nothing is there");
    shelf.db.write(|tx| put_book(tx, 1, 1)).await.unwrap();
}

#[tokio::test]
async fn a_change_of_the_schema_under_a_running_service_is_survived() {
    let shelf = shelf("altered").await;
    let everything = |tx: &mut Tx<'_>| tx.query("select * from book", &[]).map(|rows| rows.len());
    assert_eq!(shelf.db.read(everything).await.unwrap(), 0);
    shelf.db.write(|tx| tx.execute("alter table book add column shelf text", &[])).await.unwrap();
    for _ in 0..16 {
        assert_eq!(shelf.db.read(everything).await.unwrap(), 0);
    }
}
