use service_kit::Outcome;
use shared_types::{
    Problem,
    deliveries::{DeliveryStatus, DeliveryView},
    takings::{TakingState, TakingView},
};

use crate::domain::{Command, Order};

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub enum Judgement {
    Answered(Command),
    /// Nothing is known: the same call is made again, under the same id.
    NoAnswer(String),
    /// The other side understood the call and refuses it, which it never should: somebody has to look. It is made again
    /// too, at the longest pause.
    Misunderstood(String),
}

impl Judgement {
    /// Its name among the driver's calls.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Answered(_) => "answered",
            NoAnswer(_) => "no_answer",
            Misunderstood(_) => "misunderstood",
        }
    }
}

use Judgement::{Answered, Misunderstood, NoAnswer};

/// The state in the body decides, not the status.
pub fn take(order: &Order, outcome: Outcome<TakingView>) -> Judgement {
    match outcome {
        Outcome::Done(view) if view.taking_id != order.taking_id() => {
            NoAnswer(format!("an answer about taking {}", view.taking_id))
        }
        Outcome::Done(view) => {
            let n = view.taking_id.n;
            Answered(match view.state {
                TakingState::Taken => Command::CopiesTaken { n, lines: view.lines },
                TakingState::Refused => Command::CopiesRefused { n, lines: view.refused },
                TakingState::GivenBack => Command::CopiesGivenBack { n },
            })
        }
        // Whether *we* may ask says nothing about the copies.
        Outcome::Refused(problem) if is_about_us(&problem) => NoAnswer(problem.to_string()),
        // The catalog does not understand the order and never will. Its copies are given back first, lest it took some.
        Outcome::Refused(problem) => {
            tracing::error!(order_id = %order.id, %problem, "the catalog does not understand an order");
            Answered(Command::Cancel { reason: Some(format!("the catalog refused it: {}", problem.detail)) })
        }
        Outcome::Unknown(no_answer) => NoAnswer(no_answer.to_string()),
    }
}

/// A refused attempt has nothing to give back: that is an answer as good as `given_back`.
pub fn give_back(order: &Order, outcome: Outcome<TakingView>) -> Judgement {
    match outcome {
        Outcome::Done(view) if view.taking_id != order.taking_id() => {
            NoAnswer(format!("an answer about taking {}", view.taking_id))
        }
        Outcome::Done(view) => match view.state {
            TakingState::GivenBack | TakingState::Refused => Answered(Command::CopiesGivenBack { n: view.taking_id.n }),
            TakingState::Taken => NoAnswer("the copies are still taken".to_owned()),
        },
        Outcome::Refused(problem) => Misunderstood(problem.to_string()),
        Outcome::Unknown(no_answer) => NoAnswer(no_answer.to_string()),
    }
}

/// A booking that was canceled before it arrived is an answer too: its status says so.
pub fn booking(order: &Order, outcome: Outcome<DeliveryView>) -> Judgement {
    match outcome {
        Outcome::Done(view) if view.delivery_id != order.delivery_id() => {
            NoAnswer(format!("an answer about delivery {}", view.delivery_id))
        }
        Outcome::Done(view) => {
            Answered(Command::DeliveryBooked { n: view.delivery_id.n, status: view.status, version: view.version })
        }
        Outcome::Refused(problem) => Misunderstood(problem.to_string()),
        Outcome::Unknown(no_answer) => NoAnswer(no_answer.to_string()),
    }
}

/// Where a parcel is that was to be stopped. `scheduled` is no answer to that.
pub fn stopping(order: &Order, outcome: Outcome<DeliveryView>) -> Judgement {
    match booking(order, outcome) {
        Answered(Command::DeliveryBooked { status: DeliveryStatus::Scheduled, .. }) => {
            NoAnswer("the parcel is still scheduled".to_owned())
        }
        Answered(Command::DeliveryBooked { n, status, version }) => {
            Answered(Command::DeliveryMoved { n, status, version })
        }
        judgement @ (Answered(_) | NoAnswer(_) | Misunderstood(_)) => judgement,
    }
}

fn is_about_us(problem: &Problem) -> bool {
    matches!(problem.status, 401 | 403)
}
