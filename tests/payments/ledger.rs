use reqwest::Method;
use serde_json::json;
use shared_types::payments::PaymentStatus;

use crate::bank::{Bank, payment_id};

const CARD: &str = "4242 4242 4242 4242";

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_repeated_is_one_charge() {
    let bank = Bank::open("a_charge_repeated").await;
    let (id, token) = (payment_id(), bank.token(CARD).await);
    let first = bank.charge(id, "12.99", &token).await;
    assert_eq!(first.status, 201);
    let first = first.view();
    assert_eq!((first.status, first.captured.to_string()), (PaymentStatus::Succeeded, "12.99".to_owned()));
    // Another spelling of the same amount is the same amount.
    let again = bank.charge(id, "12.990", &token).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.view(), first);
    assert_eq!(bank.ledger().await, [first]);
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_at_once_under_one_id_are_one_charge() {
    let bank = Bank::open("charges_at_once").await;
    let (id, token) = (payment_id(), bank.token(CARD).await);
    let charges: Vec<_> = futures_util::future::join_all((0..12).map(|_| bank.charge(id, "12.99", &token))).await;
    assert_eq!(charges.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(charges.into_iter().all(|answer| answer.view().version == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_not_used_for_another_payment() {
    let bank = Bank::open("an_id_is_not_used").await;
    let (id, token, other) = (payment_id(), bank.token(CARD).await, bank.token(CARD).await);
    let first = bank.charge(id, "12.99", &token).await.view();
    for (amount, token) in [("13.00", &token), ("12.99", &other)] {
        let refused = bank.charge(id, amount, token).await;
        assert_eq!((refused.status, refused.code()), (422, "id_reused"), "{refused:?}");
    }
    assert_eq!(bank.invoice(id, "12.99").await.status, 422);
    assert_eq!(bank.ledger().await, [first]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_canceled_before_it_arrives_captures_nothing() {
    let bank = Bank::open("a_payment_canceled_before").await;
    let (id, token) = (payment_id(), bank.token(CARD).await);
    let tombstone = bank.post(id, "cancel").await;
    assert_eq!(tombstone.status, 201);
    assert_eq!(tombstone.view().status, PaymentStatus::Canceled);
    let late = bank.charge(id, "12.99", &token).await.view();
    assert_eq!((late.status, late.captured.to_string()), (PaymentStatus::Canceled, "0.00".to_owned()));
    assert_eq!(bank.post(id, "cancel").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_meets_money_says_so() {
    let bank = Bank::open("a_cancellation_that_meets").await;
    let (id, token) = (payment_id(), bank.token(CARD).await);
    bank.charge(id, "12.99", &token).await.view();
    assert_eq!(bank.post(id, "cancel").await.view().status, PaymentStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_and_a_charge_at_once_agree_on_the_outcome() {
    let bank = Bank::open("a_cancellation_and_a_charge").await;
    let token = bank.token(CARD).await;
    for _ in 0..20 {
        let id = payment_id();
        let (charged, canceled) = tokio::join!(bank.charge(id, "12.99", &token), bank.post(id, "cancel"));
        assert_eq!(charged.view().status, canceled.view().status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_goes_back_once() {
    let bank = Bank::open("money_goes_back").await;
    let (id, token) = (payment_id(), bank.token(CARD).await);
    bank.charge(id, "12.99", &token).await.view();
    let refunds = futures_util::future::join_all((0..8).map(|_| bank.post(id, "refund"))).await;
    for refund in refunds {
        let view = refund.view();
        assert_eq!((view.status, view.version), (PaymentStatus::Refunded, 2));
        assert_eq!((view.captured.to_string(), view.refunded.to_string()), ("12.99".to_owned(), "12.99".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_back_that_was_not_captured() {
    let bank = Bank::open("nothing_is_given_back").await;
    let id = payment_id();
    assert_eq!(bank.post(id, "refund").await.code(), "payment_not_found");
    bank.invoice(id, "12.99").await.view();
    assert_eq!(bank.post(id, "refund").await.code(), "invalid_transition");
    assert_eq!(bank.status(id).await, PaymentStatus::Processing);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_waits_for_its_buyer() {
    let bank = Bank::open("an_invoice_waits").await;
    let id = payment_id();
    assert_eq!(bank.invoice(id, "12.99").await.view().status, PaymentStatus::Processing);
    assert_eq!(bank.post(id, "pay").await.view().status, PaymentStatus::Succeeded);
    assert_eq!(bank.post(id, "pay").await.view().version, 2);
    let canceled = payment_id();
    bank.invoice(canceled, "5").await.view();
    bank.post(canceled, "cancel").await.view();
    assert_eq!(bank.post(canceled, "pay").await.code(), "invalid_transition");
    assert_eq!(bank.post(payment_id(), "pay").await.code(), "payment_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_survives_a_restart() {
    let bank = Bank::open("the_ledger_survives").await;
    let token = bank.token(CARD).await;
    for _ in 0..5 {
        bank.charge(payment_id(), "12.99", &token).await.view();
    }
    let before = bank.ledger().await;
    assert_eq!(before.len(), 5);
    assert!(before.is_sorted_by_key(|payment| payment.payment_id.to_string()));
    let bank = bank.reopened(None).await;
    assert_eq!(bank.ledger().await, before);
    // A token is good for as long as the ledger.
    assert_eq!(bank.charge(payment_id(), "1", &token).await.view().status, PaymentStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_card_nothing_is_kept_that_could_pay() {
    let bank = Bank::open("of_a_card_nothing").await;
    let card = json!({"number": "4000-0000-0000-9995", "expiry": "11/31", "cvc": "987"});
    let answer = bank.ask(Method::POST, "/tokens", Some(card)).await;
    assert_eq!((answer.json["brand"].as_str(), answer.json["last4"].as_str()), (Some("visa"), Some("9995")));
    let token = answer.json["token"].as_str().unwrap();
    // Nothing of the card makes the token: the same card once more is another one.
    let other = bank.token("4000-0000-0000-9995").await;
    assert_ne!(token, other);
    let id = payment_id();
    let refused = bank.charge(id, "12.99", token).await.view();
    assert_eq!(refused.reason.as_deref(), Some("insufficient_funds"));
    // What is made up may hold any digits.
    let kept = bank.every_byte().await.replace(token, "TOKEN").replace(&other, "TOKEN").replace(&id.to_string(), "ID");
    for secret in ["4000000000009995", "4000-0000", "11/31", "987\""] {
        assert!(!kept.contains(secret), "{secret} is in the database");
    }
}
