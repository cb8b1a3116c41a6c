use service_kit::db::{DbError, Tx};
use shared_types::orders::OrderState;

use super::text::named;

/// How many orders there are in each state that any is in. Reads one entry of an index for each order.
pub fn counts(tx: &mut Tx<'_>) -> Result<Vec<(OrderState, i64)>, DbError> {
    let rows = tx.query("select state, count(*) as orders from orders group by state", &[])?;
    rows.iter().map(|row| Ok((named(row, "state")?, row.get("orders")?))).collect()
}
