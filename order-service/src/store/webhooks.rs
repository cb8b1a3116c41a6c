//! What a webhook does: its event is remembered, and the order hears of it, in one transaction. An event that comes again
//! finds itself and does nothing.

use service_kit::{db::Tx, inbox};
use shared_types::{Money, OrderId, PaymentId, payments::PaymentStatus};

use super::{
    moves::{self, Hand, MoveError},
    orders,
    receipts::{self, Receipt},
};
use crate::{
    domain::{Command, Order, Refusal},
    webhooks::event::Received,
};

/// Who sent an event, in the inbox: two senders may give two events one id.
pub const RECEIPTS: &str = "webhook/receipts";
pub const SANDBOX: &str = "webhook/sandbox";
pub const STRIPE: &str = "webhook/stripe";

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Processed,
    /// It was processed before.
    Duplicate,
    /// It is written down, and pays nothing: the order costs something else.
    OtherAmount,
}

/// Money arrived: a receipt, and a payment to be asked about. A receipt of another amount is written down for those who
/// give it back, and said to be what it is as often as it is reported.
pub fn received(tx: &mut Tx<'_>, event_id: &str, received: &Received, hand: &Hand) -> Result<Taken, MoveError> {
    let order = find(tx, received.order)?;
    let (amount, fits) = amount(&order, received).map_err(|error| Refusal::DoesNotFit(error.to_string()))?;
    if fits && !inbox::first_time(tx, RECEIPTS, event_id)? {
        return Ok(Taken::Duplicate);
    }
    let invoice = order.payments.iter().find(|attempt| attempt.is_paid_by_receipt()).filter(|_| fits);
    let payment = invoice.map(|attempt| order.payment_id(attempt.n));
    let (order_id, received_at) = (order.id, hand.at);
    let receipt =
        Receipt { event_id: event_id.to_owned(), order: order_id, payment, amount, received_at, returned: None };
    receipts::record(tx, &receipt)?;
    if !fits {
        return Ok(Taken::OtherAmount);
    }
    match invoice {
        Some(attempt) => {
            let reported = Command::PaymentReported { n: attempt.n, status: PaymentStatus::Succeeded };
            moves::make(tx, order.id, &reported, hand)?;
        }
        None => tracing::warn!(%order_id, event_id, "money for an order that is not paid this way"),
    }
    Ok(Taken::Processed)
}

/// What arrived, and whether it is what the order costs. An order whose price is not known yet costs nothing that could
/// be paid.
fn amount(order: &Order, received: &Received) -> Result<(Money, bool), shared_types::AmountError> {
    let total = order.total();
    let currency = received.currency.unwrap_or(order.currency);
    let amount = match (received.amount, total) {
        (Some(amount), _) => Money::total(amount, currency)?,
        (None, Some(total)) => Money { currency, ..total },
        (None, None) => Money::zero(currency),
    };
    Ok((amount, total == Some(amount)))
}

/// Something happened to a payment at its provider: the provider is asked what.
pub fn reported(
    tx: &mut Tx<'_>,
    source: &str,
    event_id: &str,
    (payment, status): (PaymentId, PaymentStatus),
    hand: &Hand,
) -> Result<Taken, MoveError> {
    if !inbox::first_time(tx, source, event_id)? {
        return Ok(Taken::Duplicate);
    }
    let reported = Command::PaymentReported { n: payment.n, status };
    moves::make(tx, payment.order, &reported, hand)?;
    Ok(Taken::Processed)
}

fn find(tx: &mut Tx<'_>, id: OrderId) -> Result<Order, MoveError> {
    Ok(orders::find(tx, id)?.ok_or(MoveError::NoSuchOrder(id))?.order)
}
