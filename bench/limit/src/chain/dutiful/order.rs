use rusqlite::{Connection, OptionalExtension, Result};
use serde::Serialize;

use super::{
    outbox, payment,
    stand::{CHARGING, PLACED, Stand},
    wire::{self, Checkout, Event, OrderLine, OrderPayment, TakenLine},
};
use crate::{duty, wire::amount};

/// What does not change about an order.
pub struct Order {
    pub id: String,
    pub customer: String,
    pub checkout: Checkout,
    /// What stands for the card, where one is charged.
    pub token: Option<String>,
    pub key: Option<Key>,
    /// Microseconds UTC.
    pub created_at: i64,
}

/// The key of a request, and the SHA-256 of what was asked.
pub struct Key {
    pub key: String,
    pub fingerprint: [u8; 32],
}

/// What a key was used for before.
pub struct Used {
    pub is_same: bool,
    pub order_id: String,
    /// None: it is not decided yet.
    pub answer: Option<String>,
}

const FULFILLMENT: &str = "none";
pub const CURRENCY: &str = "USD";
/// By then somebody else would look at the order.
const LEAD_US: i64 = 6_000_000;
/// So long after it was placed an order is to be paid.
const PAY_WITHIN_US: i64 = 1_800_000_000;

impl Order {
    /// What its payment is called everywhere.
    pub fn payment_id(&self) -> String {
        format!("{}:1", self.id)
    }
}

/// What the copies cost, in cents.
pub fn total(taken: &[TakenLine]) -> i64 {
    taken.iter().map(|line| line.quantity * line.price_minor).sum()
}

#[derive(Serialize)]
struct OrderChanged<'a> {
    order_id: &'a str,
    version: i64,
    state: &'a str,
    stock: &'a str,
    payment: &'a str,
    fulfillment: &'a str,
    customer: &'a str,
}

/// Writes the intent: key, order, lines, and what others are told. Where the key was used before nothing is written.
pub fn place(connection: &Connection, order: &Order) -> Result<Option<Used>> {
    if let Some(key) = &order.key
        && let Some(used) = tie(connection, key, order)?
    {
        return Ok(Some(used));
    }
    let (id, at, lines) = (&order.id, order.created_at, &order.checkout.lines);
    connection
        .prepare_cached(
            "insert into orders (order_id, version, state, stock, payment, fulfillment, payment_method, currency, \
                                 taking_n, delivery_n, delivery_version, due_at_us, created_at_us, updated_at_us, \
                                 customer, placed_by, line_n, pay_by_us, look_at_us) \
             values (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 0, 0, ?8, ?9, ?9, ?10, ?10, ?11, ?12, ?12)",
        )?
        .execute((
            id,
            PLACED.state,
            PLACED.stock,
            PLACED.payment,
            FULFILLMENT,
            &order.checkout.payment_method,
            CURRENCY,
            at + LEAD_US,
            at,
            &order.customer,
            i64::try_from(lines.len()).unwrap_or(i64::MAX),
            order.token.as_ref().map(|_| at + PAY_WITHIN_US),
        ))?;
    for (line, number) in lines.iter().zip(1_i64..) {
        connection
            .prepare_cached(
                "insert into order_line (order_id, line, book_id, quantity, expected_minor) values (?, ?, ?, ?, ?)",
            )?
            .execute((id, number, line.book_id, line.quantity, line.expected_minor()))?;
    }
    if let Some(token) = &order.token {
        payment::plan(connection, id, token)?;
    }
    tell(connection, order, PLACED, at)?;
    Ok(None)
}

/// Of two requests with one key the second finds the first's row.
fn tie(connection: &Connection, key: &Key, order: &Order) -> Result<Option<Used>> {
    let tied = connection
        .prepare_cached(
            "insert into idempotency_key (principal, route, key, fingerprint, order_id, created_at_us) \
             values (?, 'checkout', ?, ?, ?, ?) on conflict do nothing",
        )?
        .execute((&order.customer, &key.key, key.fingerprint, &order.id, order.created_at))?;
    if tied == 1 {
        return Ok(None);
    }
    used(connection, key, &order.customer)
}

/// What a key of this customer was used for, if it was used.
pub fn used(connection: &Connection, key: &Key, customer: &str) -> Result<Option<Used>> {
    connection
        .prepare_cached(
            "select fingerprint = ?3, order_id, answer from idempotency_key \
             where principal = ?1 and route = 'checkout' and key = ?2",
        )?
        .query_row((customer, &key.key, key.fingerprint), |row| {
            Ok(Used { is_same: row.get(0)?, order_id: row.get(1)?, answer: row.get(2)? })
        })
        .optional()
}

/// Writes that the copies are there and the card may be charged, provided that nobody else has: what is asked of others is on
/// disk before they are asked.
pub fn begin_to_charge(connection: &Connection, order: &Order, taken: &[TakenLine], at: i64) -> Result<()> {
    connection
        .prepare_cached(
            "update orders set version = 2, stock = ?2, payment = ?3, due_at_us = ?4, updated_at_us = ?5 \
             where order_id = ?1 and version = 1",
        )?
        .execute((&order.id, CHARGING.stock, CHARGING.payment, at + LEAD_US, at))?;
    keep_terms(connection, order, taken)?;
    payment::charge(connection, &order.id, total(taken))?;
    tell(connection, order, CHARGING, at)
}

/// Writes what came of it, provided that nobody else has: the order's move, the terms of its lines or the end of its payment,
/// the kept answer.
pub fn conclude(
    connection: &Connection,
    order: &Order,
    stand: Stand,
    taken: &[TakenLine],
    answer: &str,
    at: i64,
) -> Result<()> {
    let Stand { version, state, stock, payment, .. } = stand;
    if order.token.is_some() {
        connection
            .prepare_cached(
                "update orders set version = ?2, state = ?3, stock = ?4, payment = ?5, due_at_us = null, \
                                   pay_by_us = null, look_at_us = null, updated_at_us = ?6 \
                 where order_id = ?1 and version = ?2 - 1",
            )?
            .execute((&order.id, version, state, stock, payment, at))?;
        payment::close(connection, &order.id, stand)?;
    } else {
        connection
            .prepare_cached(
                "update orders set version = 2, state = ?2, stock = ?3, due_at_us = null, updated_at_us = ?4 \
                 where order_id = ?1 and version = 1",
            )?
            .execute((&order.id, state, stock, at))?;
        keep_terms(connection, order, taken)?;
    }
    tell(connection, order, stand, at)?;
    if order.key.is_some() {
        connection
            .prepare_cached("update idempotency_key set answer = ?2 where order_id = ?1 and answer is null")?
            .execute((&order.id, answer))?;
    }
    Ok(())
}

/// What was in force when the copies were taken.
fn keep_terms(connection: &Connection, order: &Order, taken: &[TakenLine]) -> Result<()> {
    for (line, number) in taken.iter().zip(1_i64..) {
        connection
            .prepare_cached(
                "update order_line set title = ?3, isbn = ?4, price_minor = ?5 where order_id = ?1 and line = ?2",
            )?
            .execute((&order.id, number, &line.title, &line.isbn, line.price_minor))?;
    }
    Ok(())
}

/// The line of the history, the message to the customer, the event for the gateway.
fn tell(connection: &Connection, order: &Order, stand: Stand, at: i64) -> Result<()> {
    let Stand { version, command, state, stock, payment, actor, told } = stand;
    let Order { id, customer, .. } = order;
    connection
        .prepare_cached(
            "insert into order_history (order_id, version, command, state, stock, payment, fulfillment, actor, at_us) \
             values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((id, version, command, state, stock, payment, FULFILLMENT, actor.unwrap_or(customer), at))?;
    if let Some(told) = told {
        connection
            .prepare_cached(
                "insert into notification (order_id, version, state, message, status, created_at_us, updated_at_us) \
                 values (?1, ?2, ?3, ?4, 'no_phone', ?5, ?5)",
            )?
            .execute((id, version, state, format!("Lastcopy: your order {id} is {told}."), at))?;
    }
    let fulfillment = FULFILLMENT;
    let changed = OrderChanged { order_id: id, version, state, stock, payment, fulfillment, customer };
    let event_id = format!("{id}.{version}");
    let event = Event::new("/order", "lastcopy.order.changed", event_id, id.clone(), at, &changed);
    outbox::append(connection, &event, at)
}

/// As its buyer sees it once it is decided.
pub fn view<'a>(order: &'a Order, stand: Stand, taken: &'a [TakenLine], at: i64) -> wire::Order<'a> {
    let line = |(line, number): (&'a TakenLine, i64)| OrderLine {
        line: number,
        book_id: line.book_id,
        quantity: line.quantity,
        title: &line.title,
        isbn: line.isbn.as_deref(),
        price: amount(line.price_minor),
    };
    let payment = |_| OrderPayment {
        payment_id: order.payment_id(),
        method: "card",
        amount: amount(total(taken)),
        state: payment::state(stand),
    };
    wire::Order {
        id: &order.id,
        state: stand.state,
        stock: stand.stock,
        payment: stand.payment,
        fulfillment: FULFILLMENT,
        payment_method: &order.checkout.payment_method,
        lines: taken.iter().zip(1..).map(line).collect(),
        total: amount(total(taken)),
        currency: CURRENCY,
        payments: order.token.iter().map(payment).collect(),
        refused: [],
        settled: true,
        version: stand.version,
        created_at: duty::text(order.created_at),
        updated_at: duty::text(at),
    }
}
