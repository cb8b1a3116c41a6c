use serde::Serialize;
use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::{Amount, Currency, OrderId, PaymentId, Timestamp};

use super::{Stored, ledger::decode};
use crate::payments::{
    config::Pace,
    domain::{When, news},
};

/// Webhooks sent at once at most.
const MAX_SENDINGS: i64 = 16;

/// What the shop is told, as it was written down.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub event_id: String,
    pub payment_id: PaymentId,
    pub body: String,
}

/// The JSON of a webhook.
#[derive(Serialize)]
struct Event<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: String,
    /// Seconds since 1970 UTC.
    created: i64,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    order_id: OrderId,
    payment_id: PaymentId,
    amount: Amount,
    currency: Currency,
}

/// Writes down what the shop is told of a change, in the transaction of the change.
pub(super) fn write_down(tx: &mut Tx<'_>, stored: &Stored, now: Timestamp, later_ms: i64) -> Result<(), DbError> {
    let payment = &stored.payment;
    for (number, (status, when)) in (1..).zip(news(payment)) {
        let (order, n, version): (OrderId, u32, i64) = (payment.id.order, payment.id.n, payment.version);
        let event_id = format!("evt_{}_{n}_{version}_{number}", order.uuid().simple());
        let event = Event {
            id: &event_id,
            kind: format!("payment.{}", status.name()),
            created: now.micros() / 1_000_000,
            data: Data {
                order_id: order,
                payment_id: payment.id,
                amount: stored.view().amount,
                currency: stored.currency,
            },
        };
        let body = serde_json::to_string(&event).map_err(|error| decode("body", &error))?;
        let due_at = match when {
            When::Now => now,
            When::Later => now.plus_ms(later_ms),
        };
        tx.execute(
            "insert into webhook (event_id, payment_id, body, due_at_us, created_at_us) values ($1, $2, $3, $4, $5)",
            &params![&event_id, payment.id.to_string(), body, due_at.micros(), now.micros()],
        )?;
    }
    Ok(())
}

/// What is due, each put off by the pause that follows an attempt without an answer. What waits for a time further away
/// than `far` was written when the clock was ahead, and is due.
pub(super) fn claim(tx: &mut Tx<'_>, now: Timestamp, far: Timestamp, pace: &Pace) -> Result<Vec<Webhook>, DbError> {
    let rows = tx.query(
        "select event_id, payment_id, body, attempts from webhook where due_at_us <= $1 or due_at_us > $3 \
          order by due_at_us limit $2",
        &params![now.micros(), MAX_SENDINGS, far.micros()],
    )?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let (event_id, attempts): (String, i64) = (row.get("event_id")?, row.get("attempts")?);
        let doublings = u32::try_from(attempts.clamp(0, 20)).unwrap_or(0);
        let pause_ms = pace.first_pause_ms.saturating_mul(1 << doublings).min(pace.longest_pause_ms);
        tx.execute(
            "update webhook set due_at_us = $2, attempts = attempts + 1 \
              where event_id = $1 and due_at_us is not null",
            &params![&event_id, now.plus_ms(pause_ms).micros()],
        )?;
        let payment_id: String = row.get("payment_id")?;
        let payment_id = payment_id.parse().map_err(|error| decode("payment_id", &error))?;
        claimed.push(Webhook { event_id, payment_id, body: row.get("body")? });
    }
    Ok(claimed)
}

pub(super) fn acknowledged(tx: &mut Tx<'_>, event_id: &str) -> Result<(), DbError> {
    tx.execute("update webhook set due_at_us = null where event_id = $1", &params![event_id]).map(drop)
}

/// Whether the shop has acknowledged something about this payment.
pub(super) fn is_told(tx: &mut Tx<'_>, id: PaymentId) -> Result<bool, DbError> {
    let sql = "select 1 as one from webhook where payment_id = $1 and due_at_us is null limit 1";
    Ok(tx.query_opt(sql, &params![id.to_string()])?.is_some())
}

/// When something is due next: a webhook, or a bank's decision.
pub(super) fn earliest(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, DbError> {
    let row = tx.query_one(
        "select min(due) as due from ( \
             select min(due_at_us) as due from webhook where due_at_us is not null \
             union all select min(decided_at_us) from payment where decided_at_us is not null) as times",
        &[],
    )?;
    Ok(row.get::<Option<i64>>("due")?.map(Timestamp::from_micros))
}
