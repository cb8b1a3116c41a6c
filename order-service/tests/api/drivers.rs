use std::{sync::Mutex, time::Duration};

use order_service::{
    answer::{Answer, Route},
    domain::{
        Command, ProviderName, apply,
        checkout::{Opening, draft},
    },
    store::{
        self, Actor, Owner, Stored,
        keys::Key,
        moves::{Hand, MoveError},
    },
};
use serde_json::json;
use service_kit::{
    db::{Db, DbError, DbOptions, Engine, Tx},
    testing::{TestDatabase, eventually},
};
use shared_types::{BookId, Currency, OrderId, Timestamp, takings::TakenLine};

use crate::{
    neighbours::Mood,
    shop::{Shop, collect, deliver, hasty, patient, send, start},
};

/// An order of one copy, to be collected and paid there, that was just placed.
async fn placed(db: &Db, hand: &Hand) -> Stored {
    let id = OrderId::from_uuid(uuid::Uuid::now_v7());
    let request = serde_json::from_value(collect(&[(1, 1)])).unwrap();
    let (cards_by, invoices_by) = (ProviderName::Sandbox, ProviderName::Receipts);
    let pay_by = Timestamp::from_micros(1);
    let opening = Opening { id, currency: Currency::USD, cards_by, invoices_by, pay_by };
    let order = apply(&draft(request, opening).unwrap(), Command::Place).unwrap();
    let owner = Owner { customer: "account:1".into(), placed_by: "account:1".into() };
    let by = hand.clone();
    db.write::<_, DbError, _>(move |tx| store::moves::open(tx, &order, &owner, None, "place", &by)).await.unwrap()
}

const DRIVER: Hand = Hand { actor: Actor::Driver, at: Timestamp::from_micros(1), lead_ms: 0, look_ms: 0 };

#[tokio::test]
async fn of_two_moves_from_one_version_exactly_one_is_made() {
    let database = TestDatabase::create("one_version").await;
    let db = Db::open(database.url(), DbOptions::default(), store::MIGRATIONS).await.unwrap();
    let placed = placed(&db, &DRIVER).await;
    let id = placed.order.id;
    let swap = |command: Command| {
        let (before, name) = (placed.clone(), command.name());
        let after = apply(&before.order, command).unwrap();
        db.write::<_, DbError, _>(move |tx| store::moves::swap(tx, &before, &after, name, &DRIVER))
    };
    let (refused, canceled) =
        tokio::join!(swap(Command::CopiesRefused { n: 1, lines: Vec::new() }), swap(Command::Cancel { reason: None }));
    let (refused, canceled) = (refused.unwrap(), canceled.unwrap());
    assert!(refused.is_some() != canceled.is_some(), "{refused:?} {canceled:?}");
    let made = refused.or(canceled).unwrap();
    let kept = db.read::<_, DbError, _>(move |tx| store::orders::find(tx, id)).await.unwrap().unwrap();
    assert_eq!(kept, made);
    let history = db.read::<_, DbError, _>(move |tx| store::history::of(tx, id)).await.unwrap();
    assert_eq!(history.len(), 2);
    db.close().await;
}

/// Asked a second time for what is under way, the order does not move, and yet its last move must see the second key.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_with_no_move_is_answered_by_the_move_that_is_made_meanwhile() {
    const PATIENCE: Duration = Duration::from_millis(300);
    let database = TestDatabase::create("second_key").await;
    let db = Db::open(database.url(), DbOptions::default(), store::MIGRATIONS).await.unwrap();
    let id = placed(&db, &DRIVER).await.order.id;
    let make = |command: Command| {
        let db = db.clone();
        async move { db.write(move |tx| store::moves::make(tx, id, &command, &DRIVER)).await.unwrap() }
    };
    let price = "12.50".parse().unwrap();
    let (book_id, title, currency) = (BookId::new(1).unwrap(), "One".to_owned(), Currency::USD);
    let line = TakenLine { book_id, quantity: 1, title, isbn: None, price, currency };
    make(Command::CopiesTaken { n: 1, lines: vec![line] }).await;
    let undone = make(Command::Refund { reason: None }).await;
    assert!(!Route::Refund.is_final(&undone.order), "its copies are on their way back");

    let (asked, was_asked) = std::sync::mpsc::channel::<()>();
    let (moved, was_moved) = std::sync::mpsc::channel::<()>();
    let key = Key { principal: "account:1".into(), route: Route::Refund, key: "second".into(), fingerprint: vec![1] };
    let (again, was_moved, of) = (db.clone(), Mutex::new(was_moved), key.clone());
    let asking = tokio::spawn(async move {
        let ask = move |tx: &mut Tx<'_>| {
            assert_eq!(store::keys::tie(tx, &of, id, DRIVER.at)?, None);
            let found = store::moves::make(tx, id, &Command::Refund { reason: None }, &DRIVER)?;
            asked.send(()).unwrap();
            // Where the move waits for this commit, this does not wait for the move.
            was_moved.lock().unwrap().recv_timeout(PATIENCE).ok();
            Ok::<_, MoveError>(found)
        };
        again.write(ask).await.unwrap()
    });
    tokio::task::spawn_blocking(move || was_asked.recv().unwrap()).await.unwrap();
    let last = make(Command::CopiesGivenBack { n: 1 }).await;
    moved.send(()).ok();
    assert_eq!(asking.await.unwrap().order.version, undone.order.version);
    assert!(Route::Refund.is_final(&last.order));
    let kept = db.read::<_, DbError, _>(move |tx| store::keys::find(tx, &key)).await.unwrap().unwrap();
    assert!(matches!(kept.answer, Some(Answer::Done(_))), "{kept:?}");
    db.close().await;
}

#[tokio::test]
async fn two_drivers_on_one_order_do_no_harm() {
    let mut pace = patient();
    // A lease that is over at once: the background drives the order while its buyer's driver still waits for the reply.
    (pace.lease_ms, pace.call_ms) = (1, 500);
    let shop = Shop::open_with("two_drivers", pace).await;
    shop.neighbours.catalog_is(Mood::Hangs);
    let buying = async { shop.checkout(&deliver(&[(1, 1)])).await };
    let meddling = async {
        eventually("two drivers wait for the catalog", async || shop.neighbours.calls("PUT /takings") >= 2).await;
        shop.neighbours.catalog_is(Mood::Well);
    };
    let (bought, ()) = tokio::join!(buying, meddling);
    assert_eq!((bought.status, &bought.json["state"]), (201, &json!("approved")));
    let order = shop.settled(&bought.order_id()).await;
    assert_eq!((&order["version"], &order["fulfillment"]), (&json!(3), &json!("scheduled")));
    assert_eq!(shop.history(&bought.order_id()).await, ["place", "copies_taken", "delivery_booked"]);
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.deliveries().len()), (9, 1));
    shop.close().await;
}

#[tokio::test]
async fn many_drivers_and_cancellations_leave_the_books_in_agreement() {
    let mut pace = patient();
    pace.lease_ms = 1;
    let shop = Shop::open_with("many_drivers", pace).await;
    let buy = async || shop.checkout(&deliver(&[(1, 1), (2, 1)])).await.status;
    let meddle = async || {
        let pending = shop.get("/orders?state=pending").await;
        for order in pending.json["items"].as_array().unwrap() {
            let status = shop.cancel(order["id"].as_str().unwrap()).await.status;
            assert!(matches!(status, 200 | 409), "{status}");
        }
    };
    let buyers = futures_util::future::join_all((0..12).map(|_| buy()));
    let meddlers = futures_util::future::join_all((0..4).map(|_| meddle()));
    let (statuses, _) = tokio::join!(buyers, meddlers);
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");

    let orders = shop.get("/orders").await.json["items"].as_array().unwrap().clone();
    let mut approved = 0;
    for order in &orders {
        let order = shop.settled(order["id"].as_str().unwrap()).await;
        let sold = order["state"] == "approved";
        assert_eq!(order["stock"], if sold { "taken" } else { "none" });
        approved += i64::from(sold);
    }
    assert_eq!((orders.len(), shop.neighbours.copies_taken()), (12, 2 * approved));
    assert_eq!((shop.neighbours.on_hand(1), shop.neighbours.on_hand(2)), (10 - approved, 3 - approved));
    assert_eq!(i64::try_from(shop.neighbours.deliveries().len()).unwrap(), approved);
    shop.close().await;
}

#[tokio::test]
async fn two_replicas_share_the_orders_and_the_keys() {
    if TestDatabase::engine() != Engine::Postgres {
        return;
    }
    let shop = Shop::open("replicas").await;
    let other = start(&shop.database, &shop.neighbours, patient()).await;
    let (here, there) = (shop.running.url(), other.url());
    let body = collect(&[(1, 1)]);
    let buys = (0..16).map(|n| {
        let url = if n % 2 == 0 { &here } else { &there };
        send(&shop.http, url, reqwest::Method::POST, "/checkout", Some("one-key"), Some(&body))
    });
    let answers = futures_util::future::join_all(buys).await;
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!((answers[0].status, shop.neighbours.copies_taken()), (201, 1));
    assert_eq!(shop.history(&answers[0].order_id()).await, ["place", "copies_taken"]);
    other.stop().await;
    shop.close().await;
}

#[tokio::test]
async fn a_replica_that_starts_leaves_alone_what_another_is_at_work_on() {
    if TestDatabase::engine() != Engine::Postgres {
        return; // An SQLite file has one process.
    }
    let mut pace = hasty();
    (pace.lease_ms, pace.call_ms) = (3_600_000, 60_000);
    let shop = Shop::open_with("at_work", pace.clone()).await;
    let sold = shop.checkout_with("an-old-key", &collect(&[(1, 1)])).await;
    assert_eq!(shop.settled(&sold.order_id()).await["state"], "approved");
    shop.neighbours.catalog_is(Mood::Hangs);
    assert_eq!(shop.checkout(&collect(&[(1, 1)])).await.status, 202);
    let calls = shop.neighbours.calls("PUT /takings");
    let db = Db::open(shop.database.url(), DbOptions::default(), store::MIGRATIONS).await.unwrap();
    let aged: Result<u64, DbError> =
        db.write(|tx| tx.execute("update idempotency_key set created_at_us = 1 where key = 'an-old-key'", &[])).await;
    assert_eq!(aged.unwrap(), 1);

    let other = start(&shop.database, &shop.neighbours, pace).await;
    // Old keys are forgotten by a driver that starts, after it has taken up what it takes up.
    eventually("the other driver is at work", async || {
        let left: Result<i64, DbError> = db
            .read(|tx| {
                tx.query_one("select count(*) as keys from idempotency_key where created_at_us = 1", &[])?.get("keys")
            })
            .await;
        left.unwrap() == 0
    })
    .await;
    let due: Result<i64, DbError> = db
        .read(|tx| {
            tx.query_one(
                "select count(*) as orders from orders where due_at_us < 1 + (select max(created_at_us) from orders)",
                &[],
            )?
            .get("orders")
        })
        .await;
    assert_eq!((due.unwrap(), shop.neighbours.calls("PUT /takings")), (0, calls));
    db.close().await;
    shop.neighbours.catalog_is(Mood::Well);
    other.stop().await;
    shop.close().await;
}
