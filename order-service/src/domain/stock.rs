//! Taking copies, and hearing of them.

use std::collections::BTreeMap;

use shared_types::{
    orders::{OrderState, PaymentMethod, StockState},
    takings::{RefusedLine, TakenLine},
};

use super::{
    line::{Line, Terms},
    order::{Flow, Order, Refusal},
    payment,
};

pub(super) fn place(order: &Order, command: &'static str) -> Result<Order, Refusal> {
    order.expect(command, order.state == OrderState::Created && order.flow == Flow::Checkout)?;
    take(Order { state: OrderState::Pending, ..order.clone() })
}

/// The next attempt to take. Only where the last one is closed.
pub(super) fn take(order: Order) -> Result<Order, Refusal> {
    if order.lines.is_empty() {
        return Err(Refusal::NoLines);
    }
    let taking_n = order.taking_n + 1;
    Ok(Order { stock: StockState::Taking, taking_n, refused: Vec::new(), ..order.moved() })
}

pub(super) fn taken(order: &Order, command: &'static str, n: u32, taken: &[TakenLine]) -> Result<Order, Refusal> {
    expect(order, command, n, &[StockState::Taking])?;
    let lines = filled(order, taken).map_err(Refusal::DoesNotFit)?;
    let order = Order { stock: StockState::Taken, lines, ..order.moved() };
    match (order.flow, order.payment_method) {
        (Flow::Review, _) | (Flow::Checkout, PaymentMethod::OnDelivery) => {
            Ok(Order { state: OrderState::Approved, ..order })
        }
        (Flow::Checkout, PaymentMethod::Card | PaymentMethod::Invoice) => payment::charge(order),
    }
}

/// A checkout is over without its copies; a reviewed order waits for somebody to change it, or for copies.
pub(super) fn refused(
    order: &Order,
    command: &'static str,
    n: u32,
    refused: Vec<RefusedLine>,
) -> Result<Order, Refusal> {
    expect(order, command, n, &[StockState::Taking])?;
    Ok(Order { refused, ..without_copies(order, "its copies could not be taken") })
}

/// Also possible while taking: then the attempt found its own tombstone, and can never succeed.
pub(super) fn given_back(order: &Order, command: &'static str, n: u32) -> Result<Order, Refusal> {
    expect(order, command, n, &[StockState::Taking, StockState::GivingBack])?;
    // Copies on their way back are given back after the money, and never before.
    order.expect(command, order.stock == StockState::Taking || order.keeps_no_money())?;
    Ok(match order.stock {
        StockState::Taking => without_copies(order, "its copies were given back"),
        StockState::None | StockState::Taken | StockState::GivingBack => {
            Order { stock: StockState::None, ..order.moved() }
        }
    })
}

fn without_copies(order: &Order, reason: &str) -> Order {
    let order = match order.flow {
        Flow::Checkout => order.ended(OrderState::Canceled, Some(reason.to_owned())),
        Flow::Review => order.moved(),
    };
    Order { stock: StockState::None, ..order }
}

fn expect(order: &Order, command: &'static str, answered: u32, allowed: &[StockState]) -> Result<(), Refusal> {
    order.expect(command, allowed.contains(&order.stock))?;
    let current = order.taking_n;
    if answered == current { Ok(()) } else { Err(Refusal::OtherAttempt { command, answered, current }) }
}

/// The lines with what is in force for them, provided that exactly the copies of this order were taken. A reviewed order
/// keeps the terms on which it was ordered.
fn filled(order: &Order, taken: &[TakenLine]) -> Result<Vec<Line>, String> {
    let mut books = BTreeMap::new();
    for line in taken {
        let copies: &mut i64 = books.entry(line.book_id).or_insert(0);
        *copies = copies.saturating_add(line.quantity);
    }
    if books != order.copies() {
        return Err(format!("asked for {:?}, taken {books:?}", order.copies()));
    }
    let fill = |line: &Line| {
        if order.flow == Flow::Review {
            return Ok(line.clone());
        }
        let answered = taken.iter().find(|taken| taken.book_id == line.book_id).ok_or("BUG: compared above")?;
        let terms = Terms::read(answered, order.currency)?;
        match line.expected {
            Some(shown) if shown != terms.price => Err(format!("shown {shown}, taken at {}", terms.price)),
            Some(_) | None => Ok(Line { terms: Some(terms), ..line.clone() }),
        }
    };
    let filled = Order { lines: order.lines.iter().map(fill).collect::<Result<_, _>>()?, ..order.clone() };
    match filled.total() {
        Some(_) => Ok(filled.lines),
        None => Err("its total is beyond counting".to_owned()),
    }
}
