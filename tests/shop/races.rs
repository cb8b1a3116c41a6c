use reqwest::Method;
use serde_json::json;
use shared_types::{BookId, Code, orders::OrderView};
use tokio::task::JoinSet;

use crate::{
    cluster::{Basket, Bought, Caller, Cluster},
    seed::Seed,
    storms,
};

const BUYERS: usize = 64;

/// Everybody does this at once; all outcomes.
async fn at_once<F, T>(buyers: usize, what: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let tasks: JoinSet<T> = (0..buyers).map(what).collect();
    tasks.join_all().await
}

/// Buys one copy after the other until the shop has no more. The orders that were placed.
async fn buy_until_refused(caller: Caller, book: BookId) -> (Vec<OrderView>, Code) {
    let mut orders = Vec::new();
    loop {
        match caller.buy(&Basket::of(&[(book, 1)])).await {
            Bought::Yes(order) => orders.push(*order),
            Bought::No(code) => return (orders, code),
        }
    }
}

/// Exactly as many purchases succeed as there are copies.
async fn race_for(copies: i64) {
    let shop = Cluster::start().await;
    let book = shop.book("The Last Copy", copies).await;
    let caller = shop.operator();
    let ended = at_once(BUYERS, |_| buy_until_refused(caller.clone(), book)).await;
    let sold: usize = ended.iter().map(|(orders, _)| orders.len()).sum();
    assert_eq!(i64::try_from(sold).unwrap(), copies);
    assert!(ended.iter().all(|(_, code)| *code == Code::SoldOut));
    assert_eq!(caller.on_hand(book).await, 0);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_buyers_race_for_the_last_copy() {
    race_for(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_buyers_race_for_ten_copies() {
    race_for(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_buyers_race_for_a_thousand_copies() {
    race_for(1_000).await;
}

/// Over 64 connections, everybody once; ten thousand of them in the long run.
async fn crowd_for_ten_copies(test: &'static str, dies: bool) {
    const COPIES: usize = 10;
    let seed = Seed::of(test);
    let mut shop = Cluster::start().await;
    let book = shop.book("The Last Ten", COPIES as i64).await;
    let caller = shop.operator();
    let queue = if storms::is_long() { 10_000_usize } else { 256 }.div_ceil(BUYERS);
    let buying = tokio::spawn(at_once(BUYERS, move |_| {
        let caller = caller.clone();
        async move {
            let mut happy = 0;
            for _ in 0..queue {
                match caller.buy(&Basket::of(&[(book, 1)])).await {
                    Bought::Yes(_) => happy += 1,
                    Bought::No(code) => assert_eq!(code, Code::SoldOut),
                }
            }
            happy
        }
    }));
    let goes_on = |_| dies && !buying.is_finished();
    let kills = storms::kill_while(&mut shop, &mut seed.dice(0), storms::anyone, goes_on).await;
    let happy: usize = buying.await.unwrap().iter().sum();
    assert_eq!(happy, COPIES);
    assert_eq!(shop.operator().on_hand(book).await, 0);
    shop.finish().await;
    let buyers = queue * BUYERS;
    seed.has_shown(
        "crowd for ten copies",
        &format!("{buyers} buyers, {kills} kills, {happy} copies sold, audit clean"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_crowd_far_larger_than_the_stock_exactly_the_stock_goes_home_happy() {
    let test = "races::of_a_crowd_far_larger_than_the_stock_exactly_the_stock_goes_home_happy";
    crowd_for_ten_copies(test, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_crowd_exactly_the_stock_goes_home_happy_whoever_dies_meanwhile() {
    let test = "races::of_a_crowd_exactly_the_stock_goes_home_happy_whoever_dies_meanwhile";
    crowd_for_ten_copies(test, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_in_parallel_places_one_order() {
    let shop = Cluster::start().await;
    let book = shop.book("Two Clicks", 10).await;
    let (caller, basket) = (shop.operator(), Basket::of(&[(book, 1)]).delivered());
    let bought = at_once(BUYERS, |_| {
        let (caller, basket) = (caller.clone(), basket.clone());
        async move { caller.buy(&basket).await.order().id }
    })
    .await;
    assert!(bought.iter().all(|id| *id == bought[0]));
    assert_eq!(caller.on_hand(book).await, 9);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lines_of_one_book_are_two_copies_or_none() {
    let shop = Cluster::start().await;
    let book = shop.book("Twice", 5).await;
    let caller = shop.operator();
    let bought = at_once(16, |_| {
        let caller = caller.clone();
        async move { caller.buy(&Basket::of(&[(book, 1), (book, 1)])).await }
    })
    .await;
    assert_eq!(bought.iter().filter(|bought| matches!(bought, Bought::Yes(_))).count(), 2);
    assert_eq!(caller.on_hand(book).await, 1);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_orders_with_the_same_books_in_opposite_order_do_not_block_each_other() {
    let shop = Cluster::start().await;
    let (one, other) = (shop.book("One", 30).await, shop.book("Other", 30).await);
    let caller = shop.operator();
    let bought = at_once(BUYERS, |buyer| {
        let caller = caller.clone();
        let lines = if buyer % 2 == 0 { [(one, 1), (other, 1)] } else { [(other, 1), (one, 1)] };
        async move { caller.buy(&Basket::of(&lines)).await }
    })
    .await;
    assert_eq!(bought.iter().filter(|bought| matches!(bought, Bought::Yes(_))).count(), 30);
    assert_eq!((caller.on_hand(one).await, caller.on_hand(other).await), (0, 0));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sold_of_a_book_after_it_was_deleted() {
    let shop = Cluster::start().await;
    let book = shop.book("Withdrawn", 1_000).await;
    let caller = shop.operator();
    let buyers: JoinSet<_> = (0..16).map(|_| buy_until_refused(caller.clone(), book)).collect();
    caller.buy(&Basket::of(&[(book, 1)])).await.order();
    let before = caller.book(book).await;
    assert_eq!(caller.send(Method::DELETE, &format!("/books/{book}"), &json!(null)).await.status, 204);
    let after = caller.buy(&Basket::of(&[(book, 1)])).await;
    assert!(matches!(after, Bought::No(Code::BookGone)), "{after:?}");
    let ended = buyers.join_all().await;
    assert!(ended.iter().all(|(_, code)| *code == Code::BookGone), "sold out before it was deleted: {before:?}");
    // That each order has its copy, although the book is gone, is for the audit to say.
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_pays_the_price_he_was_shown_while_it_changes() {
    let shop = Cluster::start().await;
    let book = shop.book("Dearer by the Minute", 1_000).await;
    let caller = shop.operator();
    let prices = [json!(12.5), json!(15.25)];
    let buyers: JoinSet<_> = (0..16)
        .map(|buyer| {
            let (caller, shown) = (caller.clone(), prices[buyer % 2].clone());
            async move { (shown.clone(), buy_at(&caller, book, &shown, 10).await) }
        })
        .collect();
    for change in 0..20 {
        let body = json!({"price": prices[(change + 1) % 2]});
        let answer = caller.send(Method::PATCH, &format!("/books/{book}"), &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for (shown, orders) in buyers.join_all().await {
        for order in orders {
            assert_eq!(json!(order.lines[0].price), shown, "{order:?}");
        }
    }
    let refused = caller.buy(&Basket::of(&[(book, 1)]).at_price(&prices[1])).await;
    assert!(matches!(refused, Bought::No(Code::PriceChanged)), "{refused:?}");
    shop.finish().await;
}

/// Tries so many times to buy one copy at this price and no other.
async fn buy_at(caller: &Caller, book: BookId, price: &serde_json::Value, times: usize) -> Vec<OrderView> {
    let mut orders = Vec::new();
    for _ in 0..times {
        match caller.buy(&Basket::of(&[(book, 1)]).at_price(price)).await {
            Bought::Yes(order) => orders.push(*order),
            Bought::No(code) => assert_eq!(code, Code::PriceChanged),
        }
    }
    orders
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_edit_during_a_rush_undoes_no_purchase() {
    let shop = Cluster::start().await;
    let book = shop.book("Counted While Sold", 200).await;
    let caller = shop.operator();
    let buyers: JoinSet<_> = (0..16).map(|_| buy_until_refused(caller.clone(), book)).collect();
    for number in 0..30 {
        // Counting sets what is on hand; a damaged copy is taken away; a parcel arrives.
        let change = [json!({"set_to": 40}), json!({"delta": -1}), json!({"delta": 3})][number % 3].clone();
        let mut body = json!({"adjustment_id": format!("edit-{number}"), "reason": "stocktaking"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = caller.send(Method::POST, &format!("/books/{book}/stock-adjustments"), &body).await;
        match answer.status {
            200 | 201 => drop(caller.note_received(book, answer.body["delta"].as_i64().unwrap())),
            _ => assert_eq!(answer.code(), Some(Code::StockTooLow), "{answer:?}"),
        }
    }
    buyers.join_all().await;
    shop.finish().await;
}
