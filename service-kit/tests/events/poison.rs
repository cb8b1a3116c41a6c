//! Events that a consumer refuses: they are parked and hold their subject; others go on.

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::auth::{Caller, Gate, Service, Who};
use service_kit::http::{Background, ServiceInfo, serve};
use service_kit::testing::{Callers, eventually};
use service_kit::{Client, ClientOptions, Outcome, outbox};
use shared_types::AccountId;

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

/// Asks the producer's desk; answers the body, or the status of the refusal.
async fn ask(client: &Client, who: Who, method: Method, path: &str, body: Option<&Value>) -> Result<Value, u16> {
    let bearer = Callers::of_this_process().bearer(&Caller::first_hand(who), Service::Order);
    match client.call_with(method, path, &[("authorization", &bearer)], body, &[200]).await {
        Outcome::Done(answer) => Ok(answer),
        Outcome::Refused(problem) => Err(problem.status),
        Outcome::Unknown(no_answer) => panic!("{no_answer}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_events_are_seen_and_replayed_by_those_who_review_orders() {
    let (producer, consumer) = told("desk").await;
    consumer.rejects("b-3");
    let relay = producer.relay_to(&consumer.address).await;
    producer.parked(1).await;

    let issuers = [(Service::Gateway, Callers::of_this_process().url())];
    let issuers = issuers.each_ref().map(|(service, url)| (*service, url.as_str()));
    let (gate, db) = (Gate::trusting(Service::Order, &issuers).unwrap(), producer.db.clone());
    let routes = move |config: &mut paperclip::actix::web::ServiceConfig| {
        config.app_data(gate.clone());
        outbox::desk(config, &db);
    };
    let info = ServiceInfo { name: "producer", title: "Producer", description: "Tells." };
    let address = "127.0.0.1:0".parse().unwrap();
    let running = serve(info, address, 1, Vec::new(), Background::default(), routes).await.unwrap();
    let client = Client::new(&running.url(), ClientOptions::default()).unwrap();
    let account = AccountId::from_uuid(uuid::Uuid::now_v7());
    let (list, replay) = ("/parked-events", "/parked-events/replay");

    let event = json!({"subscriber": CONSUMER, "event_id": "b-3"});
    assert_eq!(ask(&client, Who::Customer(account), Method::GET, list, None).await, Err(403));
    assert_eq!(ask(&client, Who::Customer(account), Method::POST, replay, Some(&event)).await, Err(403));
    let employee = || Who::Employee(account);
    let shown = ask(&client, employee(), Method::GET, list, None).await.unwrap();
    let parked = json!({"subscriber": CONSUMER, "event_id": "b-3", "subject": "b", "detail": "poisoned"});
    assert_eq!(shown, json!({"items": [parked]}));
    let other = json!({"subscriber": CONSUMER, "event_id": "b-4"});
    assert_eq!(ask(&client, employee(), Method::POST, replay, Some(&other)).await, Err(404));
    let no_text = json!({"subscriber": CONSUMER, "event_id": "b-\0"});
    assert_eq!(ask(&client, employee(), Method::POST, replay, Some(&no_text)).await, Err(404));

    consumer.is_mended();
    let left = ask(&client, employee(), Method::POST, replay, Some(&event)).await.unwrap();
    assert_eq!(left, json!({"items": []}));
    producer.drained().await;
    assert_eq!(consumer.heard("b").await, [1, 2, 3, 4, 5, 6]);
    running.stop().await;
    relay.stop().await;
}
