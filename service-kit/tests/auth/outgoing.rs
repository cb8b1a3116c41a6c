use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;
use service_kit::{
    Client, ClientOptions, Clock, Outcome,
    auth::{
        Caller, CallerTokens, Expected, Issuer, KeySource, KeySourceOptions, Scope, Scopes, Service, ServiceTokens,
        TokenSource, Verifier, Who, publish_keys,
    },
    db::Db,
    http::{Background, Running, ServiceInfo, serve},
    testing::TestIssuer,
};

use crate::{
    extractors::catalog_with,
    forge::ACCOUNT,
    issuing::{database, gateway},
};

const INFO: ServiceInfo = ServiceInfo { name: "issuer", title: "Issuer", description: "Publishes its keys." };

async fn order(db: &Db, offset_s: i64) -> Issuer {
    Issuer::open(Service::Order, db.clone(), Clock::shifted(offset_s * 1_000)).await.unwrap()
}

async fn publishing(issuer: &Issuer) -> Running {
    let issuer = issuer.clone();
    let routes = move |config: &mut paperclip::actix::web::ServiceConfig| publish_keys(config, &issuer);
    serve(INFO, "127.0.0.1:0".parse().unwrap(), 1, Vec::new(), Background::default(), routes).await.unwrap()
}

async fn get(client: &Client, path: &str) -> Outcome<Value> {
    client.call::<(), Value>(Method::GET, path, None, &[200]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_calls_another_in_its_own_name_with_keys_fetched_over_http() {
    let (_database, db) = database("outgoing").await;
    let issuer = order(&db, 0).await;
    let publishing = publishing(&issuer).await;
    let keys = KeySource::at(&publishing.url(), KeySourceOptions::default()).unwrap();
    let catalog = catalog_with(Verifier::new(Clock::system()).trust(Service::Order, keys)).await;

    let bare = Client::new(&catalog.url(), ClientOptions::default()).unwrap();
    let named = bare.with_tokens(ServiceTokens::new(issuer.clone(), Service::Catalog, Scopes::NONE));
    let astray = bare.with_tokens(ServiceTokens::new(issuer, Service::Delivery, Scopes::NONE));
    assert!(matches!(get(&named, "/order-service").await, Outcome::Done(seen) if seen["principal"] == "service:order"));
    // Neither without a token nor with one for somebody else: and neither is an answer that may lead to an undo.
    for client in [&bare, &astray] {
        assert!(matches!(get(client, "/order-service").await, Outcome::Unknown(_)));
    }
    assert!(matches!(get(&named, "/customer").await, Outcome::Refused(problem) if problem.status == 403));

    // Orders come to rest while the issuer of the keys is down: the catalog has them.
    publishing.stop().await;
    assert!(matches!(get(&named, "/order-service").await, Outcome::Done(_)));
    catalog.stop().await;
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_used_again_until_shortly_before_it_expires() {
    let (_database, db) = database("reuse").await;
    let tokens = ServiceTokens::new(order(&db, 0).await, Service::Catalog, Scopes::of(&[Scope::DeliveriesWrite]));
    let first = tokens.token().unwrap();
    assert_eq!(tokens.token().unwrap(), first);
    tokens.refused(&first);
    let second = tokens.token().unwrap();
    assert_ne!(second, first);
    // An answer to an older token does not cost the new one.
    tokens.refused(&first);
    assert_eq!(tokens.token().unwrap(), second);
    let left_s = (second.expires().micros() - Clock::system().now().micros()) / 1_000_000;
    assert!((200..=300).contains(&left_s), "{left_s}");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_not_offered_again() {
    let (_database, db) = database("refused").await;
    let issuer = order(&db, 0).await;
    // A catalog that trusts another key under the order service's name.
    let catalog = catalog_with(crate::forge::verifier()).await;
    let tokens = ServiceTokens::new(issuer, Service::Catalog, Scopes::NONE);
    let client = Client::new(&catalog.url(), ClientOptions::default()).unwrap().with_tokens(tokens.clone());
    let before = tokens.token().unwrap();
    assert!(matches!(get(&client, "/order-service").await, Outcome::Unknown(_)));
    let between = tokens.token().unwrap();
    assert_ne!(between, before);
    // Nor is the other side's word about our token passed on to whoever asked us.
    assert!(client.send(Method::GET, "/order-service", &[], None).await.is_err());
    assert_ne!(tokens.token().unwrap(), between);
    catalog.stop().await;
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_calls_as_whom_it_likes() {
    let gateway = TestIssuer::start(Service::Gateway).await;
    let keys = KeySource::at(&gateway.url(), KeySourceOptions::default()).unwrap();
    let catalog = catalog_with(Verifier::new(Clock::system()).trust(Service::Gateway, keys)).await;
    let account = ACCOUNT.parse().unwrap();
    let client = |who| gateway.client(&Caller::first_hand(who), Service::Catalog, &catalog.url());
    assert!(matches!(get(&client(Who::Employee(account)), "/employee").await, Outcome::Done(_)));
    assert!(matches!(get(&client(Who::Customer(account)), "/employee").await, Outcome::Refused(_)));
    catalog.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_passes_on_whose_wish_it_is() {
    let (_database, db) = database("behalf").await;
    let issuer = gateway(&db, 0).await;
    let verifier = Verifier::new(Clock::system()).trust(Service::Gateway, KeySource::of(&issuer));
    let tokens = CallerTokens::new(issuer, Service::Order);
    let key = Caller { scopes: Scopes::of(&[Scope::ItemsRead]), ..Caller::first_hand(Who::ApiKey("k1".into())) };
    let callers = [Caller::anonymous(), Caller::first_hand(Who::Customer(ACCOUNT.parse().unwrap())), key];
    let mut seen: Vec<String> = Vec::new();
    for caller in callers {
        let source: Arc<dyn TokenSource> = tokens.on_behalf_of(&caller);
        let token = source.token().unwrap();
        let passed_on = Caller { act: Some(Service::Gateway), ..caller.clone() };
        assert_eq!(verifier.verify(token.secret(), &Expected::access(Service::Order)).await, Ok(passed_on));
        // The same caller again: the same token, so that its verification is remembered too.
        assert_eq!(tokens.on_behalf_of(&caller).token().unwrap(), token);
        assert!(!seen.contains(&token.secret().to_owned()));
        seen.push(token.secret().to_owned());
    }
    db.close().await;
}
