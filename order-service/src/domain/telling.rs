//! What people are told of a move: its customer by a message, subscribers by webhooks.

use shared_types::{
    OrderId,
    orders::{FulfillmentState, OrderState, PaymentState},
    webhooks::WebhookEvent,
};

use super::Order;

/// What an order is on the axes that others are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    pub state: OrderState,
    pub payment: PaymentState,
    pub fulfillment: FulfillmentState,
}

impl Axes {
    pub fn of(order: &Order) -> Axes {
        Axes { state: order.state, payment: order.payment(), fulfillment: order.fulfillment }
    }
}

/// What a customer reads of a move, in one SMS of 160 characters; nothing where the state is as it was.
pub fn message(before: Option<Axes>, id: OrderId, after: Axes) -> Option<String> {
    if before.is_some_and(|before| before.state == after.state) {
        return None;
    }
    let became = match after.state {
        OrderState::Created => "is created",
        OrderState::Pending => "is placed",
        OrderState::Approved => "is approved",
        OrderState::Rejected => "is rejected",
        OrderState::Canceled => "is canceled",
    };
    Some(format!("Lastcopy: your order {id} {became}."))
}

/// What a change means to those who are told: one event per axis that has come to something worth telling.
pub fn happened(before: Option<Axes>, after: Axes) -> Vec<WebhookEvent> {
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
