//! A payment and its moves.
//!
//! What holds after every move:
//! - An id is one payment: asked again it is the same, asked for something else it is refused.
//! - `declined`, `canceled` and `refunded` are final. A cancellation that came first is a tombstone: the payment it was
//!   meant for finds it, and captures nothing.
//! - Money is captured once and given back once, and never more of it than was captured.

use shared_types::{Money, PaymentId, payments::PaymentStatus};

use super::card::Behaviour;

/// A payment as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Payment {
    pub id: PaymentId,
    /// What was asked for. Absent for one that was canceled before it arrived.
    pub asked: Option<Asked>,
    pub status: PaymentStatus,
    /// Why it was declined or canceled.
    pub reason: Option<String>,
    /// Counts the changes, from 1.
    pub version: i64,
}

/// What a payment was asked for. It never changes, so a repeated call is known for the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    pub amount: Money,
    pub means: Means,
}

/// What it is paid with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Means {
    /// The token of a card, and what that card does.
    Card {
        token: String,
        behaviour: Behaviour,
    },
    Invoice,
}

/// What may be asked of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Opens it; repeated, it is the same payment.
    Open(Asked),
    /// Cancels what is not captured yet, also before it was opened. What is captured stays.
    Cancel,
    /// Gives everything back, once.
    Refund,
    /// The buyer pays his invoice, or his bank says yes.
    Confirm,
    /// His bank says no.
    Refuse,
}

/// Why a payment did not do what was asked. Nothing of it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such payment")]
    NeverOpened,
    #[error("it was opened for another amount or with other means")]
    OtherContent,
    #[error("it is {} and cannot be {what}", status.name())]
    IllegalMove { what: &'static str, status: PaymentStatus },
}

impl Payment {
    /// What was captured, given back or not, in minor units.
    pub fn captured_minor(&self) -> i64 {
        match self.status {
            PaymentStatus::Succeeded | PaymentStatus::Refunded => self.amount_minor(),
            PaymentStatus::Processing | PaymentStatus::Declined | PaymentStatus::Canceled => 0,
        }
    }

    /// How much of it was given back, in minor units.
    pub fn refunded_minor(&self) -> i64 {
        if self.status == PaymentStatus::Refunded { self.amount_minor() } else { 0 }
    }

    /// What the card does, where it is paid with one.
    pub fn behaviour(&self) -> Option<Behaviour> {
        match &self.asked.as_ref()?.means {
            Means::Card { behaviour, .. } => Some(*behaviour),
            Means::Invoice => None,
        }
    }

    /// Whether a bank still has to decide. Who owes an invoice decides for himself.
    pub fn decides_later(&self) -> bool {
        self.status == PaymentStatus::Processing && self.behaviour().is_some()
    }

    fn amount_minor(&self) -> i64 {
        self.asked.as_ref().map_or(0, |asked| asked.amount.minor)
    }

    fn with(&self, status: PaymentStatus, reason: Option<&str>) -> Payment {
        Payment { status, reason: reason.map(str::to_owned), version: self.version + 1, ..self.clone() }
    }
}

/// What the payment is after the command. With the version that it had: nothing changed.
pub fn apply(id: PaymentId, before: Option<&Payment>, command: &Command) -> Result<Payment, Refusal> {
    match (before, command) {
        (None, Command::Open(asked)) => Ok(opened(id, asked)),
        // The tombstone: a charge that is still on its way finds it and captures nothing.
        (None, Command::Cancel) => Ok(Payment {
            id,
            asked: None,
            status: PaymentStatus::Canceled,
            reason: Some("canceled_before_it_arrived".to_owned()),
            version: 1,
        }),
        (None, Command::Refund | Command::Confirm | Command::Refuse) => Err(Refusal::NeverOpened),
        (Some(payment), Command::Open(asked)) => match &payment.asked {
            Some(before) if before != asked => Err(Refusal::OtherContent),
            Some(_) | None => Ok(payment.clone()),
        },
        (Some(payment), Command::Cancel) => Ok(match payment.status {
            PaymentStatus::Processing => payment.with(PaymentStatus::Canceled, Some("canceled_on_request")),
            PaymentStatus::Succeeded | PaymentStatus::Declined | PaymentStatus::Canceled | PaymentStatus::Refunded => {
                payment.clone()
            }
        }),
        (Some(payment), Command::Refund) => moved(payment, PaymentStatus::Succeeded, PaymentStatus::Refunded, None),
        (Some(payment), Command::Confirm) => moved(payment, PaymentStatus::Processing, PaymentStatus::Succeeded, None),
        (Some(payment), Command::Refuse) => {
            moved(payment, PaymentStatus::Processing, PaymentStatus::Declined, Some("card_declined"))
        }
    }
}

fn opened(id: PaymentId, asked: &Asked) -> Payment {
    let (status, reason) = match &asked.means {
        Means::Invoice => (PaymentStatus::Processing, None),
        Means::Card { behaviour, .. } if behaviour.decides_later() => (PaymentStatus::Processing, None),
        Means::Card { behaviour, .. } => match behaviour.refusal() {
            Some(reason) => (PaymentStatus::Declined, Some(reason.to_owned())),
            None => (PaymentStatus::Succeeded, None),
        },
    };
    Payment { id, asked: Some(asked.clone()), status, reason, version: 1 }
}

/// When the shop is told of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Now,
    /// A moment later.
    Later,
}

/// What the shop is told of a change, in the order of sending. Most cards tell what happened, once.
pub fn news(after: &Payment) -> Vec<(PaymentStatus, When)> {
    let now = (after.status, When::Now);
    let charged = after.status == PaymentStatus::Succeeded;
    match after.behaviour() {
        // A tombstone is no news: nobody was waiting for it.
        None if after.asked.is_none() => Vec::new(),
        Some(Behaviour::ConfirmedTwice) if charged => vec![now, (PaymentStatus::Succeeded, When::Later)],
        Some(Behaviour::OutOfOrder) if charged => vec![now, (PaymentStatus::Processing, When::Later)],
        Some(_) | None => vec![now],
    }
}

/// A move that was made before is no second move.
fn moved(payment: &Payment, from: PaymentStatus, to: PaymentStatus, reason: Option<&str>) -> Result<Payment, Refusal> {
    if payment.status == to {
        Ok(payment.clone())
    } else if payment.status == from {
        Ok(payment.with(to, reason))
    } else {
        Err(Refusal::IllegalMove { what: to.name(), status: payment.status })
    }
}
