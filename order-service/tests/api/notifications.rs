use order_service::{
    NotificationConfig, NotificationPace,
    store::{self, MIGRATIONS, notifications::Outcome},
};
use serde_json::{Value, json};
use service_kit::{
    db::{Db, DbError, DbOptions, Tx},
    testing::{TestDatabase, eventually},
};
use shared_types::{Secret, Timestamp};

use crate::{
    outsider::{Call, Mood, Outsider},
    shop::{Messages, Shop, collect, patient},
};

const PHONE: &str = "+254711223344";

pub fn accepted() -> Mood {
    let recipient =
        json!({"statusCode": 101, "number": PHONE, "status": "Success", "cost": "KES 0.8000", "messageId": "ATPid_1"});
    let body = json!({"SMSMessageData": {"Message": "Sent to 1/1 Total Cost: KES 0.8000", "Recipients": [recipient]}});
    Mood::Answers(201, body.to_string())
}

fn refused() -> Mood {
    let recipient =
        json!({"statusCode": 403, "number": PHONE, "status": "InvalidPhoneNumber", "cost": "0", "messageId": "None"});
    let body = json!({"SMSMessageData": {"Message": "Sent to 0/1 Total Cost: 0", "Recipients": [recipient]}});
    Mood::Answers(201, body.to_string())
}

fn told_by(address: &str) -> Messages {
    let pace = NotificationPace { call_ms: 5_000, poll_ms: 20, first_pause_ms: 20, ..NotificationPace::default() };
    let notifications = NotificationConfig {
        africastalking_api_key: Some(Secret::new("at-key")),
        africastalking_username: Some("lastcopy".to_owned()),
        africastalking_short_code: Some("21345".to_owned()),
        africastalking_base_url: format!("http://{address}").parse().unwrap(),
        pace,
        ..NotificationConfig::default()
    };
    Messages { notifications, ..Messages::default() }
}

pub async fn shop(name: &str, provider: &Outsider) -> Shop {
    Shop::open_telling(TestDatabase::create(name).await, patient(), told_by(&provider.address)).await
}

pub fn purchase(lines: &[(i64, i64)]) -> Value {
    let mut body = collect(lines);
    body["phone"] = json!(PHONE);
    body
}

/// A field of a form, decoded.
fn field(call: &Call, name: &str) -> Option<String> {
    url::form_urlencoded::parse(call.body.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn texts(provider: &Outsider) -> Vec<String> {
    provider.calls().iter().map(|call| field(call, "message").unwrap()).collect()
}

fn told(order: &str, words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("Lastcopy: your order {order} is {word}.")).collect()
}

/// `state:status` of every message about an order, first one first.
async fn statuses(shop: &Shop, order: &str) -> Vec<String> {
    let db = Db::open_read_only(shop.database.url()).await.unwrap();
    let order = order.to_owned();
    let read = move |tx: &mut Tx<'_>| {
        let filter = store::notifications::Filter { order_id: Some(order.parse().unwrap()), ..Default::default() };
        let mut found = store::notifications::page(tx, &filter, 100)?;
        found.reverse();
        let name = |value: Value| value.as_str().unwrap().to_owned();
        Ok::<_, DbError>(
            found.iter().map(|view| format!("{}:{}", name(json!(view.state)), name(json!(view.status)))).collect(),
        )
    };
    let statuses = db.read(read).await.unwrap();
    db.close().await;
    statuses
}

async fn comes_to(shop: &Shop, order: &str, expected: &[&str]) {
    eventually(&format!("the messages come to {expected:?}"), async || statuses(shop, order).await == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shop_sms_a_message_on_creation_and_on_every_change_of_state_in_order_and_once() {
    let provider = Outsider::start(accepted()).await;
    let shop = shop("sms", &provider).await;
    let approved = shop.checkout(&purchase(&[(1, 1)])).await.order_id();
    let canceled = shop.checkout(&purchase(&[(3, 1)])).await.order_id();
    comes_to(&shop, &approved, &["pending:sent", "approved:sent"]).await;
    comes_to(&shop, &canceled, &["pending:sent", "canceled:sent"]).await;
    let shop = shop.restart().await;
    for (order, words) in [(&approved, ["placed", "approved"]), (&canceled, ["placed", "canceled"])] {
        let heard: Vec<String> = texts(&provider).into_iter().filter(|text| text.contains(order.as_str())).collect();
        assert_eq!(heard, told(order, &words));
    }
    let call = &provider.calls()[0];
    assert_eq!(call.line, "POST /version1/messaging");
    assert_eq!((call.headers["apikey"].as_str(), call.headers["accept"].as_str()), ("at-key", "application/json"));
    assert_eq!(call.headers["content-type"], "application/x-www-form-urlencoded");
    let fields = ["username", "to", "from"].map(|name| field(call, name).unwrap());
    assert_eq!(fields, ["lastcopy", PHONE, "21345"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_was_lost_is_unknown_and_never_sent_again_by_itself() {
    let provider = Outsider::start(Mood::LosesAnswers).await;
    let shop = shop("sms_lost", &provider).await;
    let order = shop.checkout(&purchase(&[(1, 1)])).await.order_id();
    comes_to(&shop, &order, &["pending:unknown", "approved:unknown"]).await;
    provider.is(accepted());
    let shop = shop.restart().await;
    // Somebody else's messages go out: the sender is at work, and leaves these alone.
    let other = shop.checkout(&purchase(&[(1, 1)])).await.order_id();
    comes_to(&shop, &other, &["pending:sent", "approved:sent"]).await;
    assert_eq!(texts(&provider)[..2], told(&order, &["placed", "approved"]));
    assert_eq!(texts(&provider).len(), 4);
    assert_eq!(statuses(&shop, &order).await, ["pending:unknown", "approved:unknown"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_leave_waits_for_its_turn_and_the_next_ones_wait_behind_it() {
    let address = Outsider::start(accepted()).await.address.clone();
    let shop = Shop::open_telling(TestDatabase::create("sms_down").await, patient(), told_by(&address)).await;
    let order = shop.checkout(&purchase(&[(1, 1)])).await.order_id();
    eventually("both wait", async || statuses(&shop, &order).await.len() == 2).await;
    let provider = Outsider::start_at(&address, accepted()).await;
    comes_to(&shop, &order, &["pending:sent", "approved:sent"]).await;
    assert_eq!(texts(&provider), told(&order, &["placed", "approved"]));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_provider_refuses_has_failed_and_holds_nobody_up() {
    let provider = Outsider::start(refused()).await;
    let shop = shop("sms_refused", &provider).await;
    let order = shop.checkout(&purchase(&[(1, 1)])).await.order_id();
    comes_to(&shop, &order, &["pending:failed", "approved:failed"]).await;
    assert_eq!(texts(&provider).len(), 2);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_number_nothing_is_sent_and_a_number_that_is_none_is_refused() {
    let provider = Outsider::start(accepted()).await;
    let shop = shop("sms_nobody", &provider).await;
    let order = shop.checkout(&collect(&[(1, 1)])).await.order_id();
    comes_to(&shop, &order, &["pending:no_phone", "approved:no_phone"]).await;
    let orders = shop.get("/orders").await.json["items"].as_array().unwrap().len();
    for number in ["", "0711223344", "+0711223344", "+25471122334455667", "+254 711 223344", "+25471122334a"] {
        let mut body = collect(&[(1, 1)]);
        body["phone"] = json!(number);
        let answer = shop.checkout(&body).await;
        assert_eq!((answer.status, &answer.json["errors"][0]["field"]), (422, &json!("phone")), "{number}");
    }
    assert_eq!(shop.get("/orders").await.json["items"].as_array().unwrap().len(), orders);
    assert!(provider.calls().is_empty());
    shop.close().await;
}

/// What a crash leaves behind: an order with two messages, of which the first is `sending`.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_never_came_back_leaves_unknown_and_a_late_truth_still_counts() {
    let provider = Outsider::start(refused()).await;
    let shop = shop("sms_crash", &provider).await;
    let order = shop.checkout(&purchase(&[(1, 1)])).await.order_id();
    comes_to(&shop, &order, &["pending:failed", "approved:failed"]).await;
    let Shop { neighbours, database, running, .. } = shop;
    running.stop().await;
    neighbours.stop().await;

    let db = Db::open(database.url(), DbOptions::default(), MIGRATIONS).await.unwrap();
    let now = Timestamp::from_micros(1_000_000);
    let claim = || db.write(move |tx| store::notifications::claim(tx, now, now.plus_ms(1_000), 10));
    for id in [1, 2] {
        assert!(db.write(move |tx| store::notifications::resend(tx, id, now)).await.unwrap().is_some());
        assert!(db.write(move |tx| store::notifications::resend(tx, id, now)).await.unwrap().is_none(), "it is queued");
    }
    let first = claim().await.unwrap();
    assert_eq!(first.iter().map(|due| due.id).collect::<Vec<_>>(), [1], "one of an order at a time");
    assert!(claim().await.unwrap().is_empty(), "nobody takes it twice, and the next one waits");
    // Here its sender dies.
    assert_eq!(db.write(move |tx| store::notifications::end_leases(tx, now.plus_ms(999), now)).await.unwrap(), 0);
    assert_eq!(db.write(move |tx| store::notifications::end_leases(tx, now.plus_ms(1_000), now)).await.unwrap(), 1);
    let second = claim().await.unwrap();
    assert_eq!(second.iter().map(|due| due.id).collect::<Vec<_>>(), [2], "the next one goes on");

    let record = async |due: &store::notifications::Due, outcome: Outcome| {
        let due = due.clone();
        db.write(move |tx| store::notifications::record(tx, &due, &outcome, now)).await.unwrap();
        let found = db.read(move |tx| store::notifications::find(tx, 1)).await.unwrap().unwrap();
        json!(found.status)
    };
    let again = Outcome::Again { detail: "unreachable".to_owned(), at: now };
    assert_eq!(record(&first[0], again).await, "unknown", "what is unknown is not sent again by itself");
    assert_eq!(record(&first[0], Outcome::Sent { provider_id: None }).await, "sent");
    db.close().await;
}
