use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::{
    Clock,
    auth::{
        AccountsAdmin, Administrator, AnyCaller, Anyone, Caller, Customer, Employee, Gate, KeySet, KeySource, Peer,
        Public, Scope, Scoped, Scopes, Service, ServiceCaller, Verifier, Who, peer,
    },
    http::{Background, Body, Reply, Running, ServiceInfo, serve},
};

use crate::forge::{ACCOUNT, GATEWAY_KID, ORDER_KID, gateway_key, good, good_of_order, jwks, order_key, verifier};

const INFO: ServiceInfo = ServiceInfo { name: "catalog", title: "Catalog", description: "Every permission once." };

#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    principal: String,
}

fn seen(caller: &Caller) -> Reply<Seen> {
    Reply::ok(Seen { principal: caller.principal() })
}

/// Open.
#[api_v2_operation]
async fn public(_: Public) -> Reply<Seen> {
    seen(&Caller::anonymous())
}

/// Anyone.
#[api_v2_operation]
async fn anyone(who: Anyone) -> Reply<Seen> {
    seen(&who.0)
}

/// Any caller.
#[api_v2_operation]
async fn any_caller(who: AnyCaller) -> Reply<Seen> {
    seen(&who.0)
}

/// A scope that people have.
#[api_v2_operation]
async fn scoped(who: Scoped<service_kit::auth::OrdersWrite>, _: Body<Seen>) -> Reply<Seen> {
    seen(&who.caller)
}

/// A scope that nobody but administrators have.
#[api_v2_operation]
async fn admin_scoped(who: Scoped<AccountsAdmin>) -> Reply<Seen> {
    seen(&who.caller)
}

/// Customers.
#[api_v2_operation]
async fn customer(who: Customer) -> Reply<Seen> {
    seen(&who.caller)
}

/// Employees.
#[api_v2_operation]
async fn employee(who: Employee) -> Reply<Seen> {
    seen(&who.caller)
}

/// Administrators.
#[api_v2_operation]
async fn administrator(who: Administrator) -> Reply<Seen> {
    seen(&who.caller)
}

/// The order service.
#[api_v2_operation]
async fn order_service(who: ServiceCaller<peer::Order>) -> Reply<Seen> {
    seen(&who.caller)
}

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/public").route(web::get().to(public)))
        .service(web::resource("/anyone").route(web::get().to(anyone)))
        .service(web::resource("/any-caller").route(web::get().to(any_caller)))
        .service(web::resource("/scoped").route(web::post().to(scoped)))
        .service(web::resource("/admin-scoped").route(web::get().to(admin_scoped)))
        .service(web::resource("/customer").route(web::get().to(customer)))
        .service(web::resource("/employee").route(web::get().to(employee)))
        .service(web::resource("/administrator").route(web::get().to(administrator)))
        .service(web::resource("/order-service").route(web::get().to(order_service)));
}

pub async fn catalog_with(verifier: Verifier) -> Running {
    let gate = Gate::bearer(verifier, Service::Catalog);
    let routes = move |config: &mut web::ServiceConfig| {
        config.app_data(gate.clone());
        routes(config);
    };
    serve(INFO, "127.0.0.1:0".parse().unwrap(), 1, Vec::new(), Background::default(), routes).await.unwrap()
}

pub struct Answer {
    pub status: u16,
    pub challenge: String,
    pub json: Value,
}

#[expect(clippy::disallowed_methods, reason = "a stranger's client")]
async fn send(running: &Running, path: &str, headers: &[(&str, &str)]) -> Answer {
    let client = reqwest::Client::new();
    let url = format!("{}{path}", running.url());
    let mut request = if path.starts_with("/scoped") {
        client.post(url).json(&serde_json::json!({"principal": ""}))
    } else {
        client.get(url)
    };
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let challenge = header("www-authenticate");
    if response.status() != StatusCode::OK {
        assert_eq!(header("content-type"), "application/problem+json");
    }
    Answer { status: response.status().as_u16(), challenge, json: response.json().await.unwrap() }
}

async fn send_as(running: &Running, path: &str, token: &str) -> Answer {
    send(running, path, &[("authorization", &format!("Bearer {token}"))]).await
}

fn token_of(caller: &Caller) -> String {
    if let Who::Service(Service::Order) = caller.who {
        return good_of_order().signed();
    }
    let mut draft = good();
    draft.claims["role"] = caller.role().text().into();
    draft.claims["sub"] = caller.who.subject().into();
    draft.claims["scope"] = caller.scopes.to_string().into();
    if let Some(client) = &caller.client_id {
        draft.claims["client_id"] = client.clone().into();
    }
    draft.signed()
}

/// The whole table: every permission, every kind of caller.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_caller_gets_in_where_he_may_and_nowhere_else() {
    let running = catalog_with(verifier()).await;
    let account = ACCOUNT.parse().unwrap();
    let through_app = |who| Caller {
        client_id: Some("app".into()),
        scopes: Scopes::of(&[Scope::OrdersWrite]),
        ..Caller::first_hand(who)
    };
    let key = Caller { scopes: Scopes::of(&[Scope::OrdersWrite]), ..Caller::first_hand(Who::ApiKey("k1".into())) };
    let callers = [
        ("anonymous", Caller::first_hand(Who::Anonymous)),
        ("guest", Caller::first_hand(Who::Guest("g1".into()))),
        ("customer", Caller::first_hand(Who::Customer(account))),
        ("employee", Caller::first_hand(Who::Employee(account))),
        ("administrator", Caller::first_hand(Who::Administrator(account))),
        ("an app of an administrator", through_app(Who::Administrator(account))),
        ("a key for orders", key),
        ("a client with nothing", Caller::first_hand(Who::Client("app".into()))),
        ("the order service", Caller::first_hand(Who::Service(Service::Order))),
    ];
    // One letter per caller, in this order: . is 200, ? is 401, x is 403.
    let table = [
        ("/public", "........."),
        ("/anyone", "........."),
        ("/any-caller", "?........"),
        ("/scoped", "?......x."),
        ("/admin-scoped", "?xxx.xxxx"),
        ("/customer", "?x.xxxxxx"),
        ("/employee", "?xx..xxxx"),
        ("/administrator", "?xxx.xxxx"),
        ("/order-service", "?xxxxxxx."),
    ];
    for (path, row) in table {
        for ((name, caller), letter) in callers.iter().zip(row.chars()) {
            let answer = if caller.who == Who::Anonymous {
                send(&running, path, &[]).await
            } else {
                send_as(&running, path, &token_of(caller)).await
            };
            let expected = match letter {
                '.' => (200, None),
                '?' => (401, Some("unauthorized")),
                _ => (403, Some("forbidden")),
            };
            assert_eq!((answer.status, answer.json["code"].as_str()), expected, "{path} {name}");
            if answer.status == 200 && path != "/public" {
                assert_eq!(answer.json["principal"], caller.principal(), "{path} {name}");
            }
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_gateway_a_nobody_needs_the_gateways_word() {
    let running = catalog_with(verifier()).await;
    let nobody = token_of(&Caller::first_hand(Who::Anonymous));
    assert_eq!(send_as(&running, "/any-caller", &nobody).await.json["principal"], "anonymous:anonymous");
    for (path, status) in [("/anyone", 200), ("/scoped", 403), ("/customer", 403)] {
        assert_eq!(send_as(&running, path, &nobody).await.status, status, "{path}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_was_wrong() {
    let running = catalog_with(verifier()).await;
    let missing = send(&running, "/customer", &[]).await;
    assert_eq!((missing.status, missing.challenge.as_str()), (401, "Bearer realm=\"lastcopy\""));

    let mut elsewhere = good();
    elsewhere.claims["aud"] = "order".into();
    let refused = send_as(&running, "/customer", &elsewhere.signed()).await;
    let challenge =
        "Bearer realm=\"lastcopy\", error=\"invalid_token\", error_description=\"the token is not for this service\"";
    assert_eq!((refused.status, refused.challenge.as_str()), (401, challenge));
    assert_eq!(refused.json["detail"], "the token is not for this service");
    assert_eq!(refused.json["title"], shared_types::Code::Unauthorized.title());
    assert!(refused.json["request_id"].is_string());

    let lacking = send_as(&running, "/admin-scoped", &good().signed()).await;
    let challenge = "Bearer realm=\"lastcopy\", error=\"insufficient_scope\", scope=\"accounts:admin\"";
    assert_eq!((lacking.status, lacking.challenge.as_str()), (403, challenge));
    assert_eq!(lacking.json["detail"], "this needs scope:accounts:admin");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_even_where_none_is_needed() {
    let running = catalog_with(verifier()).await;
    assert_eq!(send_as(&running, "/anyone", "garbage").await.status, 401);
    assert_eq!(send_as(&running, "/public", "garbage").await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_that_cannot_be_read_is_a_bad_request() {
    let running = catalog_with(verifier()).await;
    let token = format!("Bearer {}", good().signed());
    let twice = send(&running, "/anyone", &[("authorization", &token), ("authorization", &token)]).await;
    assert_eq!((twice.status, twice.json["code"].as_str()), (400, Some("malformed_header")));
    assert!(twice.challenge.contains("error=\"invalid_request\""), "{}", twice.challenge);
    for (value, status) in [("Bearer", 400), ("Bearer ", 400), ("Basic YTpi", 401), ("", 401)] {
        assert_eq!(send(&running, "/anyone", &[("authorization", value)]).await.status, status, "{value:?}");
    }
    // The scheme's name has no case (RFC 9110 §11.1); the token does, and two spaces are one too many.
    assert_eq!(send(&running, "/customer", &[("authorization", &token.replacen("B", "b", 1))]).await.status, 200);
    assert_eq!(send(&running, "/customer", &[("authorization", &token.replacen(' ', "  ", 1))]).await.status, 401);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_a_client_gives_himself_are_ignored() {
    let running = catalog_with(verifier()).await;
    let claims = [
        ("x-forwarded-user", "admin"),
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;by=gateway"),
        ("x-real-ip", "127.0.0.1"),
        ("x-user-id", ACCOUNT),
        ("x-role", "administrator"),
        ("x-scopes", "accounts:admin"),
        ("x-service", "order"),
        ("remote-user", "admin"),
        ("proxy-authorization", "Bearer x"),
        ("cookie", "role=administrator"),
    ];
    for path in ["/customer", "/administrator", "/admin-scoped", "/order-service", "/any-caller"] {
        assert_eq!(send(&running, path, &claims).await.status, 401, "{path}");
    }
    let token = good().signed();
    assert_eq!(send(&running, &format!("/customer?access_token={token}"), &[]).await.status, 401);
    let token = format!("Bearer {token}");
    let with_token = [&claims[..], &[("authorization", token.as_str())]].concat();
    assert_eq!(send(&running, "/administrator", &with_token).await.status, 403);
    assert_eq!(send(&running, "/anyone", &with_token).await.json["principal"], format!("account:{ACCOUNT}"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_call_learns_nothing_about_his_request() {
    let running = catalog_with(verifier()).await;
    let url = format!("{}/scoped", running.url());
    #[expect(clippy::disallowed_methods, reason = "a stranger's client")]
    let client = reqwest::Client::new();
    let bare = client.post(&url).body("{").send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let known = client.post(&url).body("{").bearer_auth(token_of(&Caller::first_hand(Who::Client("app".into()))));
    assert_eq!(known.send().await.unwrap().status(), 403);
    let welcome = client.post(&url).body("{").bearer_auth(good().signed());
    assert_eq!(welcome.send().await.unwrap().status(), 400);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_be_had_are_no_refusal() {
    // Nobody listens there.
    let source = KeySource::at("http://127.0.0.1:1", Default::default()).unwrap();
    let order = KeySource::fixed(KeySet::read(&jwks(&[(ORDER_KID, &order_key())])).unwrap());
    let verifier = Verifier::new(Clock::system()).trust(Service::Gateway, source).trust(Service::Order, order);
    let running = catalog_with(verifier).await;
    let open = send_as(&running, "/customer", &good().signed()).await;
    assert_eq!((open.status, open.json["retryable"].as_bool(), open.challenge.as_str()), (503, Some(true), ""));
    // What needs no gateway goes on without it.
    assert_eq!(send_as(&running, "/order-service", &good_of_order().signed()).await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_gate_lets_nobody_in() {
    let address = "127.0.0.1:0".parse().unwrap();
    let running = serve(INFO, address, 1, Vec::new(), Background::default(), routes).await.unwrap();
    for path in ["/anyone", "/customer", "/order-service"] {
        assert_eq!(send_as(&running, path, &good().signed()).await.status, 503, "{path}");
    }
    assert_eq!(send(&running, "/public", &[]).await.status, 200);
    running.stop().await;
}

#[test]
fn the_keys_of_these_tests_differ() {
    assert_ne!(jwks(&[(GATEWAY_KID, &gateway_key())]), jwks(&[(GATEWAY_KID, &order_key())]));
    assert_eq!(<peer::Order as Peer>::SERVICE, Service::Order);
}
