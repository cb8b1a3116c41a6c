use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};

use super::placeholders;

/// A payment as its provider keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payment {
    pub payment_id: String,
    pub captured_minor: i64,
    pub refunded_minor: i64,
}

/// Those of these payments that the provider has heard of.
pub(super) fn payments(tx: &mut Tx<'_>, payment_ids: &[String]) -> Result<Vec<Payment>, DbError> {
    if payment_ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Value> = payment_ids.iter().map(Value::from).collect();
    let rows = tx.query(
        &format!(
            "select payment_id, captured_minor, refunded_minor from payment where payment_id in ({}) order by payment_id",
            placeholders(ids.len())
        ),
        &ids,
    )?;
    let read = |row: &Row| {
        Ok(Payment {
            payment_id: row.get("payment_id")?,
            captured_minor: row.get("captured_minor")?,
            refunded_minor: row.get("refunded_minor")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Ids of payments whose money the provider keeps.
pub(super) fn kept_ids(tx: &mut Tx<'_>, after: &str, rows: i64) -> Result<Vec<String>, DbError> {
    let found = tx.query(
        "select payment_id from payment where captured_minor > refunded_minor and payment_id > $1 \
          order by payment_id limit $2",
        &params![after, rows],
    )?;
    found.iter().map(|row| row.get("payment_id")).collect()
}
