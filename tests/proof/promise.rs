//! What holds at every moment, and what holds at rest.

use catalog_service::domain::model::{Decided, Shelf};
use order_service::domain::next;
use shared_types::{
    BookId, OrderId,
    deliveries::DeliveryStatus as D,
    orders::{FulfillmentState as F, OrderState as S, PaymentState, StockState as C},
    payments::PaymentStatus,
    takings::TakingState,
};

use crate::{deal::Deal, moves, scope::Rules};

/// What is broken: an invariant of `docs/INVARIANTS.md`, or one of the promise's own sentences that hold at every instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Broken {
    /// Every copy is accounted for, and none is sold twice.
    I1,
    /// At rest an order has exactly the copies that it says it has.
    I2,
    /// Each payment is captured once and refunded once; at rest a paid order's price is kept, and no other money.
    I3,
    /// Every order comes to rest.
    I4,
    /// What was answered once and for all stays true.
    I6,
    /// A parcel belongs to an approved order that is not undone, and at rest such an order has one.
    I7,
    /// No money is taken for copies that are not taken for that order.
    G2,
    /// A buyer pays the price that he was shown, and nothing is taken of a withdrawn book.
    G5,
}

/// What the catalog keeps of one order's takings.
pub type Held = Vec<Decided>;

pub fn held(shelf: &Shelf, order: OrderId) -> Held {
    shelf.takings.iter().filter(|(id, _)| id.order == order).map(|(_, decided)| decided.clone()).collect()
}

fn taken(held: &Held) -> usize {
    held.iter().filter(|decided| decided.answer.state == TakingState::Taken).count()
}

/// Copies never appear and never vanish.
pub fn is_conserved(shelf: &Shelf) -> bool {
    let in_takings = |book: BookId| -> i64 {
        let taken = shelf.takings.values().filter(|decided| decided.answer.state == TakingState::Taken);
        taken.flat_map(|d| &d.answer.lines).filter(|line| line.book_id == book).map(|line| line.quantity).sum()
    };
    shelf.is_conserved() && shelf.books.iter().all(|(book, shelved)| shelved.taken == in_takings(*book))
}

/// Whether nothing is to be done for an order, asked about it, or told of it.
pub fn is_at_rest(rules: Rules, deal: &Deal) -> bool {
    let asked = || {
        let message = deal.action(rules).map(|action| deal.message(action))?;
        let mut quiet = deal.clone();
        quiet.replies.retain(|_| false);
        let arrived = quiet.arrived(rules, &message)?;
        arrived.replies.iter().next().cloned()
    };
    let told = || deal.events.iter().any(|event| moves::told(rules, deal, *event).is_some());
    next(&deal.order).is_none() && !told() && asked().is_none()
}

/// The first thing that is broken, if any.
pub fn check(rules: Rules, deal: &Deal, held: &Held) -> Result<(), Broken> {
    always(deal, held)?;
    if is_at_rest(rules, deal) { at_rest(deal, held) } else { Ok(()) }
}

fn holds(holds: bool, broken: Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(broken) }
}

fn kept(deal: &Deal) -> i64 {
    deal.bank.values().map(|account| i64::from(account.captures) - i64::from(account.refunds)).sum()
}

fn always(deal: &Deal, held: &Held) -> Result<(), Broken> {
    let order = &deal.order;
    let taken = taken(held);
    for account in deal.bank.values() {
        holds(account.captures <= 1 && account.refunds <= account.captures, Broken::I3)?;
        let amount = account.payment.asked.as_ref().map(|asked| asked.amount);
        holds(account.captures == 0 || amount == order.total().or(amount), Broken::G5)?;
    }
    let kept = kept(deal);
    holds((0..=1).contains(&kept), Broken::I3)?;
    holds(kept == 0 || taken == 1, Broken::G2)?;
    holds(taken <= 1, Broken::I2)?;
    holds(!(order.state == S::Approved && order.stock == C::Taken) || taken == 1, Broken::I2)?;
    let shown = |line: &order_service::domain::Line| {
        let price = line.terms.as_ref().map(|terms| terms.price);
        line.expected.is_none() || price.is_none() || line.expected == price
    };
    holds(order.lines.iter().all(shown), Broken::G5)?;
    holds(deal.told.is_none_or(|told| told == order.state), Broken::I6)?;
    let live = deal.parcels.values().filter(|parcel| !matches!(parcel.status, D::Canceled | D::Returned)).count();
    holds(live == 0 || (live == 1 && order.state == S::Approved && taken == 1), Broken::I7)?;
    let refunded = deal.bank.values().any(|account| account.refunds > 0);
    holds(live == 0 || !refunded || kept == 1, Broken::I7)
}

fn at_rest(deal: &Deal, held: &Held) -> Result<(), Broken> {
    let order = &deal.order;
    let has_copies = order.stock == C::Taken;
    holds((taken(held) == 1) == has_copies, Broken::I2)?;
    let ended = matches!(order.state, S::Canceled | S::Rejected) || order.withdrawn;
    holds(!(ended && has_copies) && (order.state != S::Approved || order.withdrawn || has_copies), Broken::I2)?;
    let is_paid = order.payment() == PaymentState::Paid;
    holds(kept(deal) == i64::from(is_paid), Broken::I3)?;
    let may_still_capture = |n: &u32| deal.bank[n].payment.status == PaymentStatus::Processing;
    holds(!ended || !deal.bank.keys().any(may_still_capture), Broken::I3)?;
    parcel_at_rest(deal, order.state == S::Approved && !order.withdrawn && order.address.is_some())
}

fn parcel_at_rest(deal: &Deal, wanted: bool) -> Result<(), Broken> {
    let status = deal.parcels.last_key_value().map(|(_, parcel)| parcel.status);
    let has_parcel = deal.parcels.values().any(|parcel| parcel.status != D::Canceled);
    let came_back = status == Some(D::Returned);
    holds(has_parcel == wanted || (came_back && !wanted), Broken::I7)?;
    let known = match deal.order.fulfillment {
        F::None => matches!(status, None | Some(D::Canceled)),
        F::Scheduled => status == Some(D::Scheduled),
        F::Shipped => status == Some(D::Shipped) || deal.order.address.is_none(),
        F::Delivered => status == Some(D::Delivered),
        F::Failed => status == Some(D::Failed),
        F::Returned => came_back,
    };
    holds(known, Broken::I7)
}
