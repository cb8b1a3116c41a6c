use service_kit::{db::Tx, inbox::HandleError};
use shared_types::{
    Timestamp,
    events::{CloudEvent, ORDER_CHANGED, OrderChanged},
    orders::{FulfillmentState, OrderState, PaymentState},
    webhooks::{WebhookEvent, WebhookPayload},
};

use crate::store::{
    changes::{self, Axes},
    subscribers::{self, New},
};

/// Writes a message for every subscriber who wants to be told of this change.
pub(super) fn follow(tx: &mut Tx<'_>, event: &CloudEvent, at: Timestamp) -> Result<(), HandleError> {
    if event.kind != ORDER_CHANGED {
        return Ok(());
    }
    let rejected = |error: serde_json::Error| HandleError::Rejected(error.to_string());
    let changed: OrderChanged = serde_json::from_str(event.data.get()).map_err(rejected)?;
    let subscribers = subscribers::active(tx)?;
    if subscribers.is_empty() {
        return Ok(());
    }
    let before = changes::before(tx, changed.order_id, changed.version)?;
    for happened in happened(before, &changed) {
        let payload = WebhookPayload { event: happened, timestamp: event.time, data: changed.clone() };
        let body = serde_json::to_string(&payload).map_err(rejected)?;
        for (webhook_id, events) in &subscribers {
            if events.contains(&happened) {
                let new = New { webhook_id: *webhook_id, event: happened, changed: &changed, body: &body };
                subscribers::write(tx, &new, at)?;
            }
        }
    }
    Ok(())
}

/// What a change means to those who are told: one event per axis that has come to something worth telling.
fn happened(before: Option<Axes>, after: &OrderChanged) -> Vec<WebhookEvent> {
    let mut events = Vec::new();
    if before.is_none() {
        events.push(WebhookEvent::OrderCreated);
    }
    if before.is_none_or(|before| before.state != after.state) {
        events.extend(match after.state {
            OrderState::Created => None,
            OrderState::Pending => Some(WebhookEvent::OrderPending),
            OrderState::Approved => Some(WebhookEvent::OrderApproved),
            OrderState::Rejected => Some(WebhookEvent::OrderRejected),
            OrderState::Canceled => Some(WebhookEvent::OrderCanceled),
        });
    }
    if before.is_none_or(|before| before.payment != after.payment) {
        events.extend(match after.payment {
            PaymentState::Paid => Some(WebhookEvent::OrderPaid),
            PaymentState::Refunded => Some(WebhookEvent::OrderRefunded),
            PaymentState::Unpaid
            | PaymentState::Charging
            | PaymentState::Failed
            | PaymentState::Canceling
            | PaymentState::Refunding => None,
        });
    }
    if before.is_none_or(|before| before.fulfillment != after.fulfillment) {
        events.extend(match after.fulfillment {
            FulfillmentState::Shipped => Some(WebhookEvent::OrderShipped),
            FulfillmentState::Delivered => Some(WebhookEvent::OrderDelivered),
            FulfillmentState::Failed => Some(WebhookEvent::OrderDeliveryFailed),
            FulfillmentState::Returned => Some(WebhookEvent::OrderReturned),
            FulfillmentState::None | FulfillmentState::Scheduled => None,
        });
    }
    events
}
