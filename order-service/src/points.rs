//! Where a test may kill this process: both sides of every call and of every commit, enumerated from the code that runs.

use crate::domain::Action;

/// The sides of an action of the driver.
#[derive(Debug, Clone, Copy)]
pub struct CallPoints {
    /// The action's name.
    pub action: &'static str,
    pub before_call: &'static str,
    /// The answer is in hand, and nothing of it is recorded.
    pub after_call: &'static str,
    /// The outcome is recorded.
    pub after_commit: &'static str,
}

/// The sides of a commit that a request asked for.
#[derive(Debug, Clone, Copy)]
pub struct CommitPoints {
    pub before_commit: &'static str,
    /// On disk, and nobody was told.
    pub after_commit: &'static str,
}

macro_rules! call_points {
    ($action:literal) => {
        CallPoints {
            action: $action,
            before_call: concat!("order.", $action, ".before_call"),
            after_call: concat!("order.", $action, ".after_call"),
            after_commit: concat!("order.", $action, ".after_commit"),
        }
    };
}

macro_rules! commit_points {
    ($request:literal) => {
        CommitPoints {
            before_commit: concat!("order.", $request, ".before_commit"),
            after_commit: concat!("order.", $request, ".after_commit"),
        }
    };
}

pub const PLACE: CommitPoints = commit_points!("place");
/// A request that is refused before an order is written.
pub const REFUSE: CommitPoints = commit_points!("refuse");
/// Every request that moves an order there is.
pub const MOVE: CommitPoints = commit_points!("move");
pub const EVENT: CommitPoints = commit_points!("event");
pub const WEBHOOK: CommitPoints = commit_points!("webhook");

/// The points of an action. An action without points does not compile.
pub const fn of(action: Action) -> CallPoints {
    match action {
        Action::Take => call_points!("take"),
        Action::Charge => call_points!("charge"),
        Action::CancelPayment => call_points!("cancel_payment"),
        Action::Refund => call_points!("refund"),
        Action::GiveBack => call_points!("give_back"),
        Action::BookDelivery => call_points!("book_delivery"),
        Action::CancelDelivery => call_points!("cancel_delivery"),
    }
}

/// A message to a customer: what is sent at most once.
pub const NOTIFY: CallPoints = call_points!("notify");
/// A message to a subscriber: what is delivered at least once.
pub const TELL: CallPoints = call_points!("tell");

/// Every fault point of this service, for the crash sweep.
pub fn fault_points() -> Vec<String> {
    let calls = Action::KINDS
        .map(of)
        .into_iter()
        .chain([NOTIFY, TELL])
        .flat_map(|at| [at.before_call, at.after_call, at.after_commit]);
    let commits = [PLACE, REFUSE, MOVE, EVENT, WEBHOOK].into_iter().flat_map(|at| [at.before_commit, at.after_commit]);
    calls.chain(commits).map(str::to_owned).collect()
}
