use std::collections::BTreeMap;

use shared_types::{
    BookId, Currency, FieldError, FieldErrors, Money, OrderId, Timestamp,
    limits::{MAX_LINE_COPIES, MAX_ORDER_LINES},
    orders::{
        Address, CheckoutLine, CheckoutRequest, CreateOrderRequest, FulfillmentState, OrderState, PaymentMethod,
        StockState,
    },
    payments::{CardToken, ChargeMethod},
};

use super::{
    line::Line,
    order::{Flow, Order},
    payment::{Attempt, ProviderName},
};

/// Orders of one customer at most that hold copies and wait for their money: nobody clears the shelves without paying.
pub const MAX_UNPAID_ORDERS: i64 = 3;
/// Characters in a caller's own reference at most.
pub const MAX_CUSTOMER_REF_CHARS: usize = 200;
/// Characters in the reason of a cancellation at most.
pub const MAX_REASON_CHARS: usize = 500;

/// What the shop adds to a request.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    pub id: OrderId,
    pub currency: Currency,
    /// Who is asked for the money.
    pub cards_by: ProviderName,
    pub invoices_by: ProviderName,
    /// Until when it has to be paid, if it has to be paid at all.
    pub pay_by: Timestamp,
}

/// The order that a checkout asks for, `created` and not placed yet; or everything that is wrong with the request. A card
/// is charged by the token that [`with_card`] adds.
pub fn draft(request: CheckoutRequest, opening: Opening) -> Result<Order, Vec<FieldError>> {
    let Opening { id, currency, cards_by, invoices_by, pay_by } = opening;
    let mut errors = FieldErrors::default();
    if request.lines.is_empty() || request.lines.len() > MAX_ORDER_LINES {
        errors.add("lines", format!("must be 1 to {MAX_ORDER_LINES} lines"));
    }
    let lines = lines(&request.lines, currency, &mut errors);
    check_parts(request.address.as_ref(), request.customer_ref.as_deref(), &mut errors);
    check_card(&request, &mut errors);
    errors.none()?;
    let planned = |method, provider| Attempt::planned(method, provider, Money { minor: 0, currency });
    let payments = match request.payment_method {
        PaymentMethod::Card => vec![planned(ChargeMethod::Card, cards_by)],
        PaymentMethod::Invoice => vec![planned(ChargeMethod::Invoice, invoices_by)],
        PaymentMethod::OnDelivery => Vec::new(),
    };
    let pay_by = (!payments.is_empty()).then_some(pay_by);
    let order = empty(id, currency, Flow::Checkout, request.payment_method);
    let line_n = numbered(&lines);
    let CheckoutRequest { address, customer_ref, .. } = request;
    Ok(Order { lines, line_n, address, customer_ref, payments, pay_by, ..order })
}

/// The token that stands for a checkout's card.
pub fn with_card(order: Order, token: CardToken) -> Order {
    let give = |attempt: Attempt| Attempt { token: Some(token.clone()), ..attempt };
    Order { payments: order.payments.into_iter().map(give).collect(), ..order }
}

/// An order that is to be reviewed, with the lines that were asked for. Their terms are still to come.
pub fn reviewed(request: CreateOrderRequest, id: OrderId, currency: Currency) -> Result<Order, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    if request.lines.len() > MAX_ORDER_LINES {
        errors.add("lines", format!("must be at most {MAX_ORDER_LINES} lines"));
    }
    let lines = lines(&request.lines, currency, &mut errors);
    check_parts(request.address.as_ref(), request.customer_ref.as_deref(), &mut errors);
    errors.none()?;
    let order = empty(id, currency, Flow::Review, PaymentMethod::OnDelivery);
    let line_n = numbered(&lines);
    let CreateOrderRequest { address, customer_ref, .. } = request;
    Ok(Order { version: 1, lines, line_n, address, customer_ref, ..order })
}

/// One line to add to a reviewed order. Its number and its terms are still to come.
pub fn line(asked: &CheckoutLine, currency: Currency) -> Result<Line, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    let line = read_line("", asked, currency, &mut errors);
    errors.none()?;
    Ok(line)
}

/// The copies of a line, as an order may have them.
pub fn quantity(quantity: i64) -> Result<i64, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    check_quantity("quantity", quantity, &mut errors);
    errors.none()?;
    Ok(quantity)
}

/// Days that a deadline may lie ahead at most.
const MAX_DEADLINE_DAYS: i64 = 60;

/// A deadline as an employee may set it.
pub fn deadline(until: Timestamp, now: Timestamp) -> Result<Timestamp, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    if until <= now || until > now.plus_ms(MAX_DEADLINE_DAYS * 24 * 3_600 * 1_000) {
        errors.add("until", format!("must lie ahead, by at most {MAX_DEADLINE_DAYS} days"));
    }
    errors.none()?;
    Ok(until)
}

fn empty(id: OrderId, currency: Currency, flow: Flow, payment_method: PaymentMethod) -> Order {
    Order {
        id,
        version: 0,
        flow,
        state: OrderState::Created,
        stock: StockState::None,
        fulfillment: FulfillmentState::None,
        payment_method,
        currency,
        lines: Vec::new(),
        line_n: 0,
        address: None,
        customer_ref: None,
        taking_n: 0,
        payments: Vec::new(),
        pay_by: None,
        lapsed: false,
        withdrawn: false,
        delivery_n: 0,
        delivery_version: 0,
        reason: None,
        refused: Vec::new(),
    }
}

fn numbered(lines: &[Line]) -> u32 {
    lines.last().map_or(0, |line| line.number)
}

fn check_parts(address: Option<&Address>, customer_ref: Option<&str>, errors: &mut FieldErrors) {
    if let Some(address) = address {
        address.check(errors);
    }
    if let Some(reference) = customer_ref {
        errors.check_text("customer_ref", reference, MAX_CUSTOMER_REF_CHARS);
    }
}

fn check_card(request: &CheckoutRequest, errors: &mut FieldErrors) {
    match (request.payment_method, &request.card) {
        (PaymentMethod::Card, Some(card)) => card.check("card.", errors),
        (PaymentMethod::Card, None) => errors.add("card", "is what a payment by card needs"),
        (PaymentMethod::Invoice | PaymentMethod::OnDelivery, Some(_)) => {
            errors.add("card", "is only for a payment by card");
        }
        (PaymentMethod::Invoice | PaymentMethod::OnDelivery, None) => {}
    }
}

/// The reason of a cancellation, as it may be kept.
pub fn reason(reason: Option<String>) -> Result<Option<String>, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    if let Some(reason) = &reason {
        errors.check_text("reason", reason, MAX_REASON_CHARS);
    }
    errors.none()?;
    Ok(reason)
}

fn lines(asked: &[CheckoutLine], currency: Currency, errors: &mut FieldErrors) -> Vec<Line> {
    if asked.len() > MAX_ORDER_LINES {
        return Vec::new();
    }
    let mut shown: BTreeMap<BookId, Option<Money>> = BTreeMap::new();
    let mut lines = Vec::with_capacity(asked.len());
    for ((index, line), number) in asked.iter().enumerate().zip(1..) {
        let read = read_line(&format!("lines[{index}]."), line, currency, errors);
        // A book has one price at a time, so one order cannot have been shown two.
        if *shown.entry(line.book_id).or_insert(read.expected) != read.expected {
            let detail = format!("differs from another line of book {}", line.book_id);
            errors.add(format!("lines[{index}].expected_price"), detail);
        }
        lines.push(Line { number, ..read });
    }
    lines
}

fn read_line(at: &str, asked: &CheckoutLine, currency: Currency, errors: &mut FieldErrors) -> Line {
    check_quantity(&format!("{at}quantity"), asked.quantity, errors);
    let expected = match asked.expected_price.map(|price| Money::price(price, currency)).transpose() {
        Ok(expected) => expected,
        Err(error) => {
            errors.add(format!("{at}expected_price"), error.to_string());
            None
        }
    };
    Line { number: 0, book_id: asked.book_id, quantity: asked.quantity, expected, terms: None }
}

fn check_quantity(field: &str, quantity: i64, errors: &mut FieldErrors) {
    if !(1..=MAX_LINE_COPIES).contains(&quantity) {
        errors.add(field, format!("must be 1 to {MAX_LINE_COPIES} copies"));
    }
}
