//! Orders as the wire shows them.

use shared_types::{
    Amount, Money, OrderId,
    orders::{OrderLineView, OrderView, PaymentAttemptView},
};

use crate::{
    domain::{Attempt, Line, Order, next},
    store::{Owner, Stored},
};

/// Where an order is found.
pub fn path(id: OrderId) -> String {
    format!("/orders/{id}")
}

/// An order with its lines, and with the names of its customer and of whoever placed it: for the shop's own people.
pub fn with_names(stored: &Stored) -> OrderView {
    let Owner { customer, placed_by } = stored.owner.clone();
    OrderView { customer: Some(customer), placed_by: Some(placed_by), ..order(stored) }
}

/// An order with its lines, as its customer sees it.
pub fn order(stored: &Stored) -> OrderView {
    let order = &stored.order;
    OrderView {
        id: order.id,
        state: order.state,
        stock: order.stock,
        payment: order.payment(),
        fulfillment: order.fulfillment,
        payment_method: order.payment_method,
        lines: lines(order),
        total: total(order),
        currency: Some(order.currency),
        address: order.address.clone(),
        customer: None,
        placed_by: None,
        customer_ref: order.customer_ref.clone(),
        delivery_id: (order.delivery_version > 0).then(|| order.delivery_id()),
        payments: payments(order),
        pay_by: order.pay_by,
        reason: order.reason.clone(),
        refused: order.refused.clone(),
        settled: next(order).is_none(),
        version: order.version,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
    }
}

fn lines(order: &Order) -> Vec<OrderLineView> {
    let show = |line: &Line| OrderLineView {
        line: i64::from(line.number),
        book_id: line.book_id,
        quantity: line.quantity,
        title: line.terms.as_ref().map(|terms| terms.title.clone()),
        isbn: line.terms.as_ref().and_then(|terms| terms.isbn),
        price: line.terms.as_ref().map(|terms| terms.price.amount()),
    };
    order.lines.iter().map(show).collect()
}

fn payments(order: &Order) -> Vec<PaymentAttemptView> {
    let show = |attempt: &Attempt| PaymentAttemptView {
        payment_id: order.payment_id(attempt.n),
        method: attempt.method,
        amount: attempt.amount.amount(),
        state: attempt.state,
        reason: attempt.reason.clone(),
    };
    order.payments.iter().map(show).collect()
}

/// Known once every line has its price. An order without lines costs nothing yet.
fn total(order: &Order) -> Option<Amount> {
    order.total().filter(|_| !order.lines.is_empty()).map(Money::amount)
}
