//! What some cards do to the answer. The payment is recorded by then, so whoever asks again gets the plain truth: a bank
//! is silent, or at fault, once.

use std::{future::pending, time::Duration};

use shared_types::{Code, PaymentId, Problem};
use tokio::time::timeout;

use super::Bank;
use crate::payments::{domain::Behaviour, store::Done};

/// Waits, or fails, as the card has it. Only the first answer has manners.
pub(super) async fn before_the_answer(bank: &Bank, id: PaymentId, done: &Done) -> Result<(), Problem> {
    let Some(behaviour) = done.behaviour.filter(|_| done.created) else { return Ok(()) };
    match behaviour {
        Behaviour::Slow => pause(bank.pace.slow_ms).await,
        Behaviour::SilentAfterCharge => {
            pause(bank.pace.silent_ms).await;
            return Err(Problem::new(Code::DeadlineExceeded, "the bank was silent, as this card has it"));
        }
        Behaviour::ErrorAfterCharge => {
            return Err(Problem::new(Code::Internal, "the bank is at fault, as this card has it"));
        }
        Behaviour::WebhookFirst => {
            let told = timeout(Duration::from_millis(bank.pace.webhook_first_ms), bank.store.told(id));
            // A shop that acknowledges nothing gets its answer all the same.
            if let Ok(Err(error)) = told.await {
                return Err(error.into());
            }
        }
        Behaviour::Approved
        | Behaviour::Declined
        | Behaviour::InsufficientFunds
        | Behaviour::ConfirmedLater
        | Behaviour::RefusedLater
        | Behaviour::ConfirmedTwice
        | Behaviour::OutOfOrder => {}
    }
    Ok(())
}

async fn pause(ms: u64) {
    // The time-out is the end of the pause.
    drop(timeout(Duration::from_millis(ms), pending::<()>()).await);
}
