//! Events that a consumer refuses: they are parked and hold their subject; others go on.

use service_kit::outbox;
use service_kit::testing::eventually;

use crate::consumer::{Consumer, Mood};
use crate::producer::{CONSUMER, Producer};

async fn told(name: &str) -> (Producer, Consumer) {
    let (producer, consumer) = (Producer::start(name).await, Consumer::start(name).await);
    for _ in 0..6 {
        for subject in ["a", "b", "c"] {
            producer.tell(subject).await;
        }
    }
    (producer, consumer)
}

#[tokio::test]
async fn a_poisoned_event_is_parked_and_holds_its_subject_while_others_flow() {
    let (producer, consumer) = told("poison").await;
    consumer.rejects("b-3");
    let relay = producer.relay_to(&consumer.address).await;
    producer.parked(1).await;
    producer.tell("a").await;
    producer.tell("b").await;
    eventually("the others flow", async || consumer.heard("a").await.len() == 7).await;
    assert_eq!(consumer.heard("b").await, [1, 2]);
    assert_eq!(consumer.heard("c").await, [1, 2, 3, 4, 5, 6]);
    eventually("b-3 to b-7 are left", async || producer.backlog().await.waiting == 5).await;

    let parked = producer.db.read(outbox::parked).await.unwrap();
    assert_eq!((parked[0].event_id.as_str(), parked[0].detail.as_deref()), ("b-3", Some("poisoned")));
    consumer.is_mended();
    assert!(producer.db.write(|tx| outbox::release(tx, CONSUMER, "b-3")).await.unwrap());
    producer.drained().await;
    assert_eq!(consumer.heard("b").await, [1, 2, 3, 4, 5, 6, 7]);
    relay.stop().await;
}

#[tokio::test]
async fn in_a_batch_that_is_refused_as_a_whole_the_one_at_fault_is_found() {
    let (producer, consumer) = told("whole").await;
    consumer.rejects("a-2");
    consumer.rejects("c-5");
    consumer.is(Mood::RefusesWhole);
    let relay = producer.relay_to(&consumer.address).await;
    producer.parked(2).await;
    eventually("the others flow", async || consumer.heard("b").await == [1, 2, 3, 4, 5, 6]).await;
    assert_eq!(consumer.heard("a").await, [1]);
    assert_eq!(consumer.heard("c").await, [1, 2, 3, 4]);
    consumer.is_mended();
    for event_id in ["a-2", "c-5"] {
        producer.db.write(move |tx| outbox::release(tx, CONSUMER, event_id)).await.unwrap();
    }
    producer.drained().await;
    assert_eq!(consumer.heard("a").await, [1, 2, 3, 4, 5, 6]);
    relay.stop().await;
}

#[tokio::test]
async fn a_handler_that_panics_holds_its_subject_and_parks_nothing() {
    let (producer, consumer) = told("panics").await;
    consumer.panics_at("b-2");
    let relay = producer.relay_to(&consumer.address).await;
    eventually("the others flow", async || {
        consumer.heard("a").await.len() == 6 && consumer.heard("c").await.len() == 6
    })
    .await;
    let before = consumer.requests();
    eventually("it is tried more often than a refusal", async || consumer.requests() > before + 10).await;
    assert_eq!(consumer.heard("b").await, [1]);
    assert_eq!(producer.backlog().await.parked, 0);
    consumer.is_mended();
    producer.drained().await;
    assert_eq!(consumer.heard("b").await, [1, 2, 3, 4, 5, 6]);
    relay.stop().await;
}
