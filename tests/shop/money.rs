//! Money while messages are early, late, doubled or lost, judged by the provider's own ledger.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use service_kit::testing::eventually;
use shared_types::{
    BookId, Code, OrderId,
    orders::{OrderHistory, OrderState, OrderView, PaymentState},
    payments::{PaymentStatus, WebhookStatus},
};

use crate::cluster::{Basket, Bought, Caller, Catalog, Cluster, Order, Payments, patiently};

/// A card that is charged.
const APPROVED: &str = "4242424242424242";
/// A card that is charged, and the bank never answers the first time.
const SILENT: &str = "4000000000000259";
/// A card whose webhook arrives before its answer.
const WEBHOOK_FIRST: &str = "4000000000000606";

/// A book of which three copies are there.
const COPIES: i64 = 3;

async fn order(caller: &Caller, id: OrderId) -> OrderView {
    caller.get(&format!("/orders/{id}")).await.expect(200)
}

/// How often the order came to be approved.
async fn approvals(caller: &Caller, id: OrderId) -> usize {
    let history: OrderHistory = caller.get(&format!("/orders/{id}/history")).await.expect(200);
    let states: Vec<OrderState> = history.items.iter().map(|entry| entry.state).collect();
    states.windows(2).filter(|pair| pair[0] != OrderState::Approved && pair[1] == OrderState::Approved).count()
}

/// Bought, charged and approved once, and one copy is gone.
async fn sold_once(shop: &Cluster, id: OrderId, book: BookId) {
    let caller = shop.operator();
    let order = order(&caller, id).await;
    assert_eq!((order.state, order.payment), (OrderState::Approved, PaymentState::Paid), "{order:?}");
    assert_eq!((approvals(&caller, id).await, caller.on_hand(book).await), (1, COPIES - 1));
    shop.bank().keeps_one_payment(id).await;
}

/// Canceled, with no money kept and every copy on the shelf.
async fn undone(shop: &Cluster, id: OrderId, book: BookId) {
    let caller = shop.operator();
    patiently("the canceled order is at rest", || async {
        let order = order(&caller, id).await;
        (order.state == OrderState::Canceled && order.settled).then_some(())
    })
    .await;
    assert_eq!((approvals(&caller, id).await, caller.on_hand(book).await), (0, COPIES));
    shop.bank().keeps_nothing(id).await;
}

async fn cancel(caller: &Caller, id: OrderId) {
    let answer = caller.send(Method::POST, &format!("/orders/{id}/cancel"), &json!({"reason": "a test"})).await;
    assert!([200, 202].contains(&answer.status), "{answer:?}");
}

/// The bank has charged for the order, whoever has heard of it.
async fn until_charged(shop: &Cluster, id: OrderId) {
    let bank = shop.bank();
    let is_charged = async || bank.payments(id).await.iter().any(|payment| payment.status == PaymentStatus::Succeeded);
    eventually("the bank has charged", is_charged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_comes_before_the_answer_approves_the_order_once() {
    let shop = Cluster::start().await;
    let book = shop.book("Told First", COPIES).await;
    let id = shop.operator().buy(&Basket::of(&[(book, 1)]).by_card(WEBHOOK_FIRST)).await.order().id;
    sold_once(&shop, id, book).await;
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_comes_after_the_answer_changes_nothing() {
    let shop = Cluster::start().await;
    let (book, caller) = (shop.book("Told Late", COPIES).await, shop.operator());
    shop.link(Payments, Order).cut();
    let id = caller.buy(&Basket::of(&[(book, 1)]).by_card(APPROVED)).await.order().id;
    let before = order(&caller, id).await;
    shop.link(Payments, Order).heal();
    shop.until_the_bank_has_told().await;
    assert_eq!(order(&caller, id).await.version, before.version);
    sold_once(&shop, id, book).await;
    shop.finish().await;
}

/// The bank has charged, its answer is lost, and then everybody is told at once, and twice.
#[tokio::test(flavor = "multi_thread")]
async fn three_webhooks_at_once_approve_the_order_once() {
    let shop = Cluster::start().await;
    let (book, caller) = (shop.book("Told Thrice", COPIES).await, shop.operator());
    let basket = Basket::of(&[(book, 1)]).by_card(SILENT);
    shop.link(Payments, Order).cut();
    let telling = async {
        let id = caller.find_order(&basket).await;
        until_charged(&shop, id).await;
        let (bank, payment) = (shop.bank(), id.payment(1));
        let events: Vec<String> = (0..6).map(|n| format!("evt_{id}_{}", n % 3)).collect();
        let said = join_all(events.iter().map(|event| bank.says_that_it_succeeded(payment, event))).await;
        let taken = |status: WebhookStatus| said.iter().filter(|said| **said == status).count();
        assert_eq!((taken(WebhookStatus::Processed), taken(WebhookStatus::Duplicate)), (3, 3), "{said:?}");
        id
    };
    let (bought, id) = tokio::join!(caller.buy(&basket), telling);
    assert_eq!(bought.order().id, id);
    shop.link(Payments, Order).heal();
    sold_once(&shop, id, book).await;
    shop.finish().await;
}

/// The money was captured, nobody heard so, the buyer has canceled: then the bank tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_for_a_canceled_order_brings_the_money_back_and_the_copies_after_it() {
    let shop = Cluster::start().await;
    let (book, caller) = (shop.book("Told in Vain", COPIES).await, shop.operator());
    let basket = Basket::of(&[(book, 1)]).by_card(SILENT);
    let answers = shop.link(Order, Payments);
    shop.link(Payments, Order).cut();
    let canceling = async {
        let id = caller.find_order(&basket).await;
        until_charged(&shop, id).await;
        answers.drop_replies(u64::MAX);
        cancel(&caller, id).await;
        assert_eq!(caller.on_hand(book).await, COPIES - 1, "copies wait for the money");
        let told = shop.bank().says_that_it_succeeded(id.payment(1), &format!("evt_{id}")).await;
        assert_eq!(told, WebhookStatus::Processed);
        answers.heal();
        id
    };
    let (bought, id) = tokio::join!(caller.buy(&basket), canceling);
    assert!(matches!(bought, Bought::No(Code::InvalidTransition)), "{bought:?}");
    undone(&shop, id, book).await;
    // It comes again under another name, long after: the bank is asked, and nothing is refunded twice.
    let told = shop.bank().says_that_it_succeeded(id.payment(1), &format!("evt_{id}_again")).await;
    assert_eq!(told, WebhookStatus::Processed);
    undone(&shop, id, book).await;
    shop.finish().await;
}

/// The charge is on the wire when its buyer cancels: the cancellation overtakes it, and it finds a tombstone.
#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_arrives_after_its_cancellation_captures_nothing() {
    let shop = Cluster::start().await;
    let (book, caller) = (shop.book("Charged in Vain", COPIES).await, shop.operator());
    let basket = Basket::of(&[(book, 1)]).by_card(APPROVED);
    let (to_catalog, to_bank) = (shop.link(Order, Catalog), shop.link(Order, Payments));
    to_catalog.hold_next_request();
    let canceling = async {
        eventually("the take is on its way", async || to_catalog.holds_a_request()).await;
        // The card is a token by now, so the next request to the bank is the charge.
        to_bank.hold_next_request();
        to_catalog.release();
        eventually("the charge is on its way", async || to_bank.holds_a_request()).await;
        let id = caller.find_order(&basket).await;
        cancel(&caller, id).await;
        let bank = shop.bank();
        eventually("the cancellation has overtaken it", async || !bank.payments(id).await.is_empty()).await;
        to_bank.release();
        id
    };
    let (bought, id) = tokio::join!(caller.buy(&basket), canceling);
    assert!(matches!(bought, Bought::No(Code::InvalidTransition)), "{bought:?}");
    undone(&shop, id, book).await;
    let payments = shop.bank().payments(id).await;
    assert_eq!(payments.iter().map(|payment| payment.status).collect::<Vec<_>>(), [PaymentStatus::Canceled]);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_charged_and_said_nothing_charges_once_and_the_same_key_finds_that_order() {
    let shop = Cluster::start().await;
    let (book, caller) = (shop.book("Said Nothing", COPIES).await, shop.operator());
    let basket = Basket::of(&[(book, 1)]).by_card(SILENT);
    shop.link(Payments, Order).cut();
    let first = caller.try_to_buy(&basket).await.unwrap();
    assert_eq!(first.status, 202, "{first:?}");
    let id = first.expect::<OrderView>(202).id;
    until_charged(&shop, id).await;
    assert_eq!(caller.buy(&basket).await.order().id, id);
    assert_eq!(caller.try_to_buy(&basket).await.unwrap().expect::<OrderView>(201).id, id);
    shop.link(Payments, Order).heal();
    sold_once(&shop, id, book).await;
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn store_all_or_nothing() {
    let shop = Cluster::start().await;
    let (plenty, few, caller) = (shop.book("Plenty", COPIES).await, shop.book("Few", 1).await, shop.operator());
    let basket = Basket::of(&[(plenty, 1), (few, 2)]).by_card(APPROVED);
    let refused = caller.try_to_buy(&basket).await.unwrap();
    assert_eq!((refused.status, refused.code()), (409, Some(Code::SoldOut)), "{refused:?}");
    assert_eq!(refused.body["errors"][0]["field"], "lines[1].quantity");
    let id = caller.find_order(&basket).await;
    assert_eq!(shop.bank().payments(id).await, [], "nothing was charged");
    assert_eq!((caller.on_hand(plenty).await, caller.on_hand(few).await), (COPIES, 1));
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn store_idempotent() {
    let shop = Cluster::start().await;
    let (book, caller) = (shop.book("Once", COPIES).await, shop.operator());
    let basket = Basket::of(&[(book, 1)]).by_card(APPROVED);
    let answers = join_all((0..8).map(|_| caller.try_to_buy(&basket))).await;
    let first = answers[0].as_ref().unwrap();
    assert_eq!(first.status, 201, "{first:?}");
    assert!(answers.iter().flatten().all(|answer| answer.status == 201 && answer.body == first.body), "{answers:?}");
    let other = caller.try_to_buy(&basket.clone().delivered()).await.unwrap();
    assert_eq!((other.status, other.code()), (422, Some(Code::KeyReused)), "{other:?}");
    sold_once(&shop, caller.find_order(&basket).await, book).await;
    shop.finish().await;
}
