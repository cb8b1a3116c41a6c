use std::time::{Duration, Instant};

use futures_util::future::join_all;
use service_kit::{NotSent, RequestContext, Silence, testing::eventually};

use crate::moody::{Mood, Moody, ask};

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_service_is_let_be_and_found_when_it_is_back() {
    let service = Moody::start(Mood::Breaks).await;
    let client = service.client();
    eventually("nobody asks any more", async || {
        matches!(ask(&client).await, Err(Silence::NotSent(NotSent::Broken(_))))
    })
    .await;
    let asked = service.asked();
    assert!(asked >= 10, "given up after {asked} calls");
    assert!(matches!(ask(&client).await, Err(Silence::NotSent(_))));
    assert_eq!(service.asked(), asked, "a call that was not sent arrived");

    service.is(Mood::Well);
    eventually("it is asked again", async || ask(&client).await.is_ok()).await;
    for _ in 0..100 {
        assert!(ask(&client).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_service_is_silent_one_call_at_a_time_finds_out() {
    let service = Moody::start(Mood::Breaks).await;
    let client = service.client();
    eventually("nobody asks any more", async || matches!(ask(&client).await, Err(Silence::NotSent(_)))).await;
    service.is(Mood::Hangs);
    let asked = service.asked();
    let probe = tokio::spawn({
        let client = client.clone();
        async move {
            loop {
                match ask(&client).await {
                    Err(Silence::NotSent(_)) => tokio::task::yield_now().await,
                    answered => return answered.is_ok(),
                }
            }
        }
    });
    eventually("the probe arrives", async || service.asked() == asked + 1).await;
    let others = join_all((0..50).map(|_| ask(&client))).await;
    assert!(others.iter().all(|other| matches!(other, Err(Silence::NotSent(NotSent::Broken(_))))));
    service.is(Mood::Well);
    assert!(probe.await.unwrap());
    assert!(ask(&client).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_service_is_asked_on() {
    let service = Moody::start(Mood::Busy).await;
    let client = service.client();
    for _ in 0..100 {
        assert_eq!(ask(&client).await.unwrap().status.as_u16(), 503);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_in_a_hurry_does_not_cut_a_service_off_from_others() {
    let service = Moody::start(Mood::Hangs).await;
    let client = service.client();
    for _ in 0..30 {
        let hurried = RequestContext::fresh().until(Instant::now() + Duration::from_millis(30));
        assert!(matches!(hurried.scope(ask(&client)).await, Err(Silence::Lost(_))));
    }
    service.is(Mood::Well);
    assert!(ask(&client).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_service_fills_its_own_seats_and_nobody_elses() {
    let (slow, well) = (Moody::start(Mood::Hangs).await, Moody::start(Mood::Well).await);
    let (slow_client, client) = (slow.client(), well.client());
    let call = || {
        let client = slow_client.clone();
        tokio::spawn(async move { ask(&client).await })
    };
    let mut waiting = Vec::new();
    // Few at a time: a crowd that connects at once would be turned away by the system before it reaches a seat.
    while waiting.len() < 64 {
        waiting.extend((0..16).map(|_| call()));
        eventually("its seats are taken one by one", async || slow.asked() == waiting.len()).await;
    }
    waiting.extend((0..300).map(|_| call()));
    assert!(ask(&client).await.is_ok());
    eventually("the queue is full", async || {
        matches!(ask(&slow_client).await, Err(Silence::NotSent(NotSent::Busy(_))))
    })
    .await;
    slow.is(Mood::Well);
    let ended: Vec<_> = join_all(waiting).await.into_iter().map(Result::unwrap).collect();
    let answered = ended.iter().filter(|ended| ended.is_ok()).count();
    assert!(answered >= 64, "{answered} were answered");
    assert!(ended.iter().all(|ended| matches!(ended, Ok(_) | Err(Silence::NotSent(NotSent::Busy(_))))));
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_are_a_part_of_all_calls() {
    let service = Moody::start(Mood::Well).await;
    let client = service.client();
    while client.may_repeat() {}
    for _ in 0..100 {
        assert!(ask(&client).await.is_ok());
    }
    let repetitions = (0..100).filter(|_| client.may_repeat()).count();
    assert_eq!(repetitions, 10);
}
