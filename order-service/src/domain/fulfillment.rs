//! Parcels, and undoing an order that was approved.

use shared_types::{
    deliveries::DeliveryStatus,
    orders::{Address, FulfillmentState, OrderState, StockState},
};

use super::{
    moves::next,
    order::{Action, Order, Refusal},
};

/// An approved order with an address books a delivery, and the next one should that be canceled.
pub(super) fn is_to_be_booked(order: &Order) -> bool {
    order.state == OrderState::Approved && !order.withdrawn && order.address.is_some() && order.delivery_version == 0
}

/// A parcel that may still leave, of an order that is being undone. One that was never booked is canceled too: its
/// tombstone stops a booking that is under way.
pub(super) fn is_to_be_stopped(order: &Order) -> bool {
    order.withdrawn && !has_no_parcel(order)
}

fn has_no_parcel(order: &Order) -> bool {
    let closed = matches!(order.fulfillment, FulfillmentState::None | FulfillmentState::Returned);
    order.address.is_none() || (order.delivery_version > 0 && closed)
}

/// Before dispatch, and after a parcel has come back. Asked twice it is one refund.
pub(super) fn refund(order: &Order, command: &'static str, reason: Option<String>) -> Result<Order, Refusal> {
    if order.withdrawn {
        return Ok(order.clone());
    }
    let here = match order.fulfillment {
        FulfillmentState::None | FulfillmentState::Scheduled | FulfillmentState::Returned => true,
        FulfillmentState::Shipped | FulfillmentState::Delivered | FulfillmentState::Failed => false,
    };
    order.expect(command, order.state == OrderState::Approved && order.stock == StockState::Taken && here)?;
    Ok(undone_if_here(Order { withdrawn: true, reason, ..order.moved() }))
}

/// The parcel is known to stay: the money goes back, and then the copies.
fn undone_if_here(order: Order) -> Order {
    if order.withdrawn && order.stock == StockState::Taken && has_no_parcel(&order) {
        Order { version: order.version, ..order.undone() }
    } else {
        order
    }
}

/// By an employee's word, where there is no parcel.
pub(super) fn hand_over(order: &Order, command: &'static str) -> Result<Order, Refusal> {
    let sold = order.state == OrderState::Approved && order.stock == StockState::Taken && !order.withdrawn;
    order.expect(command, sold && order.address.is_none())?;
    match order.fulfillment {
        FulfillmentState::None => Ok(Order { fulfillment: FulfillmentState::Shipped, ..order.moved() }),
        FulfillmentState::Shipped => Ok(order.clone()),
        FulfillmentState::Scheduled
        | FulfillmentState::Delivered
        | FulfillmentState::Failed
        | FulfillmentState::Returned => Err(order.illegal(command)),
    }
}

/// An approved order without an address is given one, and books its parcel from then on. To the same address it is the same.
pub(super) fn deliver(order: &Order, command: &'static str, address: Address) -> Result<Order, Refusal> {
    let sold = order.state == OrderState::Approved && order.stock == StockState::Taken && !order.withdrawn;
    order.expect(command, sold)?;
    match &order.address {
        Some(there) if *there == address => Ok(order.clone()),
        Some(_) => Err(order.illegal(command)),
        None if order.fulfillment != FulfillmentState::None => Err(order.illegal(command)),
        None => Ok(Order { address: Some(address), ..order.moved() }),
    }
}

pub(super) fn booked(
    order: &Order,
    command: &'static str,
    n: u32,
    status: DeliveryStatus,
    version: i64,
) -> Result<Order, Refusal> {
    order.expect(command, next(order) == Some(Action::BookDelivery))?;
    let current = order.delivery_id().n;
    if n != current {
        return Err(Refusal::OtherAttempt { command, answered: n, current });
    }
    Ok(moved(order, n, status, version))
}

/// The delivery service knows where the parcel is. An event may overtake another, so the newer one wins from any state.
pub(super) fn moved(order: &Order, n: u32, status: DeliveryStatus, version: i64) -> Order {
    if (n, version) <= (order.delivery_n, order.delivery_version) {
        return order.clone();
    }
    let fulfillment = match status {
        DeliveryStatus::Scheduled => FulfillmentState::Scheduled,
        DeliveryStatus::Shipped => FulfillmentState::Shipped,
        DeliveryStatus::Delivered => FulfillmentState::Delivered,
        DeliveryStatus::Failed => FulfillmentState::Failed,
        DeliveryStatus::Returned => FulfillmentState::Returned,
        DeliveryStatus::Canceled => FulfillmentState::None,
    };
    let order = Order { fulfillment, delivery_n: n, delivery_version: version, ..order.moved() };
    if status == DeliveryStatus::Canceled && order.state == OrderState::Approved && !order.withdrawn {
        // Its cancellation was given up when the parcel left, and reached it when it was back: the order is not undone any
        // more, so its books leave with the next delivery.
        return Order { delivery_n: n + 1, delivery_version: 0, ..order };
    }
    let has_left = match status {
        DeliveryStatus::Shipped | DeliveryStatus::Delivered | DeliveryStatus::Failed => true,
        DeliveryStatus::Scheduled | DeliveryStatus::Returned | DeliveryStatus::Canceled => false,
    };
    if order.withdrawn && has_left && order.stock == StockState::Taken {
        // Too late to undo it: nothing was refunded yet.
        return Order { withdrawn: false, reason: None, ..order };
    }
    undone_if_here(order)
}
