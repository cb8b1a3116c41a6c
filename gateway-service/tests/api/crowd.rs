//! More is asked of a service behind the gateway than it answers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use service_kit::testing::eventually;
use shared_types::Code;

use crate::shelf::Shelf;

/// Calls to one service under way at a time as long as none of them is answered, and calls that wait for their turn.
const SEATS: usize = 64;
const QUEUE: usize = 256;
const CROWD: usize = SEATS + QUEUE + 200;

#[tokio::test(flavor = "multi_thread")]
async fn while_there_is_no_room_nobody_is_asked_who_he_is_and_nobody_loses_his_connection() {
    let shelf = Shelf::open(3_600).await;
    assert_eq!(shelf.buy_as("lck_nobody", 10_000).await.0, 401, "there is room");
    shelf.hold();
    // As many as have room, and more, who come again whenever they were sent away.
    let crowd = join_all((0..SEATS + QUEUE + 80).map(async |_| {
        loop {
            shelf.start_buying().await.unwrap();
        }
    }));
    let refused = eventually("there is no room", async || shelf.buy_as("lck_nobody", 10_000).await == (503, false));
    tokio::select! {
        _ = crowd => {}
        () = refused => {}
    }
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_an_open_breaker_keeps_from_being_sent_is_a_refusal_in_the_audit_log() {
    let mut shelf = Shelf::open(3_600).await;
    shelf.shut().await;
    let not_sent = ("refused".to_owned(), "status 503, nobody was asked for it".to_owned());
    eventually("the breaker opens", async || {
        assert_eq!(shelf.start_buying().await.unwrap().0, 503);
        shelf.endings().await.contains(&not_sent)
    })
    .await;
    let endings = shelf.endings().await;
    assert_eq!(endings[0], ("unknown".to_owned(), "status 503".to_owned()), "nobody knew of the first");
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_whose_buyer_is_gone_before_its_answer_is_in_the_audit_log() {
    let shelf = Shelf::open(3_600).await;
    shelf.hold();
    let status = shelf.buy_within(300).await;
    assert!(matches!(status, 503 | 504), "{status}");
    eventually("it has its line", async || shelf.endings().await.iter().any(|(how, _)| how == "unknown")).await;
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hangs_is_asked_by_so_many_and_the_rest_is_told_to_come_again() {
    let shelf = Shelf::open(3_600).await;
    let audited = shelf.audited().await;
    shelf.hold();
    let refused = Arc::new(AtomicUsize::new(0));
    let crowd: Vec<_> = (0..CROWD)
        .map(|_| {
            let (buying, refused) = (shelf.start_buying(), refused.clone());
            tokio::spawn(async move {
                let (status, code, again_in_s) = buying.await.unwrap();
                if code == Code::Overloaded {
                    assert_eq!((status, again_in_s.is_some_and(|seconds| seconds > 0)), (503, true));
                    refused.fetch_add(1, Ordering::SeqCst);
                }
                (status, code)
            })
        })
        .collect();
    // Nobody has an answer of the service by now, so these were refused instead of it.
    eventually("there is no room for all of them", async || refused.load(Ordering::SeqCst) >= CROWD - SEATS - QUEUE)
        .await;
    assert!(shelf.most_waiting() <= SEATS, "{} at a time", shelf.most_waiting());
    shelf.release();
    let answers = join_all(crowd).await;
    let served = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|(status, _)| *status == 409)).count();
    assert!(served > 0, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Ok((409 | 503, _)))), "{answers:?}");
    // What nobody looked at is no change, and no line in the audit log.
    let looked_at = i64::try_from(CROWD - refused.load(Ordering::SeqCst)).unwrap();
    assert_eq!(shelf.audited().await, audited + looked_at);
    // The crowd is gone, and leaves nothing behind.
    eventually("the next one is served", async || shelf.start_buying().await.unwrap().0 == 409).await;
    for _ in 0..10 {
        assert_eq!(shelf.start_buying().await.unwrap(), (409, Code::SoldOut, None));
    }
    shelf.close().await;
}
