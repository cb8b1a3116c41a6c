use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::Timestamp;

use super::moves::MoveError;
use crate::domain::{Order, checkout::MAX_UNPAID_ORDERS};

/// Lets a customer place an order that holds copies until it is paid, unless he has as many of them as anybody may have. To
/// be called in the transaction that writes the order.
///
/// His row is locked first. Of many checkouts of his at once each counts after the one before it has committed, so that none
/// of them misses another.
pub fn admit(tx: &mut Tx<'_>, customer: &str, order: &Order, at: Timestamp) -> Result<(), MoveError> {
    if !order.is_unpaid() {
        return Ok(());
    }
    lock(tx, customer)?;
    let row = tx.query_one(
        "select count(*) as unpaid, min(pay_by_us) as pay_by_us from orders \
          where customer = $1 and state = 'pending' and flow = 'checkout' and payment_method <> 'on_delivery'",
        &params![customer],
    )?;
    if row.get::<i64>("unpaid")? < MAX_UNPAID_ORDERS {
        return Ok(());
    }
    // None has a deadline any more whose payment is being canceled: that is a matter of moments.
    let pay_by_us = row.get::<Option<i64>>("pay_by_us")?.unwrap_or(0);
    Err(MoveError::TooManyUnpaid { over_in_s: pay_by_us.saturating_sub(at.micros()).max(0) / 1_000_000 + 1 })
}

fn lock(tx: &mut Tx<'_>, customer: &str) -> Result<(), DbError> {
    tx.execute(
        "insert into customer (customer, placed) values ($1, 1) \
         on conflict (customer) do update set placed = customer.placed + 1",
        &params![customer],
    )
    .map(drop)
}
