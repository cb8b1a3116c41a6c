use rusqlite::{Connection, OptionalExtension, Result};

use super::wire::{OpenPayment, PaymentView, Webhook, WebhookData};
use crate::{duty, wire::amount};

/// What is kept of a card.
pub struct Token {
    pub token: String,
    pub brand: String,
    pub last4: String,
}

/// What became of a payment that was to be opened.
pub enum Opened {
    Now(PaymentView),
    /// This very payment was there.
    Before(PaymentView),
    /// The id is another payment's, or nobody knows the card.
    Not,
}

/// Keeps a token, on disk before it is given away: an order that is taken up after a crash is charged by it.
pub fn keep(connection: &Connection, token: &Token, at: i64) -> Result<()> {
    connection
        .prepare_cached(
            "insert into card_token (token, behaviour, brand, last4, created_at_us) values (?, 'approved', ?, ?, ?)",
        )?
        .execute((&token.token, &token.brand, &token.last4, at))?;
    Ok(())
}

/// Captures the money, once, and writes down what the shop is to be told of it.
pub fn open(connection: &Connection, id: &str, asked: &OpenPayment, at: i64) -> Result<Opened> {
    let known = connection
        .prepare_cached("select behaviour from card_token where token = ?")?
        .query_row([&asked.token], |row| row.get::<_, String>(0))
        .optional()?;
    let (Some(_), Some(minor @ 1..)) = (known, asked.minor()) else { return Ok(Opened::Not) };
    let is_new = connection
        .prepare_cached(
            "insert into payment (payment_id, amount_minor, currency, token, status, captured_minor, refunded_minor, \
                                  version, created_at_us, updated_at_us) \
             values (?1, ?2, ?3, ?4, 'succeeded', ?2, 0, 1, ?5, ?5) on conflict do nothing",
        )?
        .execute((id, minor, &asked.currency, &asked.token, at))?;
    if is_new == 0 {
        return before(connection, id, asked, minor);
    }
    write_down(connection, id, asked, at)?;
    Ok(Opened::Now(view(id, asked, minor, at)))
}

fn before(connection: &Connection, id: &str, asked: &OpenPayment, minor: i64) -> Result<Opened> {
    let (is_same, at) = connection
        .prepare_cached(
            "select amount_minor = ?2 and currency = ?3 and token = ?4, created_at_us from payment where payment_id = ?1",
        )?
        .query_row((id, minor, &asked.currency, &asked.token), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(if is_same { Opened::Before(view(id, asked, minor, at)) } else { Opened::Not })
}

fn view(id: &str, asked: &OpenPayment, minor: i64, at: i64) -> PaymentView {
    PaymentView {
        payment_id: id.to_owned(),
        status: "succeeded".to_owned(),
        amount: amount(minor),
        currency: asked.currency.clone(),
        captured: amount(minor),
        refunded: amount(0),
        version: 1,
        created_at: duty::text(at),
        updated_at: duty::text(at),
    }
}

/// The exact text that is signed and sent until it is acknowledged.
fn write_down(connection: &Connection, id: &str, asked: &OpenPayment, at: i64) -> Result<()> {
    let (order, n) = id.split_once(':').unwrap_or((id, "1"));
    let webhook = Webhook {
        id: format!("evt_{}_{n}_1_1", order.replace('-', "")),
        kind: "payment.succeeded".to_owned(),
        created: at / 1_000_000,
        data: WebhookData {
            order_id: order.to_owned(),
            payment_id: id.to_owned(),
            amount: asked.amount.clone(),
            currency: asked.currency.clone(),
        },
    };
    let body = serde_json::to_string(&webhook).unwrap_or_default();
    connection
        .prepare_cached(
            "insert into webhook (event_id, payment_id, body, due_at_us, created_at_us) values (?1, ?2, ?3, ?4, ?4)",
        )?
        .execute((&webhook.id, id, body, at))?;
    Ok(())
}

/// What the shop was not told yet, in its order.
pub fn due(connection: &Connection, limit: usize) -> Result<Vec<(String, String)>> {
    connection
        .prepare_cached("select event_id, body from webhook where due_at_us is not null order by due_at_us limit ?")?
        .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The shop has these.
pub fn acknowledge(connection: &Connection, events: &[String]) -> Result<()> {
    let mut told =
        connection.prepare_cached("update webhook set due_at_us = null, attempts = attempts + 1 where event_id = ?")?;
    events.iter().try_for_each(|event| told.execute([event]).map(drop))
}
