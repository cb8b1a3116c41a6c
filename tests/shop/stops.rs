use std::time::Duration;

use service_kit::testing::eventually;

use crate::{
    cluster::{Cluster, SERVICES},
    storms::Crowd,
};

/// What is in flight is decided within seconds; the rest of the time belongs to a busy machine.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_told_to_stop_finishes_what_is_in_flight() {
    let mut shop = Cluster::start().await;
    let (wanted, plenty) = (shop.book("Wanted", 20).await, shop.book("Plenty", 1_000_000).await);
    let crowd = Crowd::gather(&shop.operator(), wanted, plenty);
    for part in SERVICES {
        let before = crowd.sold();
        eventually("the crowd buys", async || crowd.sold() > before + 20).await;
        let took = shop.stop(part).await;
        assert!(took < STOP_DEADLINE, "{part:?} took {took:?}");
        shop.restart(part).await;
    }
    crowd.go_home().await;
    shop.finish().await;
}
