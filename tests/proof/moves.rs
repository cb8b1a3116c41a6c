//! Everything that can happen to one order, apart from calls that arrive at the catalog.

use delivery_service::domain as delivery;
use lastcopy::payments::domain as bank;
use order_service::domain::{Attempt, Command, Order, ProviderName, apply};
use shared_types::{
    Timestamp,
    deliveries::DeliveryStatus,
    orders::{OrderState, PaymentAttemptState as A, StockState},
    payments::PaymentStatus,
};

use crate::{
    deal::{Deal, Reply},
    mutants::Mutant,
    scope::{Rules, address, token},
};

/// Changes of a parcel other than the first, its booking included.
const LATER_PARCEL_MOVES: i64 = 3;

/// Something that happened, and what became of it.
#[derive(Debug, Clone)]
pub struct Step {
    pub what: String,
    pub deal: Deal,
}

/// All that can happen next.
pub fn steps(rules: Rules, deal: &Deal) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |what: String, after: Option<Deal>| {
        steps.extend(after.filter(|after| after != deal).map(|deal| Step { what, deal }));
    };
    for command in asks(rules, &deal.order) {
        let what = format!("somebody asks: {}", command.name());
        add(what, applied(rules, &deal.order, &command).map(|order| deal.moved(rules, order)));
    }
    for message in deal.sent.iter() {
        add(format!("arrives: {message:?}"), deal.arrived(rules, message));
    }
    for reply in deal.replies.iter() {
        add(format!("a driver records: {reply:?}"), recorded(rules, deal, reply));
    }
    for (n, status) in deal.reports.iter() {
        add(format!("webhook: {n} {}", status.name()), reported(rules, deal, *n, *status));
    }
    for event in deal.events.iter() {
        add(format!("event: {event:?}"), told(rules, deal, *event));
    }
    for (what, after) in others(rules, deal) {
        add(what, Some(after));
    }
    for (what, order) in impatient(rules, deal) {
        add(what, Some(deal.moved(rules, order)));
    }
    steps
}

/// What clients, staff and clocks may ask, at any moment.
fn asks(rules: Rules, order: &Order) -> Vec<Command> {
    let mut asks = vec![
        Command::Place,
        Command::Submit,
        Command::Reject { reason: None },
        Command::Cancel { reason: None },
        Command::ChangeLine { number: 2, quantity: 1 },
        Command::Refund { reason: None },
        Command::HandOver,
        Command::DeadlinePassed,
        Command::ExtendDeadline { until: Timestamp::from_micros(2) },
    ];
    if rules.addressed_later {
        asks.push(Command::Deliver { address: address() });
    }
    if order.taking_n < rules.takings {
        asks.push(Command::Approve);
    }
    if order.payments.len() < rules.payments {
        let pay = |card| {
            let (token, pay_by) = (token(card), Timestamp::from_micros(1));
            Command::StartPayment { token, provider: ProviderName::Sandbox, pay_by }
        };
        asks.extend(rules.cards.iter().copied().map(pay));
    }
    asks
}

/// The order service's own `apply`, or what is left of it. `None`: nothing changes.
pub fn applied(rules: Rules, order: &Order, command: &Command) -> Option<Order> {
    let forgotten = |attempt: Attempt, state: A| match attempt.state == state {
        true => Attempt { state: A::Canceled, token: None, ..attempt },
        false => attempt,
    };
    let forget = |order: Order, state: A| Order {
        payments: order.payments.into_iter().map(|attempt| forgotten(attempt, state)).collect(),
        ..order
    };
    let undoes = matches!(command, Command::Cancel { .. } | Command::Reject { .. });
    let is_late = matches!(command, Command::PaymentAnswered { status: PaymentStatus::Succeeded, .. });
    let before = match (rules.mutant, command) {
        (Some(Mutant::OlderEventBelieved), Command::DeliveryMoved { .. }) if order.delivery_n > 0 => {
            Order { delivery_version: 0, ..order.clone() }
        }
        _ => order.clone(),
    };
    let after = apply(&before, command.clone()).ok()?;
    let after = match rules.mutant {
        Some(Mutant::CancelWithoutCancelingThePayment) if undoes => forget(after, A::Canceling),
        Some(Mutant::NoLateRefund) if is_late => forget(after, A::Refunding),
        Some(Mutant::DeadlineDecides) if after.lapsed => Order {
            state: OrderState::Canceled,
            stock: StockState::GivingBack,
            lapsed: false,
            ..forget(after, A::Canceling)
        },
        Some(_) | None => after,
    };
    (after != before).then_some(after)
}

/// A driver records what it heard.
pub fn recorded(rules: Rules, deal: &Deal, reply: &Reply) -> Option<Deal> {
    match reply {
        Reply::Judged(command) if rules.has(Mutant::OlderReplyBelieved) => {
            let command = in_force(&deal.order, command.clone());
            applied(rules, &deal.order, &command).map(|order| deal.moved(rules, order))
        }
        Reply::Judged(command) => applied(rules, &deal.order, command).map(|order| deal.moved(rules, order)),
        Reply::Written(order) => Some(deal.moved(rules, Order::clone(order))),
    }
}

/// The answer as one to the attempt in force, whichever it was one to.
fn in_force(order: &Order, command: Command) -> Command {
    let paying = order.payments.last().map_or(1, |attempt| attempt.n);
    let mut command = command;
    if let Command::CopiesTaken { n, .. } | Command::CopiesRefused { n, .. } = &mut command {
        *n = order.taking_n;
    }
    if let Command::PaymentAnswered { n, .. } = &mut command {
        *n = paying;
    }
    command
}

/// A webhook is a row of the inbox in the transaction of its effect.
fn reported(rules: Rules, deal: &Deal, n: u32, status: PaymentStatus) -> Option<Deal> {
    let order = applied(rules, &deal.order, &Command::PaymentReported { n, status })?;
    let mut after = deal.moved(rules, order);
    after.reports.retain(|report| *report != (n, status));
    Some(after)
}

pub fn told(rules: Rules, deal: &Deal, (n, status, version): (u32, DeliveryStatus, i64)) -> Option<Deal> {
    let order = applied(rules, &deal.order, &Command::DeliveryMoved { n, status, version })?;
    Some(deal.moved(rules, order))
}

/// Banks and couriers do as they like.
fn others(rules: Rules, deal: &Deal) -> Vec<(String, Deal)> {
    use DeliveryStatus::{Delivered, Failed, Returned, Scheduled, Shipped};
    let mut after = Vec::new();
    for n in deal.bank.keys() {
        for command in [bank::Command::Confirm, bank::Command::Refuse] {
            let mut deal = deal.clone();
            let what = format!("the bank decides {n}: {command:?}");
            after.extend(deal.pay(rules, *n, &command).map(|_| (what, deal)));
        }
    }
    for (n, parcel) in &deal.parcels {
        let moves = if *n == 1 { rules.parcel_moves } else { LATER_PARCEL_MOVES };
        for status in [Shipped, Delivered, Failed, Scheduled, Returned] {
            let mut deal = deal.clone();
            if parcel.version < moves && deal.carry(rules, *n, &delivery::Command::Move(status)).is_some() {
                after.push((format!("parcel {n} is {status:?}"), deal));
            }
        }
    }
    after
}

/// What a driver does that takes silence for an answer.
fn impatient(rules: Rules, deal: &Deal) -> Vec<(String, Order)> {
    let order = &deal.order;
    match rules.mutant {
        Some(Mutant::GiveBackOnChargeTimeOut) => {
            let closed = |attempt: &Attempt| Attempt { state: A::Canceled, token: None, ..attempt.clone() };
            let is_charging = order.payments.iter().any(|attempt| attempt.state == A::Charging);
            let ended = Order {
                state: OrderState::Canceled,
                stock: StockState::GivingBack,
                payments: order.payments.iter().map(closed).collect(),
                pay_by: None,
                ..order.clone()
            };
            is_charging.then(|| ("the charge times out".to_owned(), ended)).into_iter().collect()
        }
        Some(Mutant::QueryResolvesDoubt) => {
            let unknown =
                order.payments.iter().filter(|attempt| attempt.is_open() && !deal.bank.contains_key(&attempt.n));
            let believed = unknown.filter_map(|attempt| {
                let status = PaymentStatus::Canceled;
                applied(rules, order, &Command::PaymentAnswered { n: attempt.n, status, reason: None })
            });
            believed.map(|order| ("the provider knows of no payment".to_owned(), order)).collect()
        }
        Some(_) | None => Vec::new(),
    }
}
