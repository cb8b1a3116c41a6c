use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::{
    OrderId,
    orders::{FulfillmentState, OrderState, PaymentState},
};

use super::text::named;

/// What an order was on the axes that others are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    pub state: OrderState,
    pub payment: PaymentState,
    pub fulfillment: FulfillmentState,
}

/// What the order was before the move that made it this version. `None`: the move placed it.
pub fn before(tx: &mut Tx<'_>, order_id: OrderId, version: i64) -> Result<Option<Axes>, DbError> {
    let row = tx.query_opt(
        "select state, payment, fulfillment from order_history where order_id = $1 and version < $2 \
          order by version desc limit 1",
        &params![order_id.to_string(), version],
    )?;
    let Some(row) = row else { return Ok(None) };
    let (state, payment, fulfillment) = (named(&row, "state")?, named(&row, "payment")?, named(&row, "fulfillment")?);
    Ok(Some(Axes { state, payment, fulfillment }))
}
