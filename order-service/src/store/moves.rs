use service_kit::{
    db::{DbError, Tx, Value},
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
    let changed = Change::between(&before.order, after, hand).write(tx, before.order.version)?;
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

/// The columns of an order's row that a move changes. What stays is not written: each index and each check of a column costs
/// as much as the row itself.
struct Change {
    order_id: OrderId,
    columns: Vec<(&'static str, Value)>,
}

impl Change {
    fn between(before: &Order, after: &Order, hand: &Hand) -> Change {
        let every_time = params![
            after.version,
            hand.due_at(after).map(Timestamp::micros),
            0,
            hand.at.micros(),
            hand.look_at(after).map(Timestamp::micros),
        ];
        let names = ["version", "due_at_us", "attempts", "updated_at_us", "look_at_us"];
        let mut change = Change { order_id: after.id, columns: names.into_iter().zip(every_time).collect() };
        change.add("state", before.state, after.state, |state| name(&state));
        change.add("stock", before.stock, after.stock, |stock| name(&stock));
        change.add("payment", before.payment(), after.payment(), |payment| name(&payment));
        change.add("fulfillment", before.fulfillment, after.fulfillment, |fulfillment| name(&fulfillment));
        change.add("taking_n", before.taking_n, after.taking_n, |n| n);
        change.add("delivery_n", before.delivery_n, after.delivery_n, |n| n);
        change.add("delivery_version", before.delivery_version, after.delivery_version, |version| version);
        change.add("reason", &before.reason, &after.reason, |reason| reason.clone());
        change.add("refused", &before.refused, &after.refused, |lines| (!lines.is_empty()).then(|| json(lines)));
        change.add("line_n", before.line_n, after.line_n, |n| n);
        change.add("pay_by_us", before.pay_by, after.pay_by, |at| at.map(Timestamp::micros));
        change.add("lapsed", before.lapsed, after.lapsed, |lapsed| lapsed);
        change.add("withdrawn", before.withdrawn, after.withdrawn, |withdrawn| withdrawn);
        change.add("address", &before.address, &after.address, |address| address.as_ref().map(json));
        change
    }

    fn add<T: PartialEq, V: Into<Value>>(
        &mut self,
        column: &'static str,
        before: T,
        after: T,
        stored: impl FnOnce(T) -> V,
    ) {
        if before != after {
            self.columns.push((column, stored(after).into()));
        }
    }

    /// Says how many rows were at that version, and are changed: one or none.
    fn write(self, tx: &mut Tx<'_>, version: i64) -> Result<u64, DbError> {
        let mut values = params![self.order_id.to_string(), version].to_vec();
        let mut set = Vec::with_capacity(self.columns.len());
        for (column, value) in self.columns {
            values.push(value);
            set.push(format!("{column} = ${}", values.len()));
        }
        tx.execute(&format!("update orders set {} where order_id = $1 and version = $2", set.join(", ")), &values)
    }
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
