use std::time::{Duration, Instant};

use lastcopy::payments::domain::Behaviour;
use service_kit::testing::eventually;
use shared_types::payments::PaymentStatus;

use crate::{
    bank::{Bank, pace, payment_id},
    shop::Shop,
};

fn number(wanted: Behaviour) -> &'static str {
    Behaviour::CARDS.iter().find(|(_, behaviour)| *behaviour == wanted).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_refused_is_refused_for_good() {
    let bank = Bank::open("a_card_that_is_refused").await;
    for (behaviour, reason) in
        [(Behaviour::Declined, "card_declined"), (Behaviour::InsufficientFunds, "insufficient_funds")]
    {
        let (id, token) = (payment_id(), bank.token(number(behaviour)).await);
        let refused = bank.charge(id, "12.99", &token).await.view();
        assert_eq!((refused.status, refused.reason.as_deref()), (PaymentStatus::Declined, Some(reason)));
        assert_eq!(bank.charge(id, "12.99", &token).await.view(), refused);
        assert_eq!(bank.post(id, "cancel").await.view().status, PaymentStatus::Declined);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_card_is_charged_before_its_answer() {
    let bank = Bank::open("a_slow_card").await;
    let (id, token) = (payment_id(), bank.token(number(Behaviour::Slow)).await);
    let began = Instant::now();
    assert_eq!(bank.charge(id, "12.99", &token).await.view().status, PaymentStatus::Succeeded);
    assert!(began.elapsed() >= Duration::from_millis(pace().slow_ms));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_fails_after_charging_has_charged_once() {
    let bank = Bank::open("a_bank_that_fails").await;
    for (behaviour, status) in [(Behaviour::SilentAfterCharge, 504), (Behaviour::ErrorAfterCharge, 500)] {
        let (id, token) = (payment_id(), bank.token(number(behaviour)).await);
        assert_eq!(bank.charge(id, "12.99", &token).await.status, status);
        assert_eq!(bank.status(id).await, PaymentStatus::Succeeded);
        let again = bank.charge(id, "12.99", &token).await.view();
        assert_eq!((again.status, again.version), (PaymentStatus::Succeeded, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_takes_its_time_decides_by_itself() {
    let bank = Bank::open("a_bank_that_takes_its_time").await;
    for (behaviour, outcome) in
        [(Behaviour::ConfirmedLater, PaymentStatus::Succeeded), (Behaviour::RefusedLater, PaymentStatus::Declined)]
    {
        let (id, token) = (payment_id(), bank.token(number(behaviour)).await);
        assert_eq!(bank.charge(id, "12.99", &token).await.view().status, PaymentStatus::Processing);
        eventually("the bank has decided", async || bank.status(id).await == outcome).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_canceled_while_its_bank_thinks_is_not_captured() {
    // Whoever cancels has so long until the bank has thought.
    let bank = Bank::thinking("a_payment_canceled_while", 5_000).await;
    let token = bank.token(number(Behaviour::ConfirmedLater)).await;
    let (canceled, other) = (payment_id(), payment_id());
    bank.charge(canceled, "12.99", &token).await.view();
    assert_eq!(bank.post(canceled, "cancel").await.view().status, PaymentStatus::Canceled);
    bank.charge(other, "12.99", &token).await.view();
    eventually("the bank has decided the later one", async || bank.status(other).await == PaymentStatus::Succeeded)
        .await;
    assert_eq!(bank.status(canceled).await, PaymentStatus::Canceled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_comes_first_is_acknowledged_before_the_answer() {
    let shop = Shop::open().await;
    let bank = Bank::with_shop("a_webhook_that_comes_first", &shop).await;
    let (id, token) = (payment_id(), bank.token(number(Behaviour::WebhookFirst)).await);
    shop.refuse(2);
    bank.charge(id, "12.99", &token).await.view();
    assert_eq!(shop.heard().len(), 3);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn some_cards_are_told_of_twice_or_in_the_wrong_order() {
    let shop = Shop::open().await;
    let bank = Bank::with_shop("some_cards_are_told", &shop).await;
    for (behaviour, told) in [
        (Behaviour::ConfirmedTwice, ["payment.succeeded", "payment.succeeded"]),
        (Behaviour::OutOfOrder, ["payment.succeeded", "payment.processing"]),
        (Behaviour::ConfirmedLater, ["payment.processing", "payment.succeeded"]),
    ] {
        let (id, token) = (payment_id(), bank.token(number(behaviour)).await);
        bank.charge(id, "12.99", &token).await.view();
        let about = || -> Vec<_> {
            let ours = id.to_string();
            shop.heard().into_iter().filter(|heard| heard.json["data"]["payment_id"] == ours.as_str()).collect()
        };
        eventually("both are told", async || about().len() >= 2).await;
        let heard = about();
        assert_eq!(heard.iter().map(|heard| heard.kind()).collect::<Vec<_>>(), told);
        assert_ne!(heard[0].id(), heard[1].id());
    }
    shop.close().await;
}

#[test]
fn every_card_is_in_the_documentation() {
    let documentation = include_str!("../../docs/PAYMENTS.md");
    for (number, behaviour) in Behaviour::CARDS {
        let groups: Vec<&str> = [&number[..4], &number[4..8], &number[8..12], &number[12..]].to_vec();
        assert!(documentation.contains(&groups.join(" ")), "{behaviour:?} is not in docs/PAYMENTS.md");
    }
}
