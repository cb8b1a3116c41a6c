use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use paperclip::actix::{api_v2_operation, web};
use reqwest::Method;
use service_kit::{
    Client, ClientOptions, RequestContext, Silence,
    http::{Background, Fail, Reply, Running, ServiceInfo, serve},
};
use shared_types::{Code, Problem};

use crate::moody::{Mood, Moody};

const INFO: ServiceInfo = ServiceInfo { name: "hop", title: "Hop", description: "Passes on." };

/// What is left of the caller's time, by his header.
#[api_v2_operation]
async fn left(request: HttpRequest) -> Reply<u64> {
    let header = request.headers().get("x-deadline-ms").unwrap().to_str().unwrap();
    Reply::ok(header.parse().unwrap())
}

/// Asks the next hop.
#[api_v2_operation]
async fn pass_on(next: web::Data<Client>) -> Result<Reply<u64>, Fail> {
    let answer = next.attempt(Method::GET, "/left", &[], None).await;
    let answer = answer.map_err(|_| Problem::new(Code::Unavailable, "the next hop does not answer"))?;
    Ok(Reply::ok(serde_json::from_slice(&answer.body).unwrap()))
}

async fn hop(next: Client) -> Running {
    let next = web::Data::new(next);
    serve(INFO, "127.0.0.1:0".parse().unwrap(), 1, Vec::new(), Background::default(), move |config| {
        config
            .app_data(next.clone())
            .service(web::resource("/left").route(web::get().to(left)))
            .service(web::resource("/pass-on").route(web::get().to(pass_on)));
    })
    .await
    .unwrap()
}

fn client(url: &str, call_ms: u64) -> Client {
    Client::new(url, ClientOptions { call_ms, ..ClientOptions::default() }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hop_is_told_what_is_left_of_the_time() {
    let last = hop(client("http://127.0.0.1:1", 1)).await;
    let first = hop(client(&last.url(), 60_000)).await;
    let outside = client(&first.url(), 60_000);
    let ask = async |waits_ms: &str| {
        let answer = outside.attempt(Method::GET, "/pass-on", &[("x-deadline-ms", waits_ms)], None).await.unwrap();
        serde_json::from_slice::<u64>(&answer.body).unwrap()
    };
    let told = RequestContext::fresh().until(Instant::now() + Duration::from_millis(9_000));
    let left = told.scope(async {
        let answer = outside.attempt(Method::GET, "/pass-on", &[], None).await.unwrap();
        serde_json::from_slice::<u64>(&answer.body).unwrap()
    });
    let left = left.await;
    assert!((1..=8_960).contains(&left), "{left} ms of 9,000 are left after two hops");
    // Whoever names more than a request may take gets no more.
    assert!(ask("3600000").await < 30_000);
    first.stop().await;
    last.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_works_for_an_answer_that_nobody_waits_for() {
    let hanging = Moody::start(Mood::Hangs).await;
    let first = hop(hanging.client()).await;
    let began = Instant::now();
    let outside = client(&first.url(), 60_000);
    let hurried = RequestContext::fresh().until(Instant::now() + Duration::from_millis(300));
    let answered = hurried.scope(outside.attempt(Method::GET, "/pass-on", &[], None)).await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}: {answered:?}", began.elapsed());
    let asked = hanging.asked();
    let late = RequestContext::fresh()
        .until(Instant::now())
        .scope(hanging.client().attempt(Method::GET, "/", &[], None))
        .await;
    assert!(matches!(late, Err(Silence::NotSent(_))), "{late:?}");
    assert_eq!(hanging.asked(), asked);
    hanging.is(Mood::Well);
    first.stop().await;
}
