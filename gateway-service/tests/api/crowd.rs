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
