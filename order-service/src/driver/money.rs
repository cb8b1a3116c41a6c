use service_kit::Outcome;
use shared_types::payments::{ChargeMethod, PaymentStatus, PaymentView};

use super::judge::Judgement::{self, Answered, Misunderstood, NoAnswer};
use crate::{
    clients::payments::{Charged, Means, Payment, Providers},
    domain::{Action, Attempt, Command, Order},
};

/// Asks the provider about the attempt that this action is about, and says what its answer means.
pub(super) async fn ask(providers: &Providers, order: &Order, action: Action) -> Judgement {
    let Some(attempt) = order.attempt_for(action) else {
        return NoAnswer("BUG: there is no payment for this action".to_owned());
    };
    let payment =
        Payment { id: order.payment_id(attempt.n), amount: attempt.amount, provider_ref: attempt.provider_ref.clone() };
    let provider = match providers.of(attempt) {
        Ok(provider) => provider,
        // Its money is neither there nor not there until he is asked.
        Err(gone) => return Misunderstood(format!("the payment is {gone:?}'s, who is not configured any more")),
    };
    match action {
        Action::CancelPayment => canceled(attempt, provider.cancel(&payment).await),
        Action::Refund => refunded(attempt, provider.refund(&payment).await),
        Action::Charge | Action::Take | Action::GiveBack | Action::BookDelivery | Action::CancelDelivery => {
            let means = match (attempt.method, attempt.token.clone()) {
                (ChargeMethod::Card, Some(token)) => Means::Card(token),
                (ChargeMethod::Card, None) => return NoAnswer("BUG: a card without its token".to_owned()),
                (ChargeMethod::Invoice, _) => Means::Invoice,
            };
            charged(attempt, provider.charge(&payment, &means).await)
        }
    }
}

/// A definite refusal of the payment is a decline: nothing was taken, and nothing ever will be under its id.
pub fn charged(attempt: &Attempt, outcome: Outcome<Charged>) -> Judgement {
    match outcome {
        Outcome::Done(Charged::Payment(view)) => told(attempt, view),
        Outcome::Done(Charged::Named(name)) => Answered(Command::PaymentNamed { n: attempt.n, name }),
        Outcome::Refused(problem) => Answered(Command::PaymentAnswered {
            n: attempt.n,
            status: PaymentStatus::Declined,
            reason: Some(problem.detail),
        }),
        Outcome::Unknown(no_answer) => NoAnswer(no_answer.to_string()),
    }
}

/// Whether it was canceled in time or captured before: either is the truth.
pub fn canceled(attempt: &Attempt, outcome: Outcome<PaymentView>) -> Judgement {
    match outcome {
        Outcome::Done(view) => told(attempt, view),
        Outcome::Refused(problem) => Misunderstood(problem.to_string()),
        Outcome::Unknown(no_answer) => NoAnswer(no_answer.to_string()),
    }
}

pub fn refunded(attempt: &Attempt, outcome: Outcome<PaymentView>) -> Judgement {
    match outcome {
        Outcome::Done(view) => told(attempt, view),
        Outcome::Refused(problem) => Misunderstood(problem.to_string()),
        Outcome::Unknown(no_answer) => NoAnswer(no_answer.to_string()),
    }
}

/// Another amount than was asked for pays nothing, and is no answer either: somebody has to look.
fn told(attempt: &Attempt, view: PaymentView) -> Judgement {
    let captured = matches!(view.status, PaymentStatus::Succeeded | PaymentStatus::Refunded);
    let asked = attempt.amount;
    if captured && (view.captured != asked.amount() || view.currency != asked.currency) {
        return Misunderstood(format!("asked for {asked}, captured {} {}", view.captured, view.currency));
    }
    Answered(Command::PaymentAnswered { n: attempt.n, status: view.status, reason: view.reason })
}
