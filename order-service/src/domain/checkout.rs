use std::collections::BTreeMap;

use shared_types::{
    BookId, Currency, FieldError, FieldErrors, Money, OrderId,
    limits::{MAX_LINE_COPIES, MAX_ORDER_LINES},
    orders::{CheckoutLine, CheckoutRequest, FulfillmentState, OrderState, PaymentState, StockState},
};

use super::{line::Line, order::Order};

/// Characters in a caller's own reference at most.
pub const MAX_CUSTOMER_REF_CHARS: usize = 200;
/// Characters in the reason of a cancellation at most.
pub const MAX_REASON_CHARS: usize = 500;

/// The order that a checkout asks for, `created` and not placed yet; or everything that is wrong with the request.
pub fn draft(request: CheckoutRequest, id: OrderId, currency: Currency) -> Result<Order, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    let lines = lines(&request.lines, currency, &mut errors);
    if let Some(address) = &request.address {
        address.check(&mut errors);
    }
    if let Some(reference) = &request.customer_ref {
        errors.check_text("customer_ref", reference, MAX_CUSTOMER_REF_CHARS);
    }
    errors.none()?;
    Ok(Order {
        id,
        version: 0,
        state: OrderState::Created,
        stock: StockState::None,
        payment: PaymentState::Unpaid,
        fulfillment: FulfillmentState::None,
        payment_method: request.payment_method,
        currency,
        lines,
        address: request.address,
        customer_ref: request.customer_ref,
        taking_n: 0,
        delivery_n: 0,
        delivery_version: 0,
        reason: None,
        refused: Vec::new(),
    })
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
    if asked.is_empty() || asked.len() > MAX_ORDER_LINES {
        errors.add("lines", format!("must be 1 to {MAX_ORDER_LINES} lines"));
        return Vec::new();
    }
    let mut shown: BTreeMap<BookId, Option<Money>> = BTreeMap::new();
    let mut lines = Vec::with_capacity(asked.len());
    for (index, line) in asked.iter().enumerate() {
        if !(1..=MAX_LINE_COPIES).contains(&line.quantity) {
            errors.add(format!("lines[{index}].quantity"), format!("must be 1 to {MAX_LINE_COPIES} copies"));
        }
        let expected = match line.expected_price.map(|price| Money::price(price, currency)).transpose() {
            Ok(expected) => expected,
            Err(error) => {
                errors.add(format!("lines[{index}].expected_price"), error.to_string());
                None
            }
        };
        // A book has one price at a time, so one order cannot have been shown two.
        if *shown.entry(line.book_id).or_insert(expected) != expected {
            let detail = format!("differs from another line of book {}", line.book_id);
            errors.add(format!("lines[{index}].expected_price"), detail);
        }
        lines.push(Line { book_id: line.book_id, quantity: line.quantity, expected, taken: None });
    }
    lines
}
