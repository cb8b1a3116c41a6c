//! Every status × every command: what becomes of the payment, or why not.
#![expect(clippy::unwrap_used, reason = "tests")]

use shared_types::{Currency, Money, PaymentId, payments::PaymentStatus};

use super::{Asked, Behaviour, Command, Means, Payment, Refusal, When, apply, news};
use PaymentStatus::{Canceled, Declined, Processing, Refunded, Succeeded};

fn id() -> PaymentId {
    "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1".parse().unwrap()
}

fn asked(minor: i64, means: Means) -> Asked {
    Asked { amount: Money { minor, currency: Currency::USD }, means }
}

fn card(behaviour: Behaviour) -> Means {
    Means::Card { token: "tok_1".to_owned(), behaviour }
}

/// A payment in this status, reached by commands only.
fn payment(status: PaymentStatus) -> Payment {
    let open = |means| apply(id(), None, &Command::Open(asked(1299, means))).unwrap();
    let then = |payment: Payment, command| apply(id(), Some(&payment), &command).unwrap();
    match status {
        Processing => open(Means::Invoice),
        Succeeded => open(card(Behaviour::Approved)),
        Declined => open(card(Behaviour::Declined)),
        Canceled => then(open(Means::Invoice), Command::Cancel),
        Refunded => then(open(card(Behaviour::Approved)), Command::Refund),
    }
}

/// The status after the command, or what was refused.
fn moves(status: PaymentStatus, command: &Command) -> Result<PaymentStatus, Refusal> {
    let before = payment(status);
    let after = apply(id(), Some(&before), command)?;
    let step = i64::from(after.status != before.status);
    assert_eq!(after.version, before.version + step, "{status:?} {command:?}");
    assert!(after.refunded_minor() <= after.captured_minor() && after.captured_minor() <= 1299);
    Ok(after.status)
}

#[test]
fn what_is_captured_stays_and_what_is_not_never_will_be() {
    for status in PaymentStatus::ALL {
        let expected = if status == Processing { Canceled } else { status };
        assert_eq!(moves(status, &Command::Cancel), Ok(expected));
    }
}

#[test]
fn money_is_given_back_once_and_only_where_it_was_captured() {
    for status in PaymentStatus::ALL {
        let expected = match status {
            Succeeded | Refunded => Ok(Refunded),
            Processing | Declined | Canceled => Err(Refusal::IllegalMove { what: "refunded", status }),
        };
        assert_eq!(moves(status, &Command::Refund), expected);
    }
}

#[test]
fn a_bank_decides_once() {
    for status in PaymentStatus::ALL {
        let yes = match status {
            Processing | Succeeded => Ok(Succeeded),
            Declined | Canceled | Refunded => Err(Refusal::IllegalMove { what: "succeeded", status }),
        };
        let no = match status {
            Processing | Declined => Ok(Declined),
            Succeeded | Canceled | Refunded => Err(Refusal::IllegalMove { what: "declined", status }),
        };
        assert_eq!((moves(status, &Command::Confirm), moves(status, &Command::Refuse)), (yes, no));
    }
}

#[test]
fn an_id_is_one_payment() {
    for status in PaymentStatus::ALL {
        let before = payment(status);
        let same = Command::Open(before.asked.clone().unwrap());
        assert_eq!(apply(id(), Some(&before), &same).as_ref(), Ok(&before));
        let dearer = asked(1300, before.asked.clone().unwrap().means);
        let otherwise = asked(1299, card(Behaviour::Slow));
        for other in [dearer, otherwise] {
            assert_eq!(apply(id(), Some(&before), &Command::Open(other)), Err(Refusal::OtherContent));
        }
    }
}

#[test]
fn a_cancellation_that_came_first_is_a_tombstone() {
    let tombstone = apply(id(), None, &Command::Cancel).unwrap();
    assert_eq!((tombstone.status, tombstone.captured_minor()), (Canceled, 0));
    let late = apply(id(), Some(&tombstone), &Command::Open(asked(1299, card(Behaviour::Approved)))).unwrap();
    assert_eq!(late, tombstone);
    assert_eq!(news(&tombstone), []);
}

#[test]
fn nothing_happens_to_a_payment_that_was_never_opened() {
    for command in [Command::Refund, Command::Confirm, Command::Refuse] {
        assert_eq!(apply(id(), None, &command), Err(Refusal::NeverOpened));
    }
}

#[test]
fn every_card_ends_as_its_table_says() {
    for (number, behaviour) in Behaviour::CARDS {
        let opened = apply(id(), None, &Command::Open(asked(1299, card(behaviour)))).unwrap();
        let expected = match behaviour {
            Behaviour::Declined | Behaviour::InsufficientFunds => Declined,
            Behaviour::ConfirmedLater | Behaviour::RefusedLater => Processing,
            Behaviour::Approved
            | Behaviour::Slow
            | Behaviour::SilentAfterCharge
            | Behaviour::ErrorAfterCharge
            | Behaviour::ConfirmedTwice
            | Behaviour::OutOfOrder
            | Behaviour::WebhookFirst => Succeeded,
        };
        assert_eq!(opened.status, expected, "{number}");
        let told = news(&opened);
        assert_eq!(told[0], (expected, When::Now), "{number}");
        let twice = matches!(behaviour, Behaviour::ConfirmedTwice | Behaviour::OutOfOrder);
        assert_eq!(told.len(), 1 + usize::from(twice), "{number}");
    }
}

#[test]
fn a_payment_says_what_was_captured_what_was_given_back_and_why_it_came_to_nothing() {
    for (status, captured, refunded, reason) in [
        (Processing, 0, 0, None),
        (Succeeded, 1299, 0, None),
        (Declined, 0, 0, Some("card_declined")),
        (Canceled, 0, 0, Some("canceled_on_request")),
        (Refunded, 1299, 1299, None),
    ] {
        let payment = payment(status);
        assert_eq!((payment.captured_minor(), payment.refunded_minor()), (captured, refunded), "{status:?}");
        assert_eq!(payment.reason.as_deref(), reason, "{status:?}");
    }
    let later = apply(id(), None, &Command::Open(asked(1299, card(Behaviour::RefusedLater)))).unwrap();
    let refused = apply(id(), Some(&later), &Command::Refuse).unwrap();
    assert_eq!((refused.status, refused.reason.as_deref()), (Declined, Some("card_declined")));
    let tombstone = apply(id(), None, &Command::Cancel).unwrap();
    assert_eq!((tombstone.refunded_minor(), tombstone.reason.as_deref()), (0, Some("canceled_before_it_arrived")));
}

#[test]
fn a_bank_decides_later_about_a_card_and_never_about_an_invoice() {
    for status in PaymentStatus::ALL {
        assert!(!payment(status).decides_later(), "{status:?}");
    }
    for behaviour in [Behaviour::ConfirmedLater, Behaviour::RefusedLater] {
        let waits = apply(id(), None, &Command::Open(asked(1299, card(behaviour)))).unwrap();
        assert!(waits.decides_later(), "{behaviour:?}");
        let decided = apply(id(), Some(&waits), &Command::Confirm).unwrap();
        assert!(!decided.decides_later(), "{behaviour:?}");
    }
}

#[test]
fn whatever_is_not_a_charge_is_told_once() {
    for status in [Processing, Canceled] {
        assert_eq!(news(&payment(status)), [(status, When::Now)], "an invoice");
    }
    for behaviour in [Behaviour::ConfirmedTwice, Behaviour::OutOfOrder] {
        let charged = apply(id(), None, &Command::Open(asked(1299, card(behaviour)))).unwrap();
        assert_eq!(news(&charged).len(), 2, "{behaviour:?}");
        let refunded = apply(id(), Some(&charged), &Command::Refund).unwrap();
        assert_eq!(news(&refunded), [(Refunded, When::Now)], "{behaviour:?}");
    }
}
