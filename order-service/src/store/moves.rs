use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::{OrderId, Timestamp, identity::Phone};

use super::{
    Actor, Owner, Stored, contacts, history, keys, lines, orders, payments, telling,
    text::{json, name},
};
use crate::{
    answer::Route,
    domain::{Command, Order, Refusal, apply, checkout::MAX_UNPAID_ORDERS, look, next, telling::Axes},
    metrics,
};

/// Who moves an order, when, and how long he has it to himself before the background driver looks at it.
#[derive(Debug, Clone)]
pub struct Hand {
    pub actor: Actor,
    pub at: Timestamp,
    pub lead_ms: i64,
    /// How long until a payment that waits for its buyer is asked about.
    pub look_ms: i64,
}

impl Hand {
    fn due_at(&self, order: &Order) -> Option<Timestamp> {
        next(order).map(|_| self.at.plus_ms(self.lead_ms))
    }

    /// When the order is to be looked at even if nothing is outstanding: at its deadline, and at times while a payment
    /// waits for somebody.
    pub fn look_at(&self, order: &Order) -> Option<Timestamp> {
        let ask_at = look(order).map(|_| self.at.plus_ms(self.look_ms));
        [order.pay_by, ask_at].into_iter().flatten().min()
    }
}

/// Why a move was not made.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("there is no order {0}")]
    NoSuchOrder(OrderId),
    /// In so many seconds the first of them is over by itself.
    #[error(
        "{MAX_UNPAID_ORDERS} orders wait for their payment: pay for one of them, or cancel one, before another is placed"
    )]
    TooManyUnpaid { over_in_s: i64 },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Writes a new order: its row, its lines, its payment, its history, and what others are told. `phone`: where its customer
/// is told.
pub fn open(
    tx: &mut Tx<'_>,
    order: &Order,
    owner: &Owner,
    phone: Option<&Phone>,
    command: &'static str,
    hand: &Hand,
) -> Result<Stored, DbError> {
    let (created_at, updated_at) = (hand.at, hand.at);
    let stored = Stored { order: order.clone(), owner: owner.clone(), created_at, updated_at, attempts: 0 };
    orders::insert(tx, &stored, hand.due_at(order), hand.look_at(order))?;
    payments::write(tx, &[], order)?;
    if let Some(phone) = phone {
        contacts::keep(tx, order.id, phone)?;
    }
    tell(tx, None, &stored, command, hand)?;
    Ok(stored)
}

/// Writes a move of an order, provided that nobody moved it since it was read. `None`: somebody did, nothing is written.
///
/// The comparison and the change are one statement, so of two drivers exactly one moves the order.
pub fn swap(
    tx: &mut Tx<'_>,
    before: &Stored,
    after: &Order,
    command: &'static str,
    hand: &Hand,
) -> Result<Option<Stored>, DbError> {
    let changed = tx.execute(
        "update orders set version = $3, state = $4, stock = $5, payment = $6, fulfillment = $7, taking_n = $8, \
                           delivery_n = $9, delivery_version = $10, reason = $11, refused = $12, due_at_us = $13, \
                           attempts = 0, updated_at_us = $14, line_n = $15, pay_by_us = $16, lapsed = $17, \
                           withdrawn = $18, look_at_us = $19, address = $20 \
          where order_id = $1 and version = $2",
        &params![
            after.id.to_string(),
            before.order.version,
            after.version,
            name(&after.state),
            name(&after.stock),
            name(&after.payment()),
            name(&after.fulfillment),
            after.taking_n,
            after.delivery_n,
            after.delivery_version,
            after.reason.clone(),
            (!after.refused.is_empty()).then(|| json(&after.refused)),
            hand.due_at(after).map(Timestamp::micros),
            hand.at.micros(),
            after.line_n,
            after.pay_by.map(Timestamp::micros),
            i64::from(after.lapsed),
            i64::from(after.withdrawn),
            hand.look_at(after).map(Timestamp::micros),
            after.address.as_ref().map(json),
        ],
    )?;
    if changed == 0 {
        return Ok(None);
    }
    lines::write(tx, &before.order.lines, after)?;
    payments::write(tx, &before.order.payments, after)?;
    let stored = Stored { order: after.clone(), updated_at: hand.at, attempts: 0, ..before.clone() };
    tell(tx, Some(&before.order), &stored, command, hand)?;
    if Route::ALL.iter().any(|route| route.is_final(after) && !route.is_final(&before.order)) {
        keys::settle(tx, &stored)?;
    }
    Ok(Some(stored))
}

/// Reads an order and moves it. An order that somebody else moves in between is read again.
pub fn make(tx: &mut Tx<'_>, id: OrderId, command: &Command, hand: &Hand) -> Result<Stored, MoveError> {
    loop {
        let before = orders::find(tx, id)?.ok_or(MoveError::NoSuchOrder(id))?;
        let after = apply(&before.order, command.clone())?;
        let made = if after == before.order {
            orders::hold(tx, &before.order)?.then_some(before)
        } else {
            swap(tx, &before, &after, command.name(), hand)?
        };
        // Each lost comparison is another's success, so this ends.
        if let Some(stored) = made {
            return Ok(stored);
        }
    }
}

fn tell(
    tx: &mut Tx<'_>,
    before: Option<&Order>,
    stored: &Stored,
    command: &'static str,
    hand: &Hand,
) -> Result<(), DbError> {
    let order = &stored.order;
    let reason = order.reason.as_deref().filter(|_| before.is_none_or(|before| before.reason != order.reason));
    history::append(tx, order, command, reason, &hand.actor, hand.at)?;
    metrics::moved(tx, command, order.state);
    telling::tell(tx, before.map(Axes::of), stored, hand.at)
}
