use std::fmt;

use service_kit::{
    NoAnswer, Outcome,
    db::{Db, DbError},
};
use shared_types::{
    Money, Problem, Timestamp,
    payments::{PaymentStatus, PaymentView},
};

use super::Payment;
use crate::store::receipts;

/// Money that arrives outside of any provider's API. Nothing can be asked for here, and nothing can be stopped: what
/// arrived is what was reported to us, and our own ledger is asked for it.
#[derive(Clone)]
pub struct Receipts(Db);

impl fmt::Debug for Receipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipts")
    }
}

impl Receipts {
    pub(super) fn new(db: Db) -> Receipts {
        Receipts(db)
    }

    /// `processing` until it was reported, `succeeded` then, `refunded` once an employee has given it back.
    pub(super) async fn find(&self, payment: &Payment) -> Outcome<PaymentView> {
        self.look(payment, PaymentStatus::Processing).await
    }

    /// Nobody waits for it any more. Should it arrive all the same, its report makes us ask again.
    pub(super) async fn cancel(&self, payment: &Payment) -> Outcome<PaymentView> {
        self.look(payment, PaymentStatus::Canceled).await
    }

    /// `succeeded` until an employee says that he has given it back.
    pub(super) async fn refund(&self, payment: &Payment) -> Outcome<PaymentView> {
        self.look(payment, PaymentStatus::Canceled).await
    }

    async fn look(&self, payment: &Payment, without: PaymentStatus) -> Outcome<PaymentView> {
        let id = payment.id;
        let found = self.0.read(move |tx| receipts::paying(tx, id)).await;
        match found {
            Ok(receipt) => Outcome::Done(view(payment, receipt, without)),
            Err(error) => unknown(&error),
        }
    }

    pub(super) fn no_cards<T>() -> Outcome<T> {
        Outcome::Refused(Box::new(Problem::invalid("card", "is not taken here")))
    }
}

fn view(payment: &Payment, receipt: Option<receipts::Receipt>, without: PaymentStatus) -> PaymentView {
    let amount = |minor| Money { minor, currency: payment.amount.currency }.amount();
    let (status, captured, refunded, at) = match &receipt {
        None => (without, 0, 0, None),
        Some(receipt) => match &receipt.returned {
            None => (PaymentStatus::Succeeded, receipt.amount.minor, 0, Some(receipt.received_at)),
            Some((at, _)) => (PaymentStatus::Refunded, receipt.amount.minor, receipt.amount.minor, Some(*at)),
        },
    };
    let nobody_knows = Timestamp::from_micros(0);
    PaymentView {
        payment_id: payment.id,
        status,
        amount: payment.amount.amount(),
        currency: payment.amount.currency,
        captured: amount(captured),
        refunded: amount(refunded),
        reason: None,
        version: 1 + i64::from(captured > 0) + i64::from(refunded > 0),
        created_at: receipt.map_or(nobody_knows, |receipt| receipt.received_at),
        updated_at: at.unwrap_or(nobody_knows),
    }
}

fn unknown<T>(error: &DbError) -> Outcome<T> {
    Outcome::Unknown(NoAnswer(format!("our own ledger cannot be read: {error}")))
}
