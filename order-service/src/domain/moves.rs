//! The purchase, read aloud.
//!
//! A checkout takes its copies, then its money, and then it is approved. A reviewed order is written, submitted and
//! approved by an employee, which takes its copies at the prices that were in force when its lines were ordered. An
//! approved order with an address books one delivery. Whatever has to be undone is undone in the opposite order: the
//! parcel, the money, the copies.
//!
//! What holds after every move:
//! - `approved`, `rejected` and `canceled` are final.
//! - An approved order has its copies, unless an employee undid it; a canceled or rejected one has none, or is giving
//!   them back.
//! - Money is asked for only while the copies are taken. At most one payment pays; whatever else comes is refunded.
//! - Copies are given back only when every payment is closed with nothing kept, and the parcel is known to stay.
//! - There is no second attempt while the first is unresolved, and an answer to an older attempt is not believed.
//! - Whatever is outstanding follows from the stored order alone: [`next`] is recovery, retry and the ordinary path.

use shared_types::orders::{OrderState, StockState};

use super::{
    fulfillment,
    order::{Action, Command, Order, Refusal},
    payment, review, stock,
};

/// The outstanding action, decided from the order alone. `None`: it is at rest until somebody decides something.
pub fn next(order: &Order) -> Option<Action> {
    match order.stock {
        StockState::Taking => Some(Action::Take),
        StockState::Taken if fulfillment::is_to_be_stopped(order) => Some(Action::CancelDelivery),
        // Before the money: an order that is approved without it does not wait for a provider that is silent.
        StockState::Taken if fulfillment::is_to_be_booked(order) => Some(Action::BookDelivery),
        StockState::None | StockState::Taken => payment::next(order),
        StockState::GivingBack => payment::next(order).or(Some(Action::GiveBack)),
    }
}

/// What may be asked again while an order is at rest: a payment that waits for its buyer or his bank. The answer is the
/// same as that of a webhook, should that have been lost.
pub fn look(order: &Order) -> Option<Action> {
    (next(order).is_none() && payment::is_awaited(order)).then_some(Action::Charge)
}

/// The order after the command, or why there is no such move. What is known already leaves the order as it is, version
/// included.
pub fn apply(order: &Order, command: Command) -> Result<Order, Refusal> {
    let name = command.name();
    match command {
        Command::Place => stock::place(order, name),
        Command::AddLine { line } => review::add_line(order, name, line),
        Command::ChangeLine { number, quantity } => review::change_line(order, name, number, quantity),
        Command::RemoveLine { number } => review::remove_line(order, name, number),
        Command::Submit => review::submit(order, name),
        Command::Approve => review::approve(order, name),
        Command::Reject { reason } => review::reject(order, name, reason),
        Command::Cancel { reason } => review::cancel(order, name, reason),
        Command::CopiesTaken { n, lines } => stock::taken(order, name, n, &lines),
        Command::CopiesRefused { n, lines } => stock::refused(order, name, n, lines),
        Command::CopiesGivenBack { n } => stock::given_back(order, name, n),
        Command::StartPayment { token, provider, pay_by } => payment::start(order, name, (token, provider), pay_by),
        Command::PaymentNamed { n, name: given } => payment::named(order, name, n, given),
        Command::PaymentAnswered { n, status, reason } => payment::answered(order, name, n, status, reason),
        Command::PaymentReported { n, status } => payment::reported(order, n, status),
        Command::DeadlinePassed => payment::deadline_passed(order, name),
        Command::ExtendDeadline { until } => payment::extend(order, name, until),
        Command::Refund { reason } => fulfillment::refund(order, name, reason),
        Command::HandOver => fulfillment::hand_over(order, name),
        Command::DeliveryBooked { n, status, version } => fulfillment::booked(order, name, n, status, version),
        Command::DeliveryMoved { n, status, version } => Ok(fulfillment::moved(order, n, status, version)),
    }
}

impl Order {
    /// The order as it ends without a sale: what it holds is on its way back, the money before the copies.
    pub(super) fn ended(&self, state: OrderState, reason: Option<String>) -> Order {
        Order { state, reason, ..self.undone() }
    }

    /// Every payment is to be closed with nothing kept; then the copies go back.
    pub(super) fn undone(&self) -> Order {
        let stock = match self.stock {
            StockState::None => StockState::None,
            StockState::Taking | StockState::Taken | StockState::GivingBack => StockState::GivingBack,
        };
        let payments = self.payments.iter().cloned().map(payment::Attempt::undone).collect();
        Order { stock, payments, pay_by: None, lapsed: false, ..self.moved() }
    }
}
