use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use paperclip::actix::{api_v2_operation, web};
use serde_json::json;
use service_kit::{
    Clock,
    auth::{Expected, JWKS_PATH, Jwks, KeySource, KeySourceOptions, Public, Service, TokenError, Verifier},
    http::{Background, Fail, Reply, Running, S503, ServiceInfo, serve},
    testing::eventually,
};
use shared_types::{Code, Problem};

use crate::forge::{GATEWAY_KID, gateway_key, good, jwks, order_key};

const INFO: ServiceInfo = ServiceInfo { name: "issuer", title: "Issuer", description: "Publishes what a test says." };
const AT_CATALOG: Expected<'static> = Expected::access(Service::Catalog);

/// An issuer that publishes what a test says, and counts how often it is asked.
#[derive(Clone, Default)]
struct Published {
    keys: Arc<Mutex<Option<Jwks>>>,
    asked: Arc<AtomicUsize>,
}

impl Published {
    fn set(&self, keys: Option<Jwks>) {
        *self.keys.lock().unwrap() = keys;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The keys of the moment.
#[api_v2_operation]
async fn keys(_: Public, published: web::Data<Published>) -> Result<Reply<Jwks>, Fail<(S503,)>> {
    published.asked.fetch_add(1, Ordering::SeqCst);
    let keys = published.keys.lock().unwrap().clone();
    keys.map(Reply::ok).ok_or_else(|| Problem::new(Code::Unavailable, "down").into())
}

async fn issuer(keys: Option<Jwks>) -> (Running, Published) {
    let published = Published::default();
    published.set(keys);
    let data = web::Data::new(published.clone());
    let routes = move |config: &mut web::ServiceConfig| {
        config.app_data(data.clone()).service(web::resource(JWKS_PATH).route(web::get().to(self::keys)));
    };
    let address = "127.0.0.1:0".parse().unwrap();
    let running = serve(INFO, address, 1, Vec::new(), Background::default(), routes).await.unwrap();
    (running, published)
}

fn verifier(url: &str, options: KeySourceOptions) -> Verifier {
    Verifier::new(Clock::system()).trust(Service::Gateway, KeySource::at(url, options).unwrap())
}

fn the_gateways() -> Jwks {
    jwks(&[(GATEWAY_KID, &gateway_key())])
}

/// Asks anew at every use.
const RESTLESS: KeySourceOptions =
    KeySourceOptions { refresh_after_ms: 0, wait_after_ms: 0, pause_ms: 0, deadline_ms: 2_000 };
/// Asks once, and then not again as long as a test lasts.
const PATIENT: KeySourceOptions =
    KeySourceOptions { refresh_after_ms: 3_600_000, wait_after_ms: 3_600_000, pause_ms: 3_600_000, deadline_ms: 2_000 };

#[tokio::test(flavor = "multi_thread")]
async fn many_first_tokens_at_once_ask_the_issuer_once() {
    let (running, published) = issuer(Some(the_gateways())).await;
    let verifier = verifier(&running.url(), PATIENT);
    let token = good().signed();
    let verified = join_all((0..50).map(|_| verifier.verify(&token, &AT_CATALOG))).await;
    assert!(verified.iter().all(Result::is_ok));
    assert_eq!(published.asked(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_kids_does_not_hammer_the_issuer() {
    let (running, published) = issuer(Some(the_gateways())).await;
    let verifier = verifier(&running.url(), KeySourceOptions { pause_ms: 0, ..PATIENT });
    assert!(verifier.verify(&good().signed(), &AT_CATALOG).await.is_ok());
    let flood = async |verifier: &Verifier| {
        let tokens = (0..300).map(|number| {
            let mut draft = good();
            draft.header["kid"] = json!(format!("kid-{number}"));
            draft.signed()
        });
        let tokens: Vec<String> = tokens.collect();
        let refused = join_all(tokens.iter().map(|token| verifier.verify(token, &AT_CATALOG))).await;
        assert!(refused.iter().all(|refusal| *refusal == Err(TokenError::Key)));
    };
    // Without the pause every one of them is a question: that is what the pause is for.
    flood(&verifier).await;
    assert!(published.asked() > 100, "{}", published.asked());

    let before = published.asked();
    let paused = self::verifier(&running.url(), PATIENT);
    assert!(paused.verify(&good().signed(), &AT_CATALOG).await.is_ok());
    flood(&paused).await;
    assert_eq!(published.asked() - before, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_kid_asks_again_and_finds_a_new_key() {
    let (running, published) = issuer(Some(jwks(&[("gateway-0", &order_key())]))).await;
    let verifier = verifier(&running.url(), KeySourceOptions { pause_ms: 0, ..PATIENT });
    let token = good().signed();
    assert_eq!(verifier.verify(&token, &AT_CATALOG).await, Err(TokenError::Key));
    published.set(Some(the_gateways()));
    assert!(verifier.verify(&token, &AT_CATALOG).await.is_ok());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_set_is_kept_while_the_issuer_is_down() {
    let (running, published) = issuer(Some(the_gateways())).await;
    let verifier = verifier(&running.url(), RESTLESS);
    let verify = async || verifier.verify(&good().signed(), &AT_CATALOG).await.map(drop);
    assert_eq!(verify().await, Ok(()));
    let asked = published.asked();
    published.set(None);
    assert_eq!(verify().await, Ok(()), "503");
    published.set(Some(Jwks { keys: Vec::new() }));
    assert_eq!(verify().await, Ok(()), "a set without keys is none");
    assert!(published.asked() > asked, "it was asked meanwhile");
    running.stop().await;
    assert_eq!(verify().await, Ok(()), "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_never_heard_of_leaves_the_question_open_and_is_asked_again() {
    let (running, published) = issuer(None).await;
    let verifier = verifier(&running.url(), RESTLESS);
    let token = good().signed();
    assert_eq!(verifier.verify(&token, &AT_CATALOG).await, Err(TokenError::Unavailable));
    published.set(Some(the_gateways()));
    assert!(verifier.verify(&token, &AT_CATALOG).await.is_ok());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_never_answers_costs_its_deadline_once() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let verifier = verifier(&url, KeySourceOptions { deadline_ms: 300, ..PATIENT });
    let token = good().signed();
    let started = Instant::now();
    let answers = join_all((0..50).map(|_| verifier.verify(&token, &AT_CATALOG))).await;
    assert!(answers.iter().all(|answer| *answer == Err(TokenError::Unavailable)));
    // One deadline, not fifty of them.
    assert!(started.elapsed().as_millis() < 5_000, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_hang_up_do_not_make_us_ask_again() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let verifier = verifier(&url, KeySourceOptions { deadline_ms: 60_000, pause_ms: 0, ..PATIENT });
    let token = good().signed();
    for _ in 0..20 {
        let patience = Duration::from_millis(20);
        assert!(tokio::time::timeout(patience, verifier.verify(&token, &AT_CATALOG)).await.is_err());
    }
    silent.set_nonblocking(true).unwrap();
    let questions = std::iter::from_fn(|| silent.accept().ok()).count();
    // One is ours. A port is given out again, so another test, whose server has stopped, may stray here.
    assert!(questions < 10, "{questions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_withdrawn_is_refused_even_for_a_token_that_is_remembered() {
    let (running, published) = issuer(Some(the_gateways())).await;
    let verifier = verifier(&running.url(), RESTLESS);
    let token = good().signed();
    assert!(verifier.verify(&token, &AT_CATALOG).await.is_ok());
    published.set(Some(jwks(&[("gateway-2", &order_key())])));
    assert_eq!(verifier.verify(&token, &AT_CATALOG).await, Err(TokenError::Key));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_set_is_renewed_in_the_background_while_it_serves() {
    let (running, published) = issuer(Some(the_gateways())).await;
    let options = KeySourceOptions { refresh_after_ms: 0, pause_ms: 0, ..PATIENT };
    let verifier = verifier(&running.url(), options);
    let token = good().signed();
    assert!(verifier.verify(&token, &AT_CATALOG).await.is_ok());
    published.set(Some(jwks(&[("gateway-2", &order_key())])));
    let mut answers = Vec::new();
    eventually("the new set is there", async || {
        answers.push(verifier.verify(&token, &AT_CATALOG).await.map(drop));
        answers.last() == Some(&Err(TokenError::Key))
    })
    .await;
    // Nobody was told "unavailable" on the way.
    assert!(answers[..answers.len() - 1].iter().all(Result::is_ok), "{answers:?}");
    running.stop().await;
}
