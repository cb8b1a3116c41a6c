//! Whoever is told of a move is told in its transaction: its customer by a message, subscribers by webhooks, other services
//! by an event. What was written is sent afterwards, and nothing that was sent was not written.

use serde_json::value::to_raw_value;
use service_kit::{
    db::{DbError, Tx},
    outbox,
};
use shared_types::{
    Timestamp,
    events::{CloudEvent, ORDER_CHANGED, OrderChanged},
    webhooks::WebhookPayload,
};

use super::{Stored, contacts, notifications, subscribers, text::json};
use crate::domain::telling::{Axes, happened, message};

/// Tells of the move that made the order what it is. `before`: what it was, where the move did not write it.
pub(super) fn tell(tx: &mut Tx<'_>, before: Option<Axes>, stored: &Stored, at: Timestamp) -> Result<(), DbError> {
    let changed = changed(stored);
    let after = Axes::of(&stored.order);
    tell_customer(tx, before, &changed, after, at)?;
    tell_subscribers(tx, before, &changed, after, at)?;
    // Whoever moves an order has locked its row, so events of one order are in line.
    outbox::append_in_line(tx, &event(changed, at))
}

fn changed(stored: &Stored) -> OrderChanged {
    let order = &stored.order;
    OrderChanged {
        order_id: order.id,
        version: order.version,
        state: order.state,
        stock: order.stock,
        payment: order.payment(),
        fulfillment: order.fulfillment,
        customer: Some(stored.owner.customer.clone()),
    }
}

fn tell_customer(
    tx: &mut Tx<'_>,
    before: Option<Axes>,
    changed: &OrderChanged,
    after: Axes,
    at: Timestamp,
) -> Result<(), DbError> {
    let OrderChanged { order_id, version, state, .. } = *changed;
    let Some(message) = message(before, order_id, after) else { return Ok(()) };
    let phone = contacts::phone(tx, order_id)?;
    notifications::queue(tx, &notifications::New { order_id, version, state, phone, message }, at)
}

fn tell_subscribers(
    tx: &mut Tx<'_>,
    before: Option<Axes>,
    changed: &OrderChanged,
    after: Axes,
    at: Timestamp,
) -> Result<(), DbError> {
    let subscribers = subscribers::active(tx)?;
    if subscribers.is_empty() {
        return Ok(());
    }
    // Whose order it is stays in the shop.
    let data = OrderChanged { customer: None, ..changed.clone() };
    for event in happened(before, after) {
        let body = json(&WebhookPayload { event, timestamp: at, data: data.clone() });
        for (webhook_id, events) in &subscribers {
            if events.contains(&event) {
                let new = subscribers::New { webhook_id: *webhook_id, event, changed: &data, body: &body };
                subscribers::write(tx, &new, at)?;
            }
        }
    }
    Ok(())
}

/// Its id follows from the version, so that one move cannot be told as two.
fn event(changed: OrderChanged, at: Timestamp) -> CloudEvent {
    let OrderChanged { order_id, version, .. } = changed;
    CloudEvent {
        specversion: "1.0".to_owned(),
        id: format!("{order_id}.{version}"),
        source: "/order".to_owned(),
        kind: ORDER_CHANGED.to_owned(),
        subject: order_id.to_string(),
        time: at,
        datacontenttype: "application/json".to_owned(),
        data: to_raw_value(&changed).expect("BUG: plain data serialises"),
    }
}
