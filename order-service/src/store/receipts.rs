use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{Money, OrderId, PaymentId, Timestamp};

use super::text::{parsed, required};

const COLUMNS: &str =
    "event_id, order_id, payment_id, amount_minor, currency, received_at_us, returned_at_us, returned_by";

/// Money that was reported to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub event_id: String,
    pub order: OrderId,
    /// The payment that it pays, if it pays one.
    pub payment: Option<PaymentId>,
    pub amount: Money,
    pub received_at: Timestamp,
    /// When it was given back, and by whom.
    pub returned: Option<(Timestamp, String)>,
}

/// Writes a receipt down. Reported again, it is the same one; where another receipt pays the payment already, this one
/// pays nothing. Which of two is first the database decides, by its constraint.
pub fn record(tx: &mut Tx<'_>, receipt: &Receipt) -> Result<(), DbError> {
    let pays = insert(tx, receipt, receipt.payment)?;
    if pays == 0 && receipt.payment.is_some() {
        insert(tx, receipt, None)?;
    }
    Ok(())
}

fn insert(tx: &mut Tx<'_>, receipt: &Receipt, payment: Option<PaymentId>) -> Result<u64, DbError> {
    tx.execute(
        "insert into receipt (event_id, order_id, payment_id, amount_minor, currency, received_at_us) \
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        &params![
            &receipt.event_id,
            receipt.order.to_string(),
            payment.map(|payment| payment.to_string()),
            receipt.amount.minor,
            receipt.amount.currency.code(),
            receipt.received_at.micros(),
        ],
    )
}

/// The receipt that pays this payment.
pub fn paying(tx: &mut Tx<'_>, payment: PaymentId) -> Result<Option<Receipt>, DbError> {
    let sql = format!("select {COLUMNS} from receipt where payment_id = $1");
    tx.query_opt(&sql, &params![payment.to_string()])?.as_ref().map(read).transpose()
}

/// So many receipts at most that came after this one, first one first; only those that were not given back, if wanted.
pub fn page(tx: &mut Tx<'_>, kept: bool, after: (Timestamp, &str), rows: i64) -> Result<Vec<Receipt>, DbError> {
    let only = if kept { "and returned_at_us is null" } else { "" };
    let sql = format!(
        "select {COLUMNS} from receipt where (received_at_us, event_id) > ($1, $2) {only} \
         order by received_at_us, event_id limit $3"
    );
    tx.query(&sql, &params![after.0.micros(), after.1, rows])?.iter().map(read).collect()
}

/// An employee has given it back. Said again, the first word stands. `None`: there is no such receipt.
pub fn returned(tx: &mut Tx<'_>, event_id: &str, by: &str, at: Timestamp) -> Result<Option<Receipt>, DbError> {
    tx.execute(
        "update receipt set returned_at_us = $2, returned_by = $3 where event_id = $1 and returned_at_us is null",
        &params![event_id, at.micros(), by],
    )?;
    let sql = format!("select {COLUMNS} from receipt where event_id = $1");
    tx.query_opt(&sql, &params![event_id])?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Receipt, DbError> {
    let currency = required(parsed(row, "currency")?, "currency")?;
    let returned_at = row.get::<Option<i64>>("returned_at_us")?.map(Timestamp::from_micros);
    Ok(Receipt {
        event_id: row.get("event_id")?,
        order: required(parsed(row, "order_id")?, "order_id")?,
        payment: parsed(row, "payment_id")?,
        amount: Money { minor: row.get("amount_minor")?, currency },
        received_at: Timestamp::from_micros(row.get("received_at_us")?),
        returned: returned_at.zip(row.get::<Option<String>>("returned_by")?),
    })
}
