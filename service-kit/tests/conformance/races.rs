//! Many writers, few copies.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use service_kit::db::{DbError, Engine, Tx};
use service_kit::params;

use crate::shelf::{on_hand, once, put_book, shelf, take_one};

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_writers_race_for_forty_copies() {
    let shelf = shelf("decrement").await;
    shelf.db.write(|tx| put_book(tx, 1, 40)).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let db = shelf.db.clone();
        writers.spawn(async move { db.write(|tx| take_one(tx, 1)).await });
    }
    let taken = writers.join_all().await.into_iter().filter(|took| *took.as_ref().unwrap()).count();
    assert_eq!(taken, 40);
    assert_eq!(on_hand(&shelf.db, 1).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_lock_each_other_out_both_succeed() {
    let shelf = shelf("deadlock").await;
    if shelf.db.engine() != Engine::Postgres {
        return; // One writer at a time cannot deadlock.
    }
    shelf
        .db
        .write(|tx| {
            put_book(tx, 1, 10)?;
            put_book(tx, 2, 10)
        })
        .await
        .unwrap();
    let (both_hold_one, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    let mut writers = tokio::task::JoinSet::new();
    for (first, second) in [(1, 2), (2, 1)] {
        let (db, barrier, runs) = (shelf.db.clone(), both_hold_one.clone(), runs.clone());
        let first_run = once();
        writers.spawn(async move {
            db.write(move |tx: &mut Tx<'_>| {
                runs.fetch_add(1, Ordering::SeqCst);
                take_one(tx, first)?;
                if first_run() {
                    barrier.wait();
                }
                take_one(tx, second)
            })
            .await
        });
    }
    assert!(writers.join_all().await.into_iter().all(|took| took.unwrap()));
    assert!(runs.load(Ordering::SeqCst) > 2, "somebody was run again");
    assert_eq!((on_hand(&shelf.db, 1).await, on_hand(&shelf.db, 2).await), (8, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_survives_being_run_again() {
    let shelf = shelf("insert_race").await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let db = shelf.db.clone();
        writers.spawn(async move {
            db.write(|tx| {
                tx.execute(
                    "insert into book (book_id, title, on_hand) values ($1, $2, 1) on conflict do nothing",
                    &params![1, "The last copy"],
                )
            })
            .await
        });
    }
    let inserted: Vec<Result<u64, DbError>> = writers.join_all().await;
    assert_eq!(inserted.into_iter().map(Result::unwrap).sum::<u64>(), 1);
}
