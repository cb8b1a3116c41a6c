use std::sync::{Arc, Mutex};

use gateway_service::identity::IdentityConfig;
use paperclip::actix::{api_v2_operation, web};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    Client, ClientOptions,
    http::{Background, Fail, IdempotencyKey, Reply, Running, S409, ServiceInfo, serve},
    testing::TestDatabase,
};
use shared_types::{Code, Problem, Secret};

use crate::shop::OPERATOR_KEY;

/// Checkouts as they came, and how many of them get no answer.
#[derive(Clone, Default)]
struct Seen {
    keys: Arc<Mutex<Vec<Option<String>>>>,
    silent: usize,
    /// The gateway's own, kept as long as somebody looks.
    _database: Option<Arc<TestDatabase>>,
}

/// Answers 503 so many times, and then that the book is sold out.
#[api_v2_operation]
async fn checkout(seen: web::Data<Seen>, key: IdempotencyKey) -> Result<Reply<String>, Fail<(S409,)>> {
    let mut keys = seen.keys.lock().unwrap();
    keys.push(key.0);
    let code = if keys.len() <= seen.silent { Code::Unavailable } else { Code::SoldOut };
    Err(Problem::new(code, "as the test wants it").into())
}

/// A gateway before an order service that gives no answer to its first `silent` checkouts.
async fn gateway_before(silent: usize) -> (Running, Running, Seen) {
    let database = Arc::new(TestDatabase::create("silence").await);
    let identity =
        IdentityConfig { operator_key: Some(Secret::new(OPERATOR_KEY)), ..IdentityConfig::on(database.url().clone()) };
    let seen = Seen { silent, _database: Some(database), ..Seen::default() };
    let data = web::Data::new(seen.clone());
    let info = ServiceInfo { name: "order", title: "Fake", description: "Gives no answer." };
    let routes = move |config: &mut web::ServiceConfig| {
        config.app_data(data.clone()).service(web::resource("/checkout").route(web::post().to(checkout)));
    };
    let any_port = "127.0.0.1:0".parse().unwrap();
    let order = serve(info, any_port, 1, Vec::new(), Background::default(), routes).await.unwrap();
    let gateway = gateway_service::start(gateway_service::Config {
        listen: any_port,
        workers: 1,
        catalog_url: order.url(),
        order_url: order.url(),
        delivery_url: order.url(),
        dialects: gateway_service::Dialects::default(),
        cache_ttl_seconds: 0,
        metrics_listen: None,
        shared: gateway_service::SharedConfig::default(),
        identity,
    });
    (gateway.await.unwrap(), order, seen)
}

async fn buy(gateway: &Running, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let body = json!({"lines": [{"book_id": 1, "quantity": 1}], "payment_method": "on_delivery"});
    let client = Client::new(&gateway.url(), ClientOptions::default()).unwrap();
    let mut headers = headers.to_vec();
    headers.extend([("content-type", "application/json"), ("x-api-key", OPERATOR_KEY)]);
    let answer = client.send(Method::POST, path, &headers, Some(body.to_string().into_bytes())).await.unwrap();
    (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_without_an_answer_is_repeated_under_one_key() {
    for path in ["/api/v1/checkout", "/purchase/1"] {
        let (gateway, order, seen) = gateway_before(2).await;
        let (status, answer) = buy(&gateway, path, &[]).await;
        assert_eq!((status, answer["code"].as_str()), (409, Some("sold_out")), "{path}");
        let keys = seen.keys.lock().unwrap().clone();
        assert_eq!(keys.len(), 3, "{path}");
        assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{path}: {keys:?}");
        gateway.stop().await;
        order.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_without_a_key_is_told_the_one_that_buys_once() {
    let (gateway, order, seen) = gateway_before(usize::MAX).await;
    let (status, answer) = buy(&gateway, "/api/v1/checkout", &[]).await;
    assert_eq!((status, answer["code"].as_str(), &answer["retryable"]), (503, Some("unavailable"), &json!(true)));
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.contains("may have been carried out"), "{detail}");
    let key = seen.keys.lock().unwrap()[0].clone().unwrap();
    assert!(detail.contains(&key), "{detail}");

    let (status, answer) = buy(&gateway, "/api/v1/checkout", &[("idempotency-key", "mine-1")]).await;
    assert_eq!(status, 503);
    assert!(!answer["detail"].as_str().unwrap().contains("mine-1"), "{answer}");
    assert_eq!(seen.keys.lock().unwrap().last().unwrap().as_deref(), Some("mine-1"));
    gateway.stop().await;
    order.stop().await;
}
