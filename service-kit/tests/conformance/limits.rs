//! Full houses, panics, locks held by strangers, connections that are cut.

use service_kit::db::{DbError, DbOptions, Engine, Tx};
use service_kit::testing::eventually;

use crate::shelf::{HeldUp, Shelf, books, on_hand, put_book, shelf, shelf_with};

#[tokio::test]
async fn a_full_house_refuses_at_once() {
    let options = DbOptions { connections: 1, queue_jobs: 1, ..DbOptions::default() };
    let shelf = shelf_with("overload", options).await;
    let held = HeldUp::begin(&shelf.db).await;
    // One may wait; of two, one is refused while nothing moves.
    let mut writes = tokio::task::JoinSet::new();
    for book_id in [1, 2] {
        let db = shelf.db.clone();
        writes.spawn(async move { db.write(move |tx| put_book(tx, book_id, 1)).await });
    }
    let refused = writes.join_next().await.unwrap().unwrap();
    assert!(matches!(refused, Err(DbError::Overloaded)));
    held.let_go().await;
    assert_eq!(writes.join_next().await.unwrap().unwrap().unwrap(), 1);
    assert_eq!(books(&shelf.db).await, 1);
}

#[tokio::test]
async fn a_panic_is_answered_to_its_own_caller_only() {
    let shelf = shelf("panic").await;
    let held = HeldUp::begin(&shelf.db).await;
    let mut writes = tokio::task::JoinSet::new();
    for book_id in 1..=3 {
        let db = shelf.db.clone();
        writes.spawn(async move {
            let write = db.write(move |tx| {
                put_book(tx, book_id, 1)?;
                assert!(book_id != 2, "this panic is part of the test");
                Ok::<_, DbError>(())
            });
            (book_id, write.await)
        });
    }
    tokio::task::yield_now().await;
    held.let_go().await;
    while let Some(done) = writes.join_next().await {
        let (book_id, answer) = done.unwrap();
        assert_eq!(matches!(answer, Err(DbError::Panicked)), book_id == 2, "{book_id}: {answer:?}");
    }
    assert_eq!(books(&shelf.db).await, 2);
    let read = shelf.db.read(|_tx| -> Result<(), DbError> { panic!("this panic is part of the test") });
    assert!(matches!(read.await, Err(DbError::Panicked)));
    shelf.db.ping().await.unwrap();
}

#[tokio::test]
async fn a_lock_held_from_outside_is_no_loss() {
    let options = DbOptions { busy_timeout_ms: 100, lock_timeout_ms: 100, ..DbOptions::default() };
    let shelf = shelf_with("outside", options).await;
    shelf.db.write(|tx| put_book(tx, 1, 1)).await.unwrap();
    let stranger = Stranger::hold_a_lock(&shelf).await;
    let write = || shelf.db.write(|tx| tx.execute("update book set on_hand = on_hand + 1", &[]));
    for _ in 0..3 {
        let error = write().await.unwrap_err();
        assert!(matches!(error, DbError::Unavailable(_)) && error.is_retryable(), "{error}");
    }
    stranger.let_go().await;
    write().await.unwrap();
    assert_eq!(on_hand(&shelf.db, 1).await, 2);
}

/// Another connection that sits on the table.
struct Stranger {
    go: std::sync::mpsc::SyncSender<()>,
    thread: tokio::task::JoinHandle<()>,
}

impl Stranger {
    async fn hold_a_lock(shelf: &Shelf) -> Self {
        let (engine, address) = (shelf.db.engine(), shelf.database.url().expose());
        let (holds, held) = tokio::sync::oneshot::channel();
        let (go, wait) = std::sync::mpsc::sync_channel(1);
        let thread = tokio::task::spawn_blocking(move || match engine {
            Engine::Sqlite => {
                let path = address.trim_start_matches("sqlite:");
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.execute_batch("begin immediate").unwrap();
                holds.send(()).unwrap();
                wait.recv().unwrap();
                connection.execute_batch("rollback").unwrap();
            }
            Engine::Postgres => {
                let mut client = postgres::Client::connect(&address, postgres::NoTls).unwrap();
                client.batch_execute("begin; lock table book in share mode").unwrap();
                holds.send(()).unwrap();
                wait.recv().unwrap();
                client.batch_execute("rollback").unwrap();
            }
        });
        held.await.unwrap();
        Self { go, thread }
    }

    async fn let_go(self) {
        self.go.send(()).unwrap();
        self.thread.await.unwrap();
    }
}

#[tokio::test]
async fn connections_cut_while_idle_cost_nobody_his_closure() {
    let shelf = shelf("cut").await;
    if shelf.db.engine() != Engine::Postgres {
        return;
    }
    for round in 1..=3 {
        let cut = |tx: &mut Tx<'_>| {
            tx.query(
                "select cast(pg_terminate_backend(pid) as int) as cut from pg_stat_activity \
                 where datname = current_database() and pid <> pg_backend_pid()",
                &[],
            )
            .map(|rows| rows.len())
        };
        eventually("the other connections are cut", async || shelf.db.read(cut).await.is_ok_and(|others| others == 0))
            .await;
        shelf.db.write(move |tx| put_book(tx, round, 1)).await.unwrap();
        assert_eq!(books(&shelf.db).await, round);
    }
}

#[tokio::test]
async fn a_statement_that_never_ends_is_ended() {
    let shelf = shelf_with("endless", DbOptions { statement_timeout_ms: 100, ..DbOptions::default() }).await;
    if shelf.db.engine() != Engine::Postgres {
        return;
    }
    let read = shelf.db.read(|tx| tx.query("select cast(pg_sleep(60) as text) as slept", &[]).map(drop));
    assert!(matches!(read.await, Err(DbError::Unavailable(_))));
}
