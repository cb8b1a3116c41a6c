use service_kit::{db::Tx, inbox::HandleError};
use shared_types::{
    OrderId, Timestamp,
    events::{CloudEvent, ORDER_CHANGED, OrderChanged},
    orders::OrderState,
};

use crate::store::{
    changes, contacts,
    notifications::{self, New},
};

/// Writes the message of an event down, where the event is a change of an order's state.
pub(super) fn follow(tx: &mut Tx<'_>, event: &CloudEvent, at: Timestamp) -> Result<(), HandleError> {
    if event.kind != ORDER_CHANGED {
        return Ok(());
    }
    let rejected = |error: serde_json::Error| HandleError::Rejected(error.to_string());
    let changed: OrderChanged = serde_json::from_str(event.data.get()).map_err(rejected)?;
    let before = changes::before(tx, changed.order_id, changed.version)?;
    if before.is_some_and(|before| before.state == changed.state) {
        return Ok(());
    }
    let phone = contacts::phone(tx, changed.order_id)?;
    let message = message(changed.order_id, changed.state);
    let OrderChanged { order_id, version, state, .. } = changed;
    Ok(notifications::queue(tx, &New { order_id, version, state, phone, message }, at)?)
}

/// What a customer reads: in one SMS of 160 characters.
fn message(order_id: OrderId, state: OrderState) -> String {
    let became = match state {
        OrderState::Created => "is created",
        OrderState::Pending => "is placed",
        OrderState::Approved => "is approved",
        OrderState::Rejected => "is rejected",
        OrderState::Canceled => "is canceled",
    };
    format!("Lastcopy: your order {order_id} {became}.")
}
