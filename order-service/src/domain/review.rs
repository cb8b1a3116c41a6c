//! Orders that people write, submit and decide about.

use shared_types::{
    limits::MAX_ORDER_LINES,
    orders::{OrderState, StockState},
};

use super::{
    line::Line,
    order::{Flow, Order, Refusal},
    stock,
};

pub(super) fn add_line(order: &Order, command: &'static str, line: Line) -> Result<Order, Refusal> {
    expect_open_lines(order, command)?;
    if order.lines.len() >= MAX_ORDER_LINES {
        return Err(Refusal::TooManyLines);
    }
    let number = order.line_n + 1;
    let mut lines = order.lines.clone();
    lines.push(Line { number, ..line });
    Ok(Order { lines, line_n: number, ..changed(order) })
}

pub(super) fn change_line(order: &Order, command: &'static str, number: u32, quantity: i64) -> Result<Order, Refusal> {
    expect_open_lines(order, command)?;
    let mut lines = order.lines.clone();
    let line = lines.iter_mut().find(|line| line.number == number).ok_or(Refusal::NoSuchLine(number))?;
    if line.quantity == quantity {
        return Ok(order.clone());
    }
    line.quantity = quantity;
    Ok(Order { lines, ..changed(order) })
}

pub(super) fn remove_line(order: &Order, command: &'static str, number: u32) -> Result<Order, Refusal> {
    expect_open_lines(order, command)?;
    let mut lines = order.lines.clone();
    lines.retain(|line| line.number != number);
    if lines.len() == order.lines.len() {
        return Err(Refusal::NoSuchLine(number));
    }
    Ok(Order { lines, ..changed(order) })
}

pub(super) fn submit(order: &Order, command: &'static str) -> Result<Order, Refusal> {
    order.expect(command, order.state == OrderState::Created && order.flow == Flow::Review)?;
    if order.lines.is_empty() {
        return Err(Refusal::NoLines);
    }
    Ok(Order { state: OrderState::Pending, ..order.moved() })
}

/// Takes the copies; the approval follows from them. A second approval meanwhile joins the first.
pub(super) fn approve(order: &Order, command: &'static str) -> Result<Order, Refusal> {
    order.expect(command, order.state == OrderState::Pending && order.flow == Flow::Review)?;
    match order.stock {
        StockState::None => stock::take(order.clone()),
        StockState::Taking => Ok(order.clone()),
        StockState::Taken | StockState::GivingBack => Err(order.illegal(command)),
    }
}

pub(super) fn reject(order: &Order, command: &'static str, reason: Option<String>) -> Result<Order, Refusal> {
    order.expect(command, order.state == OrderState::Pending)?;
    Ok(order.ended(OrderState::Rejected, reason))
}

/// Whether a take or a charge that is under way has succeeded does not matter: its undoing decides.
pub(super) fn cancel(order: &Order, command: &'static str, reason: Option<String>) -> Result<Order, Refusal> {
    order.expect(command, matches!(order.state, OrderState::Created | OrderState::Pending))?;
    Ok(order.ended(OrderState::Canceled, reason))
}

/// Lines change only while nothing is taken for them.
fn expect_open_lines(order: &Order, command: &'static str) -> Result<(), Refusal> {
    let open = matches!(order.state, OrderState::Created | OrderState::Pending);
    order.expect(command, open && order.flow == Flow::Review && order.stock == StockState::None)
}

/// What stood in the way of the lines as they were says nothing of them as they are.
fn changed(order: &Order) -> Order {
    Order { refused: Vec::new(), ..order.moved() }
}
