//! Money: attempts to pay, one after the other, each under an id of its own.
//!
//! An attempt is asked about until its provider's answer is definite. What pays is one attempt; every other that
//! captured anything is refunded, and nobody has to ask for that.

use serde::{Deserialize, Serialize};
use shared_types::{
    Money, Timestamp,
    orders::{FulfillmentState, OrderState, PaymentAttemptState as A, PaymentMethod, PaymentState, StockState},
    payments::{CardToken, ChargeMethod, PaymentStatus},
};

use super::order::{Action, Flow, Order, Refusal};

/// Attempts to pay for one order at most: nobody tries out cards here.
pub const MAX_PAYMENTS: usize = 10;

/// Who is asked for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderName {
    Sandbox,
    Stripe,
    Receipts,
}

/// An attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub n: u32,
    pub method: ChargeMethod,
    /// Zero while its copies are not taken, and their price is not known.
    pub amount: Money,
    /// What stands for the card, for as long as it may have to be charged.
    pub token: Option<CardToken>,
    /// Who was asked for it, and is asked for as long as it may have to be: whoever is configured later knows nothing of it.
    /// None: it is older than this note.
    pub provider: Option<ProviderName>,
    /// What its provider calls it, where that insists on names of its own.
    pub provider_ref: Option<String>,
    pub state: A,
    /// Why it was declined or canceled.
    pub reason: Option<String>,
}

impl Attempt {
    /// Closed with nothing kept.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, A::Declined | A::Canceled | A::Refunded)
    }

    /// Nobody knows yet whether it captures anything.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, A::Charging | A::Processing | A::Canceling)
    }

    /// Whether money that is reported to us may pay it: an invoice that is not at a provider of its own.
    pub fn is_paid_by_receipt(&self) -> bool {
        self.method == ChargeMethod::Invoice && matches!(self.provider, None | Some(ProviderName::Receipts))
    }

    /// A checkout's payment, before its copies are taken.
    pub fn planned(method: ChargeMethod, provider: ProviderName, nothing: Money) -> Attempt {
        let provider = Some(provider);
        Attempt {
            n: 1,
            method,
            amount: nothing,
            token: None,
            provider,
            provider_ref: None,
            state: A::Planned,
            reason: None,
        }
    }

    /// The attempt on its way to being closed with nothing kept.
    pub(super) fn undone(self) -> Attempt {
        let state = match self.state {
            A::Planned => A::Canceled,
            A::Charging | A::Processing => A::Canceling,
            // Nothing was captured for an order that costs nothing.
            A::Succeeded if self.amount.minor == 0 => A::Refunded,
            A::Succeeded => A::Refunding,
            state @ (A::Canceling | A::Refunding | A::Declined | A::Canceled | A::Refunded) => state,
        };
        self.now(state)
    }

    /// The token is forgotten as soon as nothing may be charged with it any more.
    fn now(self, state: A) -> Attempt {
        let token = self.token.filter(|_| matches!(state, A::Planned | A::Charging | A::Processing));
        Attempt { state, token, ..self }
    }
}

impl Order {
    /// The axis of the order's money.
    pub fn payment(&self) -> PaymentState {
        let any = |state: A| self.payments.iter().any(|attempt| attempt.state == state);
        let at_bank = |attempt: &Attempt| attempt.state == A::Processing && attempt.method == ChargeMethod::Card;
        // A plan that came to nothing was never sent.
        let tried = self.payments.iter().any(|attempt| attempt.is_closed() && attempt.amount.minor > 0);
        if self.withdrawn {
            let done = self.stock != StockState::Taken && self.keeps_no_money();
            return if done { PaymentState::Refunded } else { PaymentState::Refunding };
        }
        if any(A::Succeeded) {
            PaymentState::Paid
        } else if any(A::Refunding) {
            PaymentState::Refunding
        } else if any(A::Canceling) {
            PaymentState::Canceling
        } else if any(A::Charging) || self.payments.iter().any(at_bank) {
            PaymentState::Charging
        } else if any(A::Processing) {
            PaymentState::Unpaid
        } else if any(A::Refunded) {
            PaymentState::Refunded
        } else if tried {
            PaymentState::Failed
        } else {
            PaymentState::Unpaid
        }
    }

    /// Whether it holds copies, or is about to, and waits for its money.
    pub fn is_unpaid(&self) -> bool {
        self.state == OrderState::Pending
            && self.flow == Flow::Checkout
            && self.payment_method != PaymentMethod::OnDelivery
    }

    /// Every payment is closed with nothing kept: only then copies go back.
    pub fn keeps_no_money(&self) -> bool {
        self.payments.iter().all(|attempt| attempt.is_closed())
    }

    /// The attempt that an action is about: the first that waits for it.
    pub fn attempt_for(&self, action: Action) -> Option<&Attempt> {
        let waits = |state: A| match action {
            Action::Charge => matches!(state, A::Charging | A::Processing),
            Action::CancelPayment => state == A::Canceling,
            Action::Refund => state == A::Refunding,
            Action::Take | Action::GiveBack | Action::BookDelivery | Action::CancelDelivery => false,
        };
        self.payments.iter().find(|attempt| waits(attempt.state))
    }

    fn with(&self, n: u32, state: A, reason: Option<String>) -> Order {
        let change = |attempt: &Attempt| match attempt.n == n {
            true => Attempt { reason: reason.clone(), ..attempt.clone().now(state) },
            false => attempt.clone(),
        };
        Order { payments: self.payments.iter().map(change).collect(), ..self.moved() }
    }
}

/// What is to be done about money. An older attempt is closed before a newer one is charged.
pub(super) fn next(order: &Order) -> Option<Action> {
    let any = |state: A| order.payments.iter().any(|attempt| attempt.state == state);
    if any(A::Canceling) {
        Some(Action::CancelPayment)
    } else if any(A::Refunding) {
        Some(Action::Refund)
    } else if any(A::Charging) {
        Some(Action::Charge)
    } else {
        None
    }
}

/// Whether a payment waits for its buyer or his bank.
pub(super) fn is_awaited(order: &Order) -> bool {
    order.payments.iter().any(|attempt| attempt.state == A::Processing)
}

/// The copies are taken: now the planned payment may be asked for. What costs nothing is paid.
pub(super) fn charge(order: Order) -> Result<Order, Refusal> {
    let amount = order.total().ok_or_else(|| Refusal::DoesNotFit("lines without a price".to_owned()))?;
    let nothing_to_pay = amount.minor == 0;
    let state = if nothing_to_pay { A::Succeeded } else { A::Charging };
    let planned = |attempt: Attempt| Attempt { amount, ..attempt.now(state) };
    let payments = order.payments.into_iter().map(planned).collect();
    let order = Order { payments, ..order };
    Ok(if nothing_to_pay { Order { state: OrderState::Approved, pay_by: None, ..order } } else { order })
}

/// Another attempt. An invoice that is open is canceled first; any other payment that is unresolved stands in the way.
pub(super) fn start(
    order: &Order,
    command: &'static str,
    (token, provider): (CardToken, ProviderName),
    pay_by: Timestamp,
) -> Result<Order, Refusal> {
    let stands_in_the_way = |attempt: &Attempt| {
        let open_invoice = attempt.state == A::Processing && attempt.method == ChargeMethod::Invoice;
        !attempt.is_closed() && !open_invoice
    };
    let sold = matches!(order.state, OrderState::Pending | OrderState::Approved) && order.stock == StockState::Taken;
    let here = matches!(order.fulfillment, FulfillmentState::None | FulfillmentState::Scheduled);
    let free = !order.withdrawn && !order.lapsed && !order.payments.iter().any(stands_in_the_way);
    order.expect(command, sold && here && free)?;
    let amount = order.total().filter(|total| total.minor > 0).ok_or(Refusal::NothingToPay)?;
    if order.payments.len() >= MAX_PAYMENTS {
        return Err(Refusal::TooManyPayments);
    }
    let n = order.payments.last().map_or(1, |last| last.n + 1);
    let mut payments: Vec<Attempt> = order.payments.iter().cloned().map(Attempt::undone).collect();
    payments.push(Attempt {
        n,
        method: ChargeMethod::Card,
        amount,
        token: Some(token),
        provider: Some(provider),
        provider_ref: None,
        state: A::Charging,
        reason: None,
    });
    Ok(Order { payments, pay_by: Some(order.pay_by.unwrap_or(pay_by)), ..order.moved() })
}

/// The provider's own name for a payment, without which it cannot be charged.
pub(super) fn named(order: &Order, command: &'static str, n: u32, name: String) -> Result<Order, Refusal> {
    let attempt = find(order, n)?;
    order.expect(command, attempt.state == A::Charging && attempt.provider_ref.is_none())?;
    let name = |attempt: &Attempt| match attempt.n == n {
        true => Attempt { provider_ref: Some(name.clone()), ..attempt.clone() },
        false => attempt.clone(),
    };
    Ok(Order { payments: order.payments.iter().map(name).collect(), ..order.moved() })
}

/// What the provider said when it was asked. An answer that decides nothing leaves the order as it is.
pub(super) fn answered(
    order: &Order,
    command: &'static str,
    n: u32,
    status: PaymentStatus,
    reason: Option<String>,
) -> Result<Order, Refusal> {
    let attempt = find(order, n)?;
    match (attempt.state, status) {
        (A::Planned | A::Succeeded | A::Declined | A::Canceled | A::Refunded, _) => Err(order.illegal(command)),
        (A::Charging, PaymentStatus::Processing) => Ok(order.with(n, A::Processing, reason)),
        (A::Processing | A::Canceling | A::Refunding, PaymentStatus::Processing) => Ok(order.clone()),
        (A::Refunding, PaymentStatus::Succeeded) => Ok(order.clone()),
        (A::Charging | A::Processing | A::Canceling, PaymentStatus::Succeeded) => Ok(captured(order, n)),
        (_, PaymentStatus::Declined) => Ok(closed(order, n, A::Declined, reason)),
        (_, PaymentStatus::Canceled) => Ok(closed(order, n, A::Canceled, reason)),
        (_, PaymentStatus::Refunded) => Ok(closed(order, n, A::Refunded, reason)),
    }
}

/// A webhook. Only news makes the provider be asked: also of an attempt that was closed, should money have come late.
pub(super) fn reported(order: &Order, n: u32, status: PaymentStatus) -> Result<Order, Refusal> {
    let attempt = find(order, n)?;
    let late = status == PaymentStatus::Succeeded;
    Ok(match attempt.state {
        A::Processing if status != PaymentStatus::Processing => order.with(n, A::Charging, None),
        A::Declined | A::Canceled if late => order.with(n, A::Canceling, attempt.reason.clone()),
        A::Refunded if late => order.with(n, A::Refunding, attempt.reason.clone()),
        // An answer that is on its way to us may be older than the news: the move makes it come too late, so that the
        // provider is asked again.
        A::Charging | A::Canceling if status != PaymentStatus::Processing => order.moved(),
        A::Planned
        | A::Charging
        | A::Processing
        | A::Canceling
        | A::Succeeded
        | A::Refunding
        | A::Declined
        | A::Canceled
        | A::Refunded => order.clone(),
    })
}

/// Money is there. It pays, if the order still wants it; otherwise it goes back by itself.
fn captured(order: &Order, n: u32) -> Order {
    let wanted = matches!(order.state, OrderState::Pending | OrderState::Approved)
        && order.stock == StockState::Taken
        && !order.withdrawn
        && !order.payments.iter().any(|attempt| attempt.state == A::Succeeded);
    if !wanted {
        return order.with(n, A::Refunding, None);
    }
    let paid = order.with(n, A::Succeeded, None);
    let alone = |attempt: Attempt| if attempt.n == n { attempt } else { attempt.undone() };
    let payments = paid.payments.iter().cloned().map(alone).collect();
    Order { state: OrderState::Approved, payments, pay_by: None, lapsed: false, ..paid }
}

/// A payment came to nothing. It ends the checkout whose card it was, and the order whose deadline has passed; other
/// orders keep their copies until their deadline.
fn closed(order: &Order, n: u32, state: A, reason: Option<String>) -> Order {
    let order = order.with(n, state, reason);
    let waits_for_money = order.payments.iter().any(|attempt| attempt.is_open());
    if order.stock != StockState::Taken || waits_for_money {
        return order;
    }
    let was_checkouts_card = n == 1 && order.flow == Flow::Checkout && order.payment_method == PaymentMethod::Card;
    match order.state {
        OrderState::Pending if order.lapsed => late(&order),
        OrderState::Pending if was_checkouts_card => {
            let reason = if state == A::Declined { "its payment was declined" } else { "its payment was canceled" };
            order.ended(OrderState::Canceled, Some(reason.to_owned())).at(order.version)
        }
        // The deadline was that of this payment.
        OrderState::Approved => Order { pay_by: None, ..order },
        OrderState::Created | OrderState::Pending | OrderState::Rejected | OrderState::Canceled => order,
    }
}

fn late(order: &Order) -> Order {
    order.ended(OrderState::Canceled, Some("it was not paid in time".to_owned())).at(order.version)
}

/// The deadline decides nothing about a payment that is under way: its cancellation is asked for, and the answer decides.
pub(super) fn deadline_passed(order: &Order, command: &'static str) -> Result<Order, Refusal> {
    order.expect(command, order.pay_by.is_some())?;
    let is_open = order.payments.iter().any(|attempt| attempt.is_open());
    let moved = order.moved();
    if order.state == OrderState::Pending && !is_open {
        return Ok(late(&moved));
    }
    let stop = |attempt: Attempt| if attempt.is_open() { attempt.undone() } else { attempt };
    let payments = moved.payments.iter().cloned().map(stop).collect();
    let lapsed = order.state == OrderState::Pending;
    Ok(Order { payments, pay_by: None, lapsed, ..moved })
}

pub(super) fn extend(order: &Order, command: &'static str, until: Timestamp) -> Result<Order, Refusal> {
    order.expect(command, order.state == OrderState::Pending && order.pay_by.is_some())?;
    match order.pay_by {
        Some(pay_by) if until < pay_by => Err(Refusal::NotLater),
        Some(pay_by) if until == pay_by => Ok(order.clone()),
        Some(_) | None => Ok(Order { pay_by: Some(until), ..order.moved() }),
    }
}

fn find(order: &Order, n: u32) -> Result<&Attempt, Refusal> {
    order.payments.iter().find(|attempt| attempt.n == n).ok_or(Refusal::NoSuchPayment(n))
}

impl Order {
    /// The same move, however many steps it was made of here.
    fn at(self, version: i64) -> Order {
        Order { version, ..self }
    }
}
