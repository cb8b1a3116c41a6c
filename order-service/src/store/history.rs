use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{OrderId, Timestamp, orders::OrderHistoryEntry};

use super::{
    Actor,
    text::{name, named},
};
use crate::domain::Order;

/// Adds the move that made the order what it is now, with the reason that was given for it.
pub fn append(
    tx: &mut Tx<'_>,
    order: &Order,
    command: &'static str,
    reason: Option<&str>,
    actor: &Actor,
    at: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "insert into order_history (order_id, version, command, state, stock, payment, fulfillment, actor, reason, at_us) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &params![
            order.id.to_string(),
            order.version,
            command,
            name(&order.state),
            name(&order.stock),
            name(&order.payment()),
            name(&order.fulfillment),
            actor.name(),
            reason.map(str::to_owned),
            at.micros(),
        ],
    )
    .map(drop)
}

/// Every move of an order, first one first. Empty: there is no such order.
pub fn of(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<OrderHistoryEntry>, DbError> {
    let rows =
        tx.query("select * from order_history where order_id = $1 order by version", &params![id.to_string()])?;
    let read = |row: &Row| {
        Ok(OrderHistoryEntry {
            version: row.get("version")?,
            command: row.get("command")?,
            state: named(row, "state")?,
            stock: named(row, "stock")?,
            payment: named(row, "payment")?,
            fulfillment: named(row, "fulfillment")?,
            actor: row.get("actor")?,
            reason: row.get("reason")?,
            at: Timestamp::from_micros(row.get("at_us")?),
        })
    };
    rows.iter().map(read).collect()
}
