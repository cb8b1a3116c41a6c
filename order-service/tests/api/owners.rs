use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{auth::Who, testing::eventually};
use shared_types::AccountId;
use uuid::Uuid;

use crate::shop::{Answer, Shop, collect, deliver, employee};

fn somebody() -> Who {
    Who::Customer(AccountId::from_uuid(Uuid::now_v7()))
}

async fn buy(shop: &Shop, who: &Who, key: Option<&str>, body: &Value) -> Answer {
    shop.send_as(who, Method::POST, "/checkout", key, Some(body)).await
}

async fn ids_of(shop: &Shop, who: &Who, path: &str) -> Vec<String> {
    let page = shop.send_as(who, Method::GET, path, None, None).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.json["items"].as_array().unwrap().iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect()
}

/// Every route about one order, with a body that it would take.
fn routes(id: &str) -> Vec<(Method, String, Option<Value>)> {
    let card = json!({"number": "4242424242424242", "expiry": "12/40"});
    vec![
        (Method::GET, format!("/orders/{id}"), None),
        (Method::GET, format!("/orders/{id}/history"), None),
        (Method::GET, format!("/orders/{id}/lines"), None),
        (Method::POST, format!("/orders/{id}/lines"), Some(json!({"book_id": 1, "quantity": 1}))),
        (Method::PATCH, format!("/orders/{id}/lines/1"), Some(json!({"quantity": 2}))),
        (Method::DELETE, format!("/orders/{id}/lines/1"), None),
        (Method::POST, format!("/orders/{id}/submit"), None),
        (Method::POST, format!("/orders/{id}/cancel"), Some(json!({}))),
        (Method::POST, format!("/orders/{id}/payments"), Some(json!({"card": card}))),
    ]
}

#[tokio::test]
async fn anothers_order_is_a_404_like_that_of_an_id_which_nobody_has() {
    let shop = Shop::open("owners").await;
    let (ana, ben) = (somebody(), somebody());
    let written = json!({"lines": []});
    let order = shop.send_as(&ana, Method::POST, "/orders", None, Some(&written)).await;
    assert_eq!(order.status, 201, "{order:?}");
    let (id, nobodys) = (order.order_id(), Uuid::now_v7().to_string());
    let before = shop.order(&id).await;
    let strangers = [ben, Who::Guest("g".into()), Who::ApiKey("k".into())];
    for stranger in &strangers[..2] {
        for ((method, path, body), (_, missing, _)) in routes(&id).into_iter().zip(routes(&nobodys)) {
            let refused = shop.send_as(stranger, method.clone(), &path, Some("a-key"), body.as_ref()).await;
            let missing = shop.send_as(stranger, method.clone(), &missing, Some("a-key"), body.as_ref()).await;
            assert_eq!(refused.status, 404, "{method} {path}: {refused:?}");
            let plain = |answer: Answer, id: &str| answer.without_request_id().json.to_string().replace(id, "ID");
            assert_eq!(plain(refused, &id), plain(missing, &nobodys), "{method} {path}");
        }
        assert_eq!(ids_of(&shop, stranger, "/orders").await, Vec::<String>::new());
        assert_eq!(ids_of(&shop, stranger, "/orders?state=created").await, Vec::<String>::new());
    }
    // A key without scopes is no key to anything.
    assert_eq!(shop.send_as(&strangers[2], Method::GET, &format!("/orders/{id}"), None, None).await.status, 403);
    assert_eq!(shop.order(&id).await, before, "nothing of it was changed");
    assert_eq!(ids_of(&shop, &ana, "/orders").await, [id]);
    shop.close().await;
}

#[tokio::test]
async fn whoever_reviews_orders_sees_all_of_them_with_the_names_of_their_customers() {
    let shop = Shop::open("staff").await;
    let (ana, guest) = (somebody(), Who::Guest("g1".into()));
    let first = buy(&shop, &ana, None, &collect(&[(1, 1)])).await.order_id();
    let second = buy(&shop, &guest, None, &collect(&[(1, 1)])).await.order_id();
    assert_eq!(ids_of(&shop, &employee(), "/orders").await, [second.clone(), first.clone()]);
    assert_eq!(shop.order(&second).await["customer"], "guest:g1");
    let own = shop.send_as(&ana, Method::GET, &format!("/orders/{first}"), None, None).await.json;
    assert!(own["customer"].is_null() && own["placed_by"].is_null(), "{own}");
    shop.close().await;
}

#[tokio::test]
async fn an_order_made_on_a_customers_behalf_is_his_and_names_both() {
    let shop = Shop::open("behalf").await;
    let account = AccountId::from_uuid(Uuid::now_v7());
    let ana = Who::Customer(account);
    for (path, mut body) in [("/checkout", collect(&[(1, 1)])), ("/orders", json!({"lines": []}))] {
        body["on_behalf_of"] = json!(account);
        let refused = shop.send_as(&somebody(), Method::POST, path, None, Some(&body)).await;
        assert_eq!((refused.status, &refused.json["code"]), (403, &json!("forbidden")), "{path}");
        let order = shop.send(Method::POST, path, None, Some(&body)).await.order_id();
        let seen = shop.order(&order).await;
        assert_eq!(seen["customer"], json!(format!("account:{account}")), "{path}");
        assert_eq!(seen["placed_by"], "account:00000000-0000-0000-0000-000000000000", "{path}");
        assert_eq!(shop.send_as(&ana, Method::GET, &format!("/orders/{order}"), None, None).await.status, 200);
        let history = shop.send_as(&ana, Method::GET, &format!("/orders/{order}/history"), None, None).await.json;
        assert_eq!(history["items"][0]["actor"], "staff", "customers read no names of others: {history}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_key_belongs_to_whoever_sent_it() {
    let shop = Shop::open("keys_of").await;
    let (ana, ben) = (somebody(), somebody());
    let anas = buy(&shop, &ana, Some("one"), &collect(&[(1, 1)])).await;
    let bens = buy(&shop, &ben, Some("one"), &collect(&[(1, 2)])).await;
    assert_eq!((anas.status, bens.status), (201, 201), "{bens:?}");
    assert_ne!(anas.order_id(), bens.order_id());
    assert_eq!(buy(&shop, &ana, Some("one"), &collect(&[(1, 1)])).await, anas);
    assert_eq!(buy(&shop, &ana, Some("one"), &collect(&[(1, 2)])).await.status, 422);
    shop.close().await;
}

#[tokio::test]
async fn a_parcel_is_booked_in_the_name_of_its_customer() {
    let shop = Shop::open("parcel_of").await;
    let order = buy(&shop, &Who::Guest("g7".into()), None, &deliver(&[(1, 1)])).await.order_id();
    eventually("the parcel is booked", async || !shop.neighbours.deliveries().is_empty()).await;
    assert_eq!(shop.neighbours.customer_of(&format!("{order}:d1")).as_deref(), Some("guest:g7"));
    shop.close().await;
}
