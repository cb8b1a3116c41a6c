//! One order, and all that is elsewhere because of it: payments, a parcel, and every message that is under way.
//!
//! A message that was sent may arrive at any time, any number of times, or never: the set of what was ever sent is loss,
//! delay, duplication and reordering in one. A driver has no memory: it sends what `next` says as soon as the order says
//! so, for "not sent" and "crashed before sending" are the same as "lost". Any number of drivers may have sent it. What
//! they hear is recorded only on the version it was asked from, so an order that moves makes all older answers void, and
//! versions themselves need not be kept apart.

use std::collections::BTreeMap;

use catalog_service::domain::taking;
use delivery_service::domain::{self as delivery, Booking, Delivery};
use lastcopy::payments::domain::{self as bank, Payment};
use order_service::{
    answer::Route,
    clients::take_request,
    domain::{Action, Command, Flow, Order, look, next},
    judge::Judgement,
};
use shared_types::{
    Currency,
    deliveries::DeliveryStatus,
    orders::{OrderState, PaymentAttemptState as A, StockState},
    payments::{ChargeMethod, PaymentStatus},
};

use crate::{
    hearing::{self, Answer},
    memory::Pile,
    moves::applied,
    mutants::Mutant,
    scope::{Rules, behaviour, money},
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Deal {
    /// Its version is always 0: see above.
    pub order: Order,
    /// The provider's ledger, by attempt.
    pub bank: BTreeMap<u32, Account>,
    /// The delivery service's records, by number.
    pub parcels: BTreeMap<u32, Delivery>,
    /// Every call that was ever sent.
    pub sent: Pile<Message>,
    /// Every answer that some driver may hear and record now.
    pub replies: Pile<Reply>,
    /// Webhooks that were sent. One that changed the order is in its inbox and changes nothing again.
    pub reports: Pile<(u32, PaymentStatus)>,
    /// What the delivery service told of parcels, with the version that each came with.
    pub events: Pile<(u32, DeliveryStatus, i64)>,
    /// What the client was answered once and for all.
    pub told: Option<OrderState>,
}

/// A payment, and how often money really moved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    pub payment: Payment,
    pub captures: u8,
    pub refunds: u8,
}

/// A call, with all that it carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Message {
    Take { n: u32, asked: taking::Asked },
    GiveBack { n: u32 },
    Charge { n: u32, asked: bank::Asked },
    CancelPayment { n: u32 },
    Refund { n: u32 },
    Book { n: u32, booking: Booking },
    CancelDelivery { n: u32 },
}

/// An answer on its way to a driver.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reply {
    Judged(Command),
    /// What a driver writes that compares no versions.
    Written(Box<Order>),
}

/// Money moves at most this often before nobody counts any more.
const COUNTED: u8 = 3;

impl Deal {
    pub fn new(order: Order) -> Deal {
        Deal {
            order,
            bank: BTreeMap::new(),
            parcels: BTreeMap::new(),
            sent: Pile::default(),
            replies: Pile::default(),
            reports: Pile::default(),
            events: Pile::default(),
            told: None,
        }
    }

    /// The action that any driver would do now.
    pub fn action(&self, rules: Rules) -> Option<Action> {
        let look = || if rules.has(Mutant::NobodyLooks) { None } else { look(&self.order) };
        next(&self.order).or_else(look)
    }

    /// That action as it is sent.
    pub fn message(&self, action: Action) -> Message {
        let attempt = || self.order.attempt_for(action).expect("an action about money has its attempt");
        match action {
            Action::Take => {
                let lines = take_request(&self.order).lines;
                let asked = taking::Asked::parse(&lines, Currency::USD).expect("what the order asks for is understood");
                Message::Take { n: self.order.taking_n, asked }
            }
            Action::GiveBack => Message::GiveBack { n: self.order.taking_n },
            Action::Charge => {
                let attempt = attempt();
                let means = match (attempt.method, &attempt.token) {
                    (ChargeMethod::Card, Some(token)) => {
                        bank::Means::Card { token: token.expose().to_owned(), behaviour: behaviour(token) }
                    }
                    (ChargeMethod::Card, None) => panic!("a card without its token: {self:?}"),
                    (ChargeMethod::Invoice, _) => bank::Means::Invoice,
                };
                Message::Charge { n: attempt.n, asked: bank::Asked { amount: attempt.amount, means } }
            }
            Action::CancelPayment => Message::CancelPayment { n: attempt().n },
            Action::Refund => Message::Refund { n: attempt().n },
            Action::BookDelivery => self.booking(),
            Action::CancelDelivery => Message::CancelDelivery { n: self.order.delivery_id().n },
        }
    }

    fn booking(&self) -> Message {
        let address = self.order.address.clone().expect("a delivery has an address");
        let booking = Booking { address, courier: delivery::DEFAULT_COURIER.to_owned() };
        Message::Book { n: self.order.delivery_id().n, booking }
    }

    /// The order was swapped for this one; drivers send what is to be done now.
    pub fn moved(&self, rules: Rules, order: Order) -> Deal {
        let mut deal = Deal { order: Order { version: 0, ..order }, ..self.clone() };
        if !rules.has(Mutant::LostUpdate) && !rules.has(Mutant::OlderReplyBelieved) {
            deal.replies = Pile::default();
        }
        if !rules.has(Mutant::OlderEventBelieved) {
            let known = (deal.order.delivery_n, deal.order.delivery_version);
            deal.events.retain(|(n, _, version)| (*n, *version) > known);
        }
        if deal.told.is_none() && deal.is_final() {
            deal.told = Some(deal.order.state);
        }
        if let Some(action) = deal.action(rules) {
            deal.sent.add(deal.message(action));
        }
        deal.send_too_early(rules);
        deal
    }

    /// Whether whoever placed the order is answered now, by the order service's own word.
    fn is_final(&self) -> bool {
        let route = match self.order.flow {
            Flow::Checkout => Route::Checkout,
            Flow::Review => Route::Cancel,
        };
        let is_decided = !matches!(self.order.state, OrderState::Created | OrderState::Pending);
        is_decided && route.is_final(&self.order)
    }

    fn send_too_early(&mut self, rules: Rules) {
        let order = self.order.clone();
        let shown = || order.lines.iter().filter_map(|line| line.expected?.times(line.quantity)).map(|m| m.minor).sum();
        match rules.mutant {
            Some(Mutant::ChargeBeforeTake) if order.stock == StockState::Taking => {
                let planned = order.payments.first().filter(|attempt| attempt.state == A::Planned);
                if let Some(token) = planned.and_then(|attempt| attempt.token.as_ref()) {
                    let means = bank::Means::Card { token: token.expose().to_owned(), behaviour: behaviour(token) };
                    self.sent.add(Message::Charge { n: 1, asked: bank::Asked { amount: money(shown()), means } });
                }
            }
            Some(Mutant::DeliveryBeforeApproval)
                if order.stock == StockState::Taken
                    && order.state == OrderState::Pending
                    && order.address.is_some() =>
            {
                self.sent.add(self.booking());
            }
            Some(Mutant::RefundBeforeDeliveryCanceled) if order.withdrawn => {
                let paid = order.payments.iter().filter(|attempt| attempt.state == A::Succeeded);
                paid.for_each(|attempt| self.sent.add(Message::Refund { n: attempt.n }));
            }
            Some(Mutant::GiveBackBeforeRefund) if order.stock == StockState::GivingBack => {
                self.sent.add(Message::GiveBack { n: order.taking_n });
            }
            Some(_) | None => {}
        }
    }

    /// A call arrives at the provider or at the delivery service. `None`: it is one for the catalog.
    pub fn arrived(&self, rules: Rules, message: &Message) -> Option<Deal> {
        let mut deal = self.clone();
        let answer = match message {
            Message::Take { .. } | Message::GiveBack { .. } => return None,
            Message::Charge { n, asked } => deal.pay(rules, *n, &bank::Command::Open(asked.clone())),
            Message::CancelPayment { n } => deal.pay(rules, *n, &bank::Command::Cancel),
            Message::Refund { n } => deal.pay(rules, *n, &bank::Command::Refund),
            Message::Book { n, booking } => deal.carry(rules, *n, &delivery::Command::Book(booking.clone())),
            Message::CancelDelivery { n } => deal.carry(rules, *n, &delivery::Command::Cancel),
        };
        deal.answered(rules, message, answer);
        Some(deal)
    }

    /// Somebody answered a call. It is heard by the drivers that wait for just this answer, if there are any.
    pub fn answered(&mut self, rules: Rules, message: &Message, answer: Option<Answer>) {
        let waiting = self.action(rules).filter(|action| self.message(*action) == *message);
        let (Some(action), Some(answer)) = (waiting, answer) else { return };
        let Judgement::Answered(command) = hearing::judge(&self.order, action, answer) else { return };
        let command = hearing::believed(&self.order, command);
        let Some(after) = applied(rules, &self.order, &command) else { return };
        self.replies.add(if rules.has(Mutant::LostUpdate) {
            Reply::Written(Box::new(Order { version: 0, ..after }))
        } else {
            Reply::Judged(command)
        });
    }

    /// The provider is asked for something, or its bank decides.
    pub fn pay(&mut self, rules: Rules, n: u32, command: &bank::Command) -> Option<Answer> {
        let before = self.bank.get(&n);
        let after = bank::apply(self.order.payment_id(n), before.map(|account| &account.payment), command).ok()?;
        let answer = Some(Answer::Payment(after.clone()));
        if before.is_none() && *command == bank::Command::Cancel && rules.has(Mutant::NoTombstoneOnCanceledPayment) {
            return answer;
        }
        let (mut captures, mut refunds) = before.map_or((0, 0), |account| (account.captures, account.refunds));
        let is_new = before.is_none_or(|account| account.payment.version != after.version);
        let charges = rules.has(Mutant::ChargeNotIdempotent) && matches!(command, bank::Command::Open(_));
        let refunds_again = rules.has(Mutant::RefundNotIdempotent) && *command == bank::Command::Refund;
        if after.status == PaymentStatus::Succeeded && (is_new || charges) {
            captures = COUNTED.min(captures + 1);
        }
        if after.status == PaymentStatus::Refunded && (is_new || refunds_again) {
            refunds = COUNTED.min(refunds + 1);
        }
        if is_new {
            bank::news(&after).into_iter().for_each(|(status, _)| self.reports.add((n, status)));
        }
        self.bank.insert(n, Account { payment: after, captures, refunds });
        answer
    }

    /// The delivery service is asked for something, or a courier moves a parcel.
    pub fn carry(&mut self, rules: Rules, n: u32, command: &delivery::Command) -> Option<Answer> {
        let before = self.parcels.get(&n);
        let after = match delivery::apply(self.order.id.delivery(n), before, command) {
            Ok(after) => after,
            // Booked too late: the delivery is answered as it is. Canceled too late is a problem, and says nothing.
            Err(delivery::Refusal::Canceled) => return before.cloned().map(Answer::Delivery),
            Err(_) => return None,
        };
        if before.is_none_or(|parcel| parcel.version != after.version) {
            if before.is_none()
                && *command == delivery::Command::Cancel
                && rules.has(Mutant::NoTombstoneOnCanceledDelivery)
            {
                return Some(Answer::Delivery(after));
            }
            let known = (self.order.delivery_n, self.order.delivery_version);
            if (n, after.version) > known || rules.has(Mutant::OlderEventBelieved) {
                self.events.add((n, after.status, after.version));
            }
            self.parcels.insert(n, after.clone());
        }
        Some(Answer::Delivery(after))
    }
}
