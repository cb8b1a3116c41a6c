//! What a driver hears: the other side's record as it travels, judged by the order service's own judges.

use delivery_service::domain::Delivery;
use lastcopy::payments::domain::Payment;
use order_service::{
    clients::payments::Charged,
    domain::{Action, Command, Order, Refusal, apply, next},
    judge::{self, Judgement},
    money,
};
use service_kit::Outcome;
use shared_types::{Money, Timestamp, deliveries::DeliveryView, payments::PaymentView, takings::TakingView};

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Taking(TakingView),
    Payment(Payment),
    Delivery(Delivery),
}

pub fn judge(order: &Order, action: Action, answer: Answer) -> Judgement {
    let attempt = || order.attempt_for(action).expect("an answer about money has its attempt");
    match (action, answer) {
        (Action::Take, Answer::Taking(taking)) => judge::take(order, Outcome::Done(taking)),
        (Action::GiveBack, Answer::Taking(taking)) => judge::give_back(order, Outcome::Done(taking)),
        (Action::Charge, Answer::Payment(payment)) => {
            money::charged(attempt(), Outcome::Done(Charged::Payment(told(order, &payment))))
        }
        (Action::CancelPayment, Answer::Payment(payment)) => {
            money::canceled(attempt(), Outcome::Done(told(order, &payment)))
        }
        (Action::Refund, Answer::Payment(payment)) => money::refunded(attempt(), Outcome::Done(told(order, &payment))),
        (Action::BookDelivery, Answer::Delivery(delivery)) => judge::booking(order, Outcome::Done(shown(delivery))),
        (Action::CancelDelivery, Answer::Delivery(delivery)) => judge::stopping(order, Outcome::Done(shown(delivery))),
        (action, answer) => panic!("{action:?} is not answered by {answer:?}"),
    }
}

/// As in the driver: copies that do not fit the order are not sold, and it is canceled.
pub fn believed(order: &Order, command: Command) -> Command {
    let does_not_fit = matches!(apply(order, command.clone()), Err(Refusal::DoesNotFit(_)));
    if does_not_fit && next(order) == Some(Action::Take) { Command::Cancel { reason: None } } else { command }
}

fn told(order: &Order, payment: &Payment) -> PaymentView {
    let currency = order.currency;
    let amount = |minor| Money { minor, currency }.amount();
    PaymentView {
        payment_id: payment.id,
        status: payment.status,
        amount: amount(payment.asked.as_ref().map_or(0, |asked| asked.amount.minor)),
        currency,
        captured: amount(payment.captured_minor()),
        refunded: amount(payment.refunded_minor()),
        reason: payment.reason.clone(),
        version: payment.version,
        created_at: Timestamp::from_micros(0),
        updated_at: Timestamp::from_micros(0),
    }
}

fn shown(delivery: Delivery) -> DeliveryView {
    DeliveryView {
        delivery_id: delivery.id,
        order_id: delivery.id.order,
        courier: delivery.parcel.as_ref().map_or_else(String::new, |parcel| parcel.courier.clone()),
        address: delivery.parcel.map(|parcel| parcel.booking.address),
        status: delivery.status,
        version: delivery.version,
        created_at: Timestamp::from_micros(0),
        updated_at: Timestamp::from_micros(0),
    }
}
