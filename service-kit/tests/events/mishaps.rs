//! What goes wrong on the way, and nothing is lost or done twice.

use std::sync::Mutex;

use service_kit::db::{DbError, Engine, Tx};
use service_kit::inbox;
use service_kit::outbox;
use service_kit::relay::RelayOptions;
use service_kit::testing::{TestDatabase, eventually};

use crate::consumer::{Consumer, Mood};
use crate::producer::{Producer, event, quick, relay, tell};

fn up_to(number: i64) -> Vec<i64> {
    (1..=number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_subject_arrive_in_the_order_of_their_commits() {
    let (producer, consumer) = (Producer::start("order").await, Consumer::start("order").await);
    let relay = producer.relay_to(&consumer.address).await;
    let mut tellers = tokio::task::JoinSet::new();
    for teller in 0..8 {
        let db = producer.db.clone();
        tellers.spawn(async move {
            for round in 0..20 {
                let subject = format!("order-{}", (teller + round) % 4);
                db.write(move |tx| tell(tx, &subject)).await.unwrap();
            }
        });
    }
    tellers.join_all().await;
    producer.drained().await;
    for subject in ["order-0", "order-1", "order-2", "order-3"] {
        assert_eq!(consumer.heard(subject).await, up_to(40), "{subject}");
    }
    relay.stop().await;
    consumer.stop().await;
}

/// The relay looks by itself once an hour: whatever arrives before that, its own commit has told of.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_wakes_the_relay_and_nothing_waits_for_a_poll() {
    let (producer, consumer) = (Producer::start("waking").await, Consumer::start("waking").await);
    let seldom = RelayOptions { poll_interval_ms: 3_600_000, lease_ms: 3_600_000, ..quick() };
    let relay = relay(&producer.db, &consumer.address, seldom).await;
    for number in 1..=50 {
        assert_eq!(producer.tell("order-0").await, number);
        producer.drained().await;
    }
    assert_eq!(consumer.heard("order-0").await, up_to(50));
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_appends_to_a_subject_between_anothers_append_and_commit() {
    let producer = Producer::start("turns").await;
    if producer.db.engine() != Engine::Postgres {
        return; // One writer at a time.
    }
    let (go_on, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let (appended, has_appended) = tokio::sync::oneshot::channel::<()>();
    let (wait, appended) = (Mutex::new(wait), Mutex::new(Some(appended)));
    let db = producer.db.clone();
    let first = tokio::spawn(async move {
        db.write(move |tx| {
            outbox::append(tx, &event("a", 1))?;
            if let Some(appended) = appended.lock().unwrap().take() {
                appended.send(()).unwrap();
                wait.lock().unwrap().recv().unwrap();
            }
            Ok::<_, DbError>(())
        })
        .await
    });
    has_appended.await.unwrap();
    let db = producer.db.clone();
    let second = tokio::spawn(async move { db.write(|tx| outbox::append(tx, &event("a", 2))).await });
    let waits = |tx: &mut Tx<'_>| {
        let waiting = "select 1 as one from pg_locks where locktype = 'advisory' and not granted \
                       and database = (select oid from pg_database where datname = current_database())";
        tx.query_opt(waiting, &[])
    };
    eventually("the second waits for the first, or has overtaken it", async || {
        second.is_finished() || producer.db.read(waits).await.unwrap().is_some()
    })
    .await;
    assert!(!second.is_finished(), "the second has overtaken the first");
    go_on.send(()).unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_rolled_back_is_never_told() {
    let (producer, consumer) = (Producer::start("rolled_back").await, Consumer::start("rolled_back").await);
    let relay = producer.relay_to(&consumer.address).await;
    let refused = producer.db.write(|tx| {
        tell(tx, "a")?;
        Err::<(), _>(DbError::NoRow)
    });
    refused.await.unwrap_err();
    producer.tell("b").await;
    producer.drained().await;
    assert_eq!(consumer.heard("a").await, up_to(0));
    assert_eq!(consumer.heard("b").await, up_to(1));
    relay.stop().await;
}

#[tokio::test]
async fn a_crash_between_commit_and_publish_loses_nothing() {
    let (producer, consumer) = (Producer::start("crash").await, Consumer::start("crash").await);
    producer.tell_times("a", 50).await;
    let producer = producer.restart().await;
    assert_eq!(producer.backlog().await.waiting, 50);
    let relay = producer.relay_to(&consumer.address).await;
    producer.drained().await;
    assert_eq!(consumer.heard("a").await, up_to(50));
    relay.stop().await;
}

#[tokio::test]
async fn a_consumer_that_was_down_for_long_gets_everything() {
    let (producer, consumer) = (Producer::start("down").await, Consumer::start("down").await);
    consumer.is(Mood::Down);
    let relay = producer.relay_to(&consumer.address).await;
    producer.tell_times("a", 60).await;
    producer.tell_times("b", 60).await;
    eventually("the relay has tried often", async || consumer.requests() > 10).await;
    let backlog = producer.backlog().await;
    assert_eq!((backlog.waiting, backlog.parked), (120, 0));
    assert!(backlog.oldest.is_some());
    consumer.is(Mood::Well);
    producer.drained().await;
    assert_eq!(consumer.heard("a").await, up_to(60));
    assert_eq!(consumer.heard("b").await, up_to(60));
    assert!(producer.backlog().await.oldest.is_none());
    relay.stop().await;
}

#[tokio::test]
async fn a_consumer_may_come_back_under_another_address() {
    let (producer, gone) = (Producer::start("moved").await, Consumer::start("moved").await);
    let address = gone.address.clone();
    gone.stop().await;
    let relay = producer.relay_to(&address).await;
    producer.tell_times("a", 3).await;
    relay.stop().await;
    let consumer = Consumer::start("moved_again").await;
    let relay = producer.relay_to(&consumer.address).await;
    producer.drained().await;
    assert_eq!(consumer.heard("a").await, up_to(3));
    relay.stop().await;
}

#[tokio::test]
async fn a_lost_reply_brings_the_events_again_and_they_are_handled_once() {
    let (producer, consumer) = (Producer::start("lost_reply").await, Consumer::start("lost_reply").await);
    consumer.is(Mood::LosesReplies);
    let relay = producer.relay_to(&consumer.address).await;
    producer.tell_times("a", 5).await;
    eventually("the events came more than once", async || consumer.requests() > 8).await;
    assert!(producer.backlog().await.waiting > 0, "an answer that was not heard acknowledges nothing");
    consumer.is(Mood::Well);
    producer.drained().await;
    assert_eq!(consumer.heard("a").await, up_to(5));
    relay.stop().await;
}

#[tokio::test]
async fn a_strangers_page_and_a_locked_door_acknowledge_and_park_nothing() {
    let (producer, consumer) = (Producer::start("stranger").await, Consumer::start("stranger").await);
    let relay = producer.relay_to(&consumer.address).await;
    for mood in [Mood::Stranger, Mood::Locked] {
        consumer.is(mood);
        producer.tell("a").await;
        let before = consumer.requests();
        eventually("the relay has tried often", async || consumer.requests() > before + 10).await;
        assert_eq!(producer.backlog().await.parked, 0);
    }
    assert_eq!(producer.backlog().await.waiting, 2);
    consumer.is(Mood::Well);
    producer.drained().await;
    assert_eq!(consumer.heard("a").await, up_to(2));
    relay.stop().await;
}

#[tokio::test]
async fn one_transition_has_one_event() {
    let producer = Producer::start("twice").await;
    producer.db.write(|tx| outbox::append(tx, &event("a", 1))).await.unwrap();
    let again = producer.db.write(|tx| outbox::append(tx, &event("a", 1))).await;
    assert!(again.unwrap_err().is_constraint("outbox_event_event_id_key"));
}

#[tokio::test]
async fn without_subscribers_nothing_piles_up() {
    let producer = Producer::start("alone").await;
    producer.tell("a").await;
    producer.db.write(|tx| outbox::unsubscribe(tx, crate::producer::CONSUMER)).await.unwrap();
    producer.tell("a").await;
    let rows = producer.db.read::<_, DbError, _>(|tx| tx.query("select position from outbox_event", &[]));
    assert!(rows.await.unwrap().is_empty());
    assert!(producer.db.read(outbox::backlog).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_at_once_one_is_the_first() {
    let database = TestDatabase::create("inbox").await;
    let db = service_kit::db::Db::open(database.url(), Default::default(), &[]).await.unwrap();
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let db = db.clone();
        askers.spawn(async move { db.write(|tx| inbox::first_time(tx, "/provider", "evt_1")).await.unwrap() });
    }
    assert_eq!(askers.join_all().await.into_iter().filter(|first| *first).count(), 1);
    assert!(db.write(|tx| inbox::first_time(tx, "/other", "evt_1")).await.unwrap());
}
