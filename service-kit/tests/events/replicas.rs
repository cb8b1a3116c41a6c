//! More than one relay: the lease saves work, and nothing but work depends on it.

use service_kit::Clock;
use service_kit::db::DbError;
use service_kit::relay::RelayOptions;
use service_kit::testing::eventually;

use crate::consumer::{Consumer, Mood};
use crate::producer::{Producer, quick, relay, relay_by};

const SUBJECTS: [&str; 3] = ["a", "b", "c"];

async fn tell_everywhere(producer: &Producer, times: i64) {
    for _ in 0..times {
        for subject in SUBJECTS {
            producer.tell(subject).await;
        }
    }
}

async fn heard_everything_once(consumer: &Consumer, times: i64) {
    for subject in SUBJECTS {
        assert_eq!(consumer.heard(subject).await, (1..=times).collect::<Vec<i64>>(), "{subject}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_at_once_do_no_harm() {
    let (producer, consumer) = (Producer::start("two").await, Consumer::start("two").await);
    // A lease that has run out when it is taken keeps nobody from relaying.
    let lawless = || RelayOptions { lease_ms: 0, batch_events: 3, ..quick() };
    let first = relay(&producer.db, &consumer.address, lawless()).await;
    let second = relay(&producer.replica().await, &consumer.address, lawless()).await;
    tell_everywhere(&producer, 15).await;
    consumer.is(Mood::LosesReplies);
    tell_everywhere(&producer, 5).await;
    consumer.is(Mood::Well);
    tell_everywhere(&producer, 20).await;
    producer.drained().await;
    heard_everything_once(&consumer, 40).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_lease_one_relays_and_the_other_takes_over() {
    let (producer, consumer) = (Producer::start("lease").await, Consumer::start("lease").await);
    let first = relay(&producer.db, &consumer.address, quick()).await;
    tell_everywhere(&producer, 3).await;
    producer.drained().await;
    // The second one is not asked as long as the first lives: an address where nobody answers shows that.
    let second = relay(&producer.replica().await, "http://127.0.0.1:9", quick()).await;
    tell_everywhere(&producer, 3).await;
    producer.drained().await;
    second.stop().await;
    let second = relay(&producer.replica().await, &consumer.address, quick()).await;
    // Dies without giving the lease back.
    drop(first);
    tell_everywhere(&producer, 3).await;
    eventually("the second has taken over", async || producer.backlog().await.waiting == 0).await;
    heard_everything_once(&consumer, 9).await;
    second.stop().await;
}

/// What it holds is held by its clock, and so is its lease: neither is waited for by a clock that is right.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_put_off_whose_clock_was_ahead_is_not_waited_for_by_one_whose_clock_is_right() {
    const TEN_DAYS_MS: i64 = 10 * 24 * 3_600 * 1_000;
    let (producer, consumer) = (Producer::start("ahead").await, Consumer::start("ahead").await);
    consumer.rejects("b-1");
    let stubborn = || RelayOptions { park_after: i64::MAX, ..quick() };
    let ahead = relay_by(Clock::shifted(TEN_DAYS_MS), &producer.db, &consumer.address, stubborn()).await;
    tell_everywhere(&producer, 2).await;
    let held = "select count(*) as held from outbox_delivery where tries > 0";
    let is_held = async || {
        let count = producer.db.read::<_, DbError, _>(move |tx| tx.query_one(held, &[])?.get::<i64>("held"));
        count.await.unwrap() == 1
    };
    eventually("an event is held", is_held).await;
    // Dies without giving the lease back.
    drop(ahead);
    consumer.is_mended();
    let right = relay(&producer.replica().await, &consumer.address, stubborn()).await;
    producer.drained().await;
    heard_everything_once(&consumer, 2).await;
    right.stop().await;
}
