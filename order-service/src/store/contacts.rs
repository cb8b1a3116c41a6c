use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::{OrderId, identity::Phone};

use super::text::parsed;

/// Keeps the number to which messages about an order go. To be called in the transaction that writes the order.
pub fn keep(tx: &mut Tx<'_>, order_id: OrderId, phone: &Phone) -> Result<(), DbError> {
    tx.execute(
        "insert into order_contact (order_id, phone) values ($1, $2)",
        &params![order_id.to_string(), phone.as_str()],
    )
    .map(drop)
}

/// The number to which messages about an order go.
pub fn phone(tx: &mut Tx<'_>, order_id: OrderId) -> Result<Option<Phone>, DbError> {
    let row = tx.query_opt("select phone from order_contact where order_id = $1", &params![order_id.to_string()])?;
    row.map_or(Ok(None), |row| parsed(&row, "phone"))
}
