use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};

use super::placeholders;

/// A delivery as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivery {
    pub delivery_id: String,
    pub order_id: String,
    pub status: String,
    pub version: i64,
    /// Whether anything about its order is still on its way to anybody.
    pub is_waiting: bool,
}

impl Delivery {
    pub(super) fn is_live(&self) -> bool {
        self.status != "canceled"
    }
}

/// Every delivery of these orders.
pub(super) fn of_orders(tx: &mut Tx<'_>, order_ids: &[String]) -> Result<Vec<Delivery>, DbError> {
    if order_ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Value> = order_ids.iter().map(Value::from).collect();
    let rows = tx.query(
        &format!(
            "select d.delivery_id, d.order_id, d.status, d.version, \
                    exists (select 1 from outbox_delivery w where w.subject = d.order_id) as is_waiting \
               from delivery d where d.order_id in ({}) order by d.delivery_id",
            placeholders(ids.len())
        ),
        &ids,
    )?;
    let read = |row: &Row| {
        Ok(Delivery {
            delivery_id: row.get("delivery_id")?,
            order_id: row.get("order_id")?,
            status: row.get("status")?,
            version: row.get("version")?,
            is_waiting: row.get("is_waiting")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Ids of deliveries that are not canceled.
pub(super) fn live_ids(tx: &mut Tx<'_>, after: &str, rows: i64) -> Result<Vec<String>, DbError> {
    let found = tx.query(
        "select delivery_id from delivery where status <> 'canceled' and delivery_id > $1 order by delivery_id limit $2",
        &params![after, rows],
    )?;
    found.iter().map(|row| row.get("delivery_id")).collect()
}
