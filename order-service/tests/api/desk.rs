use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{auth::Who, testing::eventually};
use shared_types::AccountId;
use uuid::Uuid;

use crate::{
    notifications,
    outsider::{Mood, Outsider},
    shop::{Answer, Shop, collect, employee, send_as},
};

async fn ask(shop: &Shop, who: Who, method: Method, path: &str, body: Option<&Value>) -> Answer {
    send_as(who, &shop.http, &shop.running.url(), method, path, None, body).await
}

async fn staff(shop: &Shop, method: Method, path: &str, body: Option<&Value>) -> Answer {
    ask(shop, employee(), method, path, body).await
}

fn customer() -> Who {
    Who::Customer(AccountId::from_uuid(Uuid::now_v7()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_employee_registers_an_address_and_sees_its_secret_once() {
    let shop = Shop::open("desk_hooks").await;
    let new =
        json!({"url": "https://example.com/hook", "events": ["order.approved", "order.approved", "order.created"]});
    let made = staff(&shop, Method::POST, "/webhooks", Some(&new)).await;
    assert_eq!(made.status, 201, "{}", made.json);
    assert!(made.json["secret"].as_str().unwrap().starts_with("whsec_"));
    let path = made.location.unwrap();
    assert_eq!(made.json["webhook"]["events"], json!(["order.created", "order.approved"]));

    let changed = staff(&shop, Method::PATCH, &path, Some(&json!({"active": false, "description": "old"}))).await;
    assert_eq!((changed.status, &changed.json["active"], &changed.json["url"]), (200, &json!(false), &new["url"]));
    for page in ["/webhooks", path.as_str(), &format!("{path}/messages")] {
        let shown = staff(&shop, Method::GET, page, None).await;
        assert_eq!(shown.status, 200, "{page}");
        assert!(!shown.json.to_string().contains("whsec_"), "{page}: {}", shown.json);
    }
    assert_eq!(staff(&shop, Method::DELETE, &path, None).await.status, 204);
    for (method, page) in
        [(Method::GET, path.clone()), (Method::DELETE, path.clone()), (Method::GET, format!("{path}/messages"))]
    {
        let gone = staff(&shop, method, &page, None).await;
        assert_eq!((gone.status, &gone.json["code"]), (404, &json!("webhook_not_found")), "{page}");
    }
    assert_eq!(staff(&shop, Method::GET, "/webhooks", None).await.json["items"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn an_address_that_is_registered_many_times_at_once_under_one_key_is_one_with_one_secret() {
    let shop = Shop::open("desk_hook_key").await;
    let new = json!({"url": "https://example.com/hook", "events": ["order.created"]});
    let register = || shop.send(Method::POST, "/webhooks", Some("the-key"), Some(&new));
    let answers = join_all((0..12).map(|_| register())).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && *answer == answers[0]), "{answers:?}");
    let listed = shop.get("/webhooks").await.json;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_may_not_be_called_is_refused_when_it_is_registered() {
    let shop = Shop::open("desk_inside").await;
    for url in [
        "",
        "example.com",
        "ftp://example.com/",
        "http://127.0.0.1/",
        "https://localhost:8081@127.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "https://ana:pw@example.com/",
    ] {
        let refused =
            staff(&shop, Method::POST, "/webhooks", Some(&json!({"url": url, "events": ["order.paid"]}))).await;
        assert_eq!((refused.status, &refused.json["errors"][0]["field"]), (422, &json!("url")), "{url}");
    }
    for bad in [
        json!([]),
        json!({"url": "https://example.com/"}),
        json!({"url": "https://example.com/", "events": []}),
        json!({"url": "https://example.com/", "events": ["order.lost"]}),
        json!({"url": "https://example.com/", "events": ["order.paid"], "secret": "mine"}),
        json!({"url": "https://example.com/", "events": ["order.paid"], "description": "a\u{0}b"}),
    ] {
        assert_eq!(staff(&shop, Method::POST, "/webhooks", Some(&bad)).await.status, 422, "{bad}");
    }
    assert_eq!(staff(&shop, Method::GET, "/webhooks", None).await.json["items"], json!([]));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_is_for_employees() {
    let shop = Shop::open("desk_closed").await;
    let id = Uuid::now_v7();
    for (method, path) in [
        (Method::GET, "/notifications".to_owned()),
        (Method::GET, "/notifications/1".to_owned()),
        (Method::POST, "/notifications/1/resend".to_owned()),
        (Method::GET, "/webhooks".to_owned()),
        (Method::POST, "/webhooks".to_owned()),
        (Method::GET, format!("/webhooks/{id}")),
        (Method::PATCH, format!("/webhooks/{id}")),
        (Method::DELETE, format!("/webhooks/{id}")),
        (Method::GET, format!("/webhooks/{id}/messages")),
        (Method::GET, format!("/webhooks/{id}/messages/{id}")),
        (Method::POST, format!("/webhooks/{id}/messages/{id}/resend")),
    ] {
        for who in [customer(), Who::Guest("g1".to_owned()), Who::ApiKey("k1".to_owned())] {
            let refused = ask(&shop, who, method.clone(), &path, None).await;
            assert_eq!((refused.status, &refused.json["code"]), (403, &json!("forbidden")), "{method} {path}");
        }
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_employee_lists_messages_and_resends_what_may_not_have_arrived() {
    let provider = Outsider::start(Mood::LosesAnswers).await;
    let shop = notifications::shop("desk_sms", &provider).await;
    let order = shop.checkout(&notifications::purchase(&[(1, 1)])).await.order_id();
    let list = format!("/notifications?order_id={order}&limit=1");
    eventually("both are unknown", async || {
        let unknown = staff(&shop, Method::GET, "/notifications?status=unknown", None).await;
        unknown.json["items"].as_array().unwrap().len() == 2
    })
    .await;
    let page = staff(&shop, Method::GET, &list, None).await;
    assert_eq!(
        (&page.json["items"][0]["state"], &page.json["items"][0]["phone"]),
        (&json!("approved"), &json!("+254711223344"))
    );
    let next = page.link.unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
    let page = staff(&shop, Method::GET, &next, None).await;
    assert_eq!((&page.json["items"][0]["state"], &page.json["next_cursor"]), (&json!("pending"), &Value::Null));
    let path = format!("/notifications/{}", page.json["items"][0]["id"]);

    provider.is(notifications::accepted());
    let resent = staff(&shop, Method::POST, &format!("{path}/resend"), None).await;
    assert_eq!((resent.status, &resent.json["status"]), (200, &json!("queued")));
    eventually("it is sent", async || staff(&shop, Method::GET, &path, None).await.json["status"] == "sent").await;
    assert_eq!(provider.calls().len(), 3);
    let again = staff(&shop, Method::POST, &format!("{path}/resend"), None).await;
    assert_eq!((again.status, &again.json["code"]), (409, &json!("invalid_transition")));
    let nothing = staff(&shop, Method::POST, "/notifications/4711/resend", None).await;
    assert_eq!((nothing.status, &nothing.json["code"]), (404, &json!("notification_not_found")));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_subscriber_is_shown_with_its_attempts_and_resent_under_its_id() {
    let subscriber = Outsider::start(Mood::Answers(204, String::new())).await;
    let (shop, id) = crate::subscribers::approvals("desk_resend", &subscriber).await;
    shop.checkout(&collect(&[(1, 1)])).await;
    crate::subscribers::delivered(&shop, id, 1).await;
    let list = staff(&shop, Method::GET, &format!("/webhooks/{id}/messages"), None).await;
    let message = list.json["items"][0].clone();
    assert_eq!((&message["status"], &message["event"]), (&json!("delivered"), &json!("order.approved")));
    let path = format!("/webhooks/{id}/messages/{}", message["id"].as_str().unwrap());
    assert_eq!(staff(&shop, Method::POST, &format!("{path}/resend"), None).await.json["status"], "pending");
    eventually("it arrives again", async || subscriber.calls().len() == 2).await;
    eventually("both attempts are logged", async || {
        staff(&shop, Method::GET, &path, None).await.json["attempts"].as_array().unwrap().len() == 2
    })
    .await;
    let ids: Vec<String> = subscriber.calls().iter().map(|call| call.headers["webhook-id"].clone()).collect();
    assert_eq!(ids[0], ids[1]);
    let other = Uuid::now_v7();
    let foreign = staff(&shop, Method::POST, &format!("/webhooks/{other}/messages/{}/resend", ids[0]), None).await;
    assert_eq!((foreign.status, &foreign.json["code"]), (404, &json!("webhook_not_found")));
    shop.close().await;
}
