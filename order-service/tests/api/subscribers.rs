use order_service::{
    WebhookConfig, WebhookPace,
    store::{
        MIGRATIONS,
        subscribers::{self, NewWebhook},
    },
};
use serde_json::{Value, json};
use service_kit::{
    db::{Db, DbOptions},
    testing::{TestDatabase, eventually},
};
use shared_types::{
    Secret, Timestamp,
    webhooks::{WebhookEvent, WebhookMessageLog, WebhookMessageStatus},
};
use standardwebhooks::Webhook;
use uuid::Uuid;

use crate::{
    neighbours::Book,
    outsider::{Mood, Outsider},
    shop::{Messages, Shop, collect, patient},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn acknowledges() -> Mood {
    Mood::Answers(204, String::new())
}

/// A shop that tells this subscriber of these events; `allowed` are blocks of addresses.
async fn shop(name: &str, subscriber: &Outsider, events: &[WebhookEvent], allowed: &str) -> (Shop, Uuid) {
    let pace = WebhookPace { call_ms: 5_000, poll_ms: 20, second_ms: 1, ..WebhookPace::default() };
    shop_at(pace, name, subscriber, events, allowed).await
}

/// A shop that tells this subscriber of every order that is approved.
pub async fn approvals(name: &str, subscriber: &Outsider) -> (Shop, Uuid) {
    shop(name, subscriber, &[WebhookEvent::OrderApproved], "127.0.0.1").await
}

async fn shop_at(
    pace: WebhookPace,
    name: &str,
    subscriber: &Outsider,
    events: &[WebhookEvent],
    allowed: &str,
) -> (Shop, Uuid) {
    let (shop, ids) = shop_telling(pace, name, &[subscriber], events, allowed).await;
    (shop, ids[0])
}

/// The same with more than one subscriber; their ids.
async fn shop_telling(
    pace: WebhookPace,
    name: &str,
    subscribers: &[&Outsider],
    events: &[WebhookEvent],
    allowed: &str,
) -> (Shop, Vec<Uuid>) {
    let database = TestDatabase::create(name).await;
    let db = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    let mut ids = Vec::new();
    for subscriber in subscribers {
        let new = NewWebhook {
            id: Uuid::now_v7(),
            url: format!("http://{}/hook", subscriber.address),
            events: events.to_vec(),
            description: None,
            secret: Secret::new(SECRET),
            created_by: "account:ben".to_owned(),
        };
        ids.push(new.id);
        db.write(move |tx| subscribers::create(tx, &new, Timestamp::from_micros(1))).await.unwrap();
    }
    db.close().await;
    let webhooks = WebhookConfig { webhook_allowed_networks: vec![allowed.parse().unwrap()], pace };
    (Shop::open_telling(database, patient(), Messages { webhooks, ..Messages::default() }).await, ids)
}

/// Every message to a subscriber with its attempts, first one first.
async fn logs(shop: &Shop, webhook_id: Uuid) -> Vec<WebhookMessageLog> {
    let db = Db::open_read_only(shop.database.url()).await.unwrap();
    let read = move |tx: &mut service_kit::db::Tx<'_>| {
        let mut messages = subscribers::messages(tx, webhook_id, None, 100)?;
        messages.reverse();
        messages.iter().map(|message| subscribers::log(tx, webhook_id, message.id).map(Option::unwrap)).collect()
    };
    let logs: Result<Vec<WebhookMessageLog>, service_kit::db::DbError> = db.read(read).await;
    db.close().await;
    logs.unwrap()
}

pub async fn delivered(shop: &Shop, webhook_id: Uuid, messages: usize) -> Vec<WebhookMessageLog> {
    eventually(&format!("{messages} messages are delivered"), async || {
        let logs = logs(shop, webhook_id).await;
        logs.iter().filter(|log| log.message.status == WebhookMessageStatus::Delivered).count() == messages
    })
    .await;
    logs(shop, webhook_id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_is_told_what_he_wants_to_know_and_nothing_else_signed() {
    let subscriber = Outsider::start(acknowledges()).await;
    let wanted = [WebhookEvent::OrderCreated, WebhookEvent::OrderApproved, WebhookEvent::OrderCanceled];
    let (shop, id) = shop("hook", &subscriber, &wanted, "127.0.0.1").await;
    let approved = shop.checkout(&collect(&[(1, 1)])).await.order_id();
    let canceled = shop.checkout(&collect(&[(3, 1)])).await.order_id();
    let logs = delivered(&shop, id, 4).await;
    let mut told = Vec::new();
    for call in subscriber.calls() {
        assert_eq!((call.line.as_str(), call.headers["content-type"].as_str()), ("POST /hook", "application/json"));
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, call.headers[name].parse().unwrap());
        }
        let key = Webhook::new(SECRET).unwrap();
        key.verify(call.body.as_bytes(), &headers).unwrap();
        assert!(key.verify(call.body.replace("order", "0rder").as_bytes(), &headers).is_err(), "a changed message");
        let body: Value = serde_json::from_str(&call.body).unwrap();
        assert!(logs.iter().any(|log| log.message.id.to_string() == call.headers["webhook-id"]));
        assert!(body["timestamp"].is_string() && body["data"]["version"].is_i64(), "{body}");
        told.push(format!("{} {}", body["type"].as_str().unwrap(), body["data"]["order_id"].as_str().unwrap()));
    }
    told.sort();
    let mut expected = vec![
        format!("order.created {approved}"),
        format!("order.approved {approved}"),
        format!("order.created {canceled}"),
        format!("order.canceled {canceled}"),
    ];
    expected.sort();
    assert_eq!(told, expected);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_repeated_under_its_id_until_it_is_acknowledged_and_every_attempt_is_logged() {
    let subscriber = Outsider::start(Mood::Answers(500, "on fire".to_owned())).await;
    let (shop, id) = shop("hook_again", &subscriber, &[WebhookEvent::OrderApproved], "127.0.0.0/8").await;
    shop.checkout(&collect(&[(1, 1)])).await;
    eventually("it is tried", async || !subscriber.calls().is_empty()).await;
    for mood in [Mood::Answers(302, String::new()), Mood::LosesAnswers] {
        let before = subscriber.calls().len();
        subscriber.is(mood);
        eventually("it is tried again", async || subscriber.calls().len() > before).await;
    }
    let shop = shop.restart().await;
    subscriber.is(acknowledges());
    let log = delivered(&shop, id, 1).await.remove(0);
    let calls = subscriber.calls();
    assert!(calls.iter().all(|call| call.headers["webhook-id"] == log.message.id.to_string()), "one id");
    assert!(calls.iter().all(|call| call.line == "POST /hook"), "no redirect is followed");
    assert_eq!(log.attempts.len(), calls.len());
    assert_eq!(log.message.attempts, i64::try_from(calls.len()).unwrap());
    assert_eq!((log.attempts[0].status, log.attempts[0].detail.as_deref()), (Some(500), Some("on fire")));
    assert!(log.attempts.iter().any(|attempt| attempt.status.is_none()), "the lost answer");
    assert_eq!(log.attempts.last().unwrap().status, Some(204));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_nobody_acknowledges_is_given_up_after_its_day() {
    let subscriber = Outsider::start(Mood::Answers(410, String::new())).await;
    // A day without pauses.
    let pace = WebhookPace { poll_ms: 20, second_ms: 0, ..WebhookPace::default() };
    let (shop, id) = shop_at(pace, "hook_failed", &subscriber, &[WebhookEvent::OrderApproved], "127.0.0.1").await;
    shop.checkout(&collect(&[(1, 1)])).await;
    eventually("it is given up", async || {
        logs(&shop, id).await.first().is_some_and(|log| log.message.status == WebhookMessageStatus::Failed)
    })
    .await;
    let log = logs(&shop, id).await.remove(0);
    assert_eq!((log.attempts.len(), log.message.next_attempt_at), (10, None));
    assert_eq!(subscriber.calls().len(), 10);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_our_own_network_is_never_called() {
    let subscriber = Outsider::start(acknowledges()).await;
    let (shop, id) = shop("hook_inside", &subscriber, &[WebhookEvent::OrderApproved], "10.0.0.0/8").await;
    shop.checkout(&collect(&[(1, 1)])).await;
    eventually("it is tried", async || logs(&shop, id).await.first().is_some_and(|log| !log.attempts.is_empty())).await;
    let log = logs(&shop, id).await.remove(0);
    let detail = log.attempts[0].detail.clone();
    assert_eq!((log.attempts[0].status, detail.as_deref()), (None, Some("the address is not a public one")));
    assert!(subscriber.calls().is_empty());
    shop.close().await;
}

/// What a crash between sending and recording leaves behind: the message is due again, under its id.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_sender_died_is_sent_again_and_a_resent_one_begins_anew() {
    let subscriber = Outsider::start(acknowledges()).await;
    let (shop, id) = shop("hook_crash", &subscriber, &[WebhookEvent::OrderApproved], "127.0.0.1").await;
    shop.checkout(&collect(&[(1, 1)])).await;
    let message_id = delivered(&shop, id, 1).await[0].message.id;
    let Shop { neighbours, database, running, .. } = shop;
    running.stop().await;
    neighbours.stop().await;

    let db = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    let now = Timestamp::from_micros(1_000_000);
    let claim = || db.write(move |tx| subscribers::claim(tx, id, now, now.plus_ms(1_000), 10));
    assert!(claim().await.unwrap().is_empty());
    let resent = db.write(move |tx| subscribers::resend(tx, id, message_id, now)).await.unwrap().unwrap();
    assert_eq!((json!(resent.status), resent.attempts), (json!("pending"), 1));
    let sending = claim().await.unwrap();
    assert_eq!((sending[0].message_id, sending[0].attempts, sending[0].tries), (message_id, 2, 1));
    assert!(claim().await.unwrap().is_empty(), "nobody takes it twice");
    // Here its sender dies, and the process starts again.
    assert_eq!(db.write(move |tx| subscribers::end_leases(tx, now, 1_000)).await.unwrap(), 1);
    let again = claim().await.unwrap();
    assert_eq!((again[0].message_id, again[0].attempts), (message_id, 3));
    db.close().await;
}

/// Patience with one is nobody else's time: while every call to him hangs, the other hears of everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_who_hangs_keeps_no_other_waiting() {
    const ORDERS: usize = 30;
    let (hanging, other) = (Outsider::start(Mood::Hangs).await, Outsider::start(acknowledges()).await);
    // Longer than this test takes: nobody is given up.
    let pace = WebhookPace { call_ms: 300_000, poll_ms: 20, ..WebhookPace::default() };
    let events = [WebhookEvent::OrderCreated];
    let (shop, ids) = shop_telling(pace, "hook_hangs", &[&hanging, &other], &events, "127.0.0.1").await;
    shop.neighbours.put_book(1, Book { title: "The Martian", price: "12.99", on_hand: 100 });
    for _ in 0..ORDERS {
        shop.checkout(&collect(&[(1, 1)])).await;
    }
    eventually("he is told of every order", async || other.calls().len() == ORDERS).await;
    assert!(logs(&shop, ids[0]).await.iter().all(|log| log.attempts.is_empty()), "the other's calls hang");
    assert!(hanging.calls().len() < ORDERS, "and not all of them at once");
    hanging.is(acknowledges());
    delivered(&shop, ids[0], ORDERS).await;
    shop.close().await;
}
