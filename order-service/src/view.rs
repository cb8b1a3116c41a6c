//! Orders as the wire shows them.

use shared_types::{
    Money, OrderId,
    orders::{OrderLineView, OrderView},
};

use crate::{
    domain::{Order, next},
    store::Stored,
};

/// Where an order is found.
pub fn path(id: OrderId) -> String {
    format!("/orders/{id}")
}

/// An order with its lines.
pub fn order(stored: &Stored) -> OrderView {
    let order = &stored.order;
    OrderView {
        id: order.id,
        state: order.state,
        stock: order.stock,
        payment: order.payment,
        fulfillment: order.fulfillment,
        payment_method: order.payment_method,
        lines: lines(order),
        total: total(order).map(Money::amount),
        currency: Some(order.currency),
        address: order.address.clone(),
        customer_ref: order.customer_ref.clone(),
        delivery_id: (order.delivery_n > 0).then(|| order.delivery_id()),
        reason: order.reason.clone(),
        refused: order.refused.clone(),
        settled: next(order).is_none(),
        version: order.version,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
    }
}

fn lines(order: &Order) -> Vec<OrderLineView> {
    let show = |(number, line): (i64, &crate::domain::Line)| OrderLineView {
        line: number,
        book_id: line.book_id,
        quantity: line.quantity,
        title: line.taken.as_ref().map(|taken| taken.title.clone()),
        isbn: line.taken.as_ref().and_then(|taken| taken.isbn),
        price: line.taken.as_ref().map(|taken| taken.price.amount()),
    };
    (1..).zip(&order.lines).map(show).collect()
}

/// Known once every line has its price.
fn total(order: &Order) -> Option<Money> {
    let price = |line: &crate::domain::Line| line.taken.as_ref()?.price.times(line.quantity);
    order.lines.iter().map(price).try_fold(Money { minor: 0, currency: order.currency }, |sum, line| {
        Some(Money { minor: sum.minor.checked_add(line?.minor)?, currency: sum.currency })
    })
}
