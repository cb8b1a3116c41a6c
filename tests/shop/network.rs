use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use service_kit::testing::eventually;
use shared_types::{
    Code,
    orders::{OrderState, OrderView},
};

use crate::{
    cluster::{Basket, Bought, Buyers, Catalog, Cluster, Gateway, LINKS, Order},
    day::Day,
};

/// A caller hears at the latest after this, whatever is wrong behind the gateway: the order service waits 2 s for the
/// decision, and this machine may be busy.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// The worst that a network does: what was asked is done, and nobody hears so.
#[tokio::test(flavor = "multi_thread")]
async fn answers_lost_on_any_link_change_nothing() {
    let mut shop = Cluster::start().await;
    for (from, to) in LINKS {
        for lost in [1, 3] {
            let before = shop.link(from, to).replies_lost();
            shop.link(from, to).drop_replies(lost);
            Day::of(&shop).live().await;
            // What is lost may be told in another way before it is asked for again: an event of a delivery is as good as
            // the answer to its booking. So one loss is certain, and further ones are not waited for. A bank's word may
            // come after the orders are at rest.
            let what = format!("{from:?} to {to:?} lost a reply");
            eventually(&what, async || shop.link(from, to).replies_lost() > before).await;
            shop.link(from, to).heal();
            shop.check().await;
        }
    }
    shop.finish().await;
}

/// A crowd's takings go together, and what is lost with one answer is asked again by each of its orders.
#[tokio::test(flavor = "multi_thread")]
async fn takings_that_went_together_and_whose_answer_was_lost_are_each_found_again() {
    const BUYERS: usize = 24;
    const COPIES: usize = 10 * BUYERS;
    let shop = Cluster::start().await;
    let book = shop.book("By the Dozen", i64::try_from(COPIES).unwrap()).await;
    let (caller, wire) = (shop.operator(), shop.link(Order, Catalog));
    // While the first ones wait for their answers, the others wait for them.
    wire.slow_down(100);
    let mut copies = COPIES;
    // On a busy machine few may come at the same time: then another crowd comes.
    while !lost_together(&shop) {
        assert!(copies >= BUYERS, "no answer about several was lost");
        let lost = wire.replies_lost();
        wire.drop_replies(6);
        let bought = join_all((0..BUYERS).map(async |_| caller.buy(&Basket::of(&[(book, 1)])).await.order().id)).await;
        assert_eq!(bought.into_iter().collect::<BTreeSet<_>>().len(), BUYERS);
        assert_eq!(wire.replies_lost(), lost + 6);
        copies -= BUYERS;
        assert_eq!(caller.on_hand(book).await, i64::try_from(copies).unwrap());
    }
    shop.finish().await;
}

/// Whether a taking was decided among others twice: the first answer about all of them did not arrive.
fn lost_together(shop: &Cluster) -> bool {
    let decided = shop.logged(Catalog, "decided among others");
    let id = |line: &str| line.split_whitespace().find_map(|word| word.strip_prefix("taking_id=").map(str::to_owned));
    let ids: BTreeSet<String> = decided.iter().filter_map(|line| id(line)).collect();
    assert!(!ids.is_empty() || decided.is_empty(), "{decided:?}");
    decided.len() > ids.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_outlives_a_cut_between_order_and_catalog() {
    let shop = Cluster::start().await;
    let book = shop.book("Out of Reach", 3).await;
    let (caller, basket) = (shop.operator(), Basket::of(&[(book, 1)]).delivered());
    shop.link(Order, Catalog).cut();
    let began = Instant::now();
    let answer = caller.try_to_buy(&basket).await;
    assert!(began.elapsed() < ANSWER_DEADLINE, "{:?}", began.elapsed());
    assert_eq!(answer.map(|answer| answer.status), Some(202), "written and not decided");
    shop.link(Order, Catalog).heal();
    caller.buy(&basket).await.order();
    assert_eq!(caller.on_hand(book).await, 2);
    shop.finish().await;
}

/// A request may arrive after the undo of what it asks for. The tombstone that the undo left refuses it.
#[tokio::test(flavor = "multi_thread")]
async fn a_take_that_arrives_after_the_cancellation_takes_nothing() {
    let shop = Cluster::start().await;
    let book = shop.book("Too Late", 3).await;
    let (caller, basket) = (shop.operator(), Basket::of(&[(book, 1)]));
    let wire = shop.link(Order, Catalog);
    wire.hold_next_request();
    let cancel = async {
        eventually("the take is on its way", async || wire.holds_a_request()).await;
        let id = caller.find_order(&basket).await;
        let path = format!("/orders/{id}/cancel");
        let canceled: OrderView = caller.send(Method::POST, &path, &json!({})).await.expect(200);
        assert_eq!(canceled.state, OrderState::Canceled);
        let before = wire.replies_passed();
        wire.release();
        eventually("the take is answered", async || wire.replies_passed() > before).await;
    };
    let (bought, ()) = tokio::join!(caller.buy(&basket), cancel);
    assert!(matches!(bought, Bought::No(Code::InvalidTransition)), "{bought:?}");
    assert_eq!(caller.on_hand(book).await, 3);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_catalog_delays_a_purchase_and_does_not_double_it() {
    let shop = Cluster::start().await;
    let book = shop.book("All in Good Time", 3).await;
    let (caller, basket) = (shop.operator(), Basket::of(&[(book, 1)]));
    shop.link(Order, Catalog).slow_down(3_000);
    let answer = caller.try_to_buy(&basket).await;
    assert_eq!(answer.map(|answer| answer.status), Some(202), "written and not decided");
    caller.buy(&basket).await.order();
    assert_eq!(caller.on_hand(book).await, 2);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_answers_while_a_service_is_out_of_reach_and_is_well_afterwards() {
    let shop = Cluster::start().await;
    let book = shop.book("Behind the Wall", 3).await;
    let caller = shop.operator();
    shop.link(Gateway, Order).cut();
    let began = Instant::now();
    let answer = caller.call(Method::GET, "/orders", None, None).await.unwrap();
    assert!(began.elapsed() < ANSWER_DEADLINE, "{:?}", began.elapsed());
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(caller.on_hand(book).await, 3, "books are shown without the order service");
    eventually("the gateway says that it is not ready", async || !shop.is_ready().await).await;
    shop.link(Gateway, Order).heal();
    caller.buy(&Basket::of(&[(book, 1)])).await.order();
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_never_heard_asks_again_and_owns_one_copy() {
    let shop = Cluster::start().await;
    let book = shop.book("Did It Work", 3).await;
    let (caller, basket) = (shop.operator(), Basket::of(&[(book, 1)]));
    shop.link(Buyers, Gateway).drop_replies(1);
    assert!(caller.try_to_buy(&basket).await.is_none());
    caller.buy(&basket).await.order();
    assert_eq!(caller.on_hand(book).await, 2);
    shop.finish().await;
}
