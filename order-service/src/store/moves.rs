use serde_json::value::to_raw_value;
use service_kit::{
    db::{DbError, Tx},
    outbox, params,
};
use shared_types::{
    OrderId, Timestamp,
    events::{CloudEvent, ORDER_CHANGED, OrderChanged},
};

use super::{
    Actor, Stored, history, keys, orders,
    text::{json, name},
};
use crate::domain::{Command, Order, Refusal, apply, next};
use crate::metrics;

/// Who moves an order, when, and how long he has it to himself before the background driver looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Hand {
    pub actor: Actor,
    pub at: Timestamp,
    pub lead_ms: i64,
}

impl Hand {
    fn due_at(self, order: &Order) -> Option<Timestamp> {
        next(order).map(|_| self.at.plus_ms(self.lead_ms))
    }
}

/// Why a move was not made.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("there is no order {0}")]
    NoSuchOrder(OrderId),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Writes a placed order: its row, its lines, its history, its event.
pub fn place(tx: &mut Tx<'_>, order: &Order, hand: Hand) -> Result<Stored, DbError> {
    let stored = Stored { order: order.clone(), created_at: hand.at, updated_at: hand.at, attempts: 0 };
    orders::insert(tx, &stored, hand.due_at(order))?;
    tell(tx, &stored, "place", hand)?;
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
    hand: Hand,
) -> Result<Option<Stored>, DbError> {
    let changed = tx.execute(
        "update orders set version = $3, state = $4, stock = $5, payment = $6, fulfillment = $7, taking_n = $8, \
                           delivery_n = $9, delivery_version = $10, reason = $11, refused = $12, due_at_us = $13, \
                           attempts = 0, updated_at_us = $14 \
          where order_id = $1 and version = $2",
        &params![
            after.id.to_string(),
            before.order.version,
            after.version,
            name(&after.state),
            name(&after.stock),
            name(&after.payment),
            name(&after.fulfillment),
            after.taking_n,
            after.delivery_n,
            after.delivery_version,
            after.reason.clone(),
            (!after.refused.is_empty()).then(|| json(&after.refused)),
            hand.due_at(after).map(Timestamp::micros),
            hand.at.micros(),
        ],
    )?;
    if changed == 0 {
        return Ok(None);
    }
    if after.lines != before.order.lines {
        orders::fill_lines(tx, after)?;
    }
    let stored = Stored { order: after.clone(), updated_at: hand.at, attempts: 0, ..before.clone() };
    tell(tx, &stored, command, hand)?;
    if after.decided() && !before.order.decided() {
        keys::settle(tx, &stored)?;
    }
    Ok(Some(stored))
}

/// Reads an order and moves it. An order that somebody else moves in between is read again.
pub fn make(tx: &mut Tx<'_>, id: OrderId, command: &Command, hand: Hand) -> Result<Stored, MoveError> {
    loop {
        let before = orders::find(tx, id)?.ok_or(MoveError::NoSuchOrder(id))?;
        let after = apply(&before.order, command.clone())?;
        if after == before.order {
            return Ok(before);
        }
        // Each lost comparison is another's success, so this ends.
        if let Some(stored) = swap(tx, &before, &after, command.name(), hand)? {
            return Ok(stored);
        }
    }
}

fn tell(tx: &mut Tx<'_>, stored: &Stored, command: &'static str, hand: Hand) -> Result<(), DbError> {
    history::append(tx, &stored.order, command, hand.actor, hand.at)?;
    metrics::moved(tx, command, stored.order.state);
    outbox::append(tx, &event(&stored.order, hand.at))
}

/// Its id follows from the version, so that one move cannot be told as two.
fn event(order: &Order, at: Timestamp) -> CloudEvent {
    let data = OrderChanged {
        order_id: order.id,
        version: order.version,
        state: order.state,
        stock: order.stock,
        payment: order.payment,
        fulfillment: order.fulfillment,
    };
    CloudEvent {
        specversion: "1.0".to_owned(),
        id: format!("{}.{}", order.id, order.version),
        source: "/order".to_owned(),
        kind: ORDER_CHANGED.to_owned(),
        subject: order.id.to_string(),
        time: at,
        datacontenttype: "application/json".to_owned(),
        data: to_raw_value(&data).expect("BUG: plain data serialises"),
    }
}
