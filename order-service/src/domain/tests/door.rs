//! What a request has to be to become an order, at its limits.

use shared_types::{
    Amount, Currency, FieldError, Money, Timestamp,
    limits::{MAX_LINE_COPIES, MAX_ORDER_LINES},
    orders::{Address, CheckoutLine, CheckoutRequest, CreateOrderRequest, FulfillmentState, OrderState, PaymentMethod},
    payments::ChargeMethod,
};

use super::{
    super::{
        Attempt, Flow, Order, ProviderName, Terms,
        checkout::{
            MAX_CUSTOMER_REF_CHARS, MAX_REASON_CHARS, MAX_UNPAID_ORDERS, Opening, deadline, draft, line, quantity,
            reason, reviewed,
        },
    },
    address, asked, book, id,
};

const PAY_BY: Timestamp = Timestamp::from_micros(7);

fn checkout(method: PaymentMethod) -> CheckoutRequest {
    let card = (method == PaymentMethod::Card)
        .then(|| serde_json::from_str(r#"{"number": "4242 4242 4242 4242", "expiry": "12/30"}"#).expect("a card"));
    CheckoutRequest {
        phone: None,
        lines: vec![asked(Some("12.99")), asked(Some("12.99"))],
        payment_method: method,
        card,
        address: Some(address()),
        customer_ref: Some("basket 9".to_owned()),
        on_behalf_of: None,
    }
}

fn drafted(request: CheckoutRequest) -> Result<Order, Vec<FieldError>> {
    let (cards_by, invoices_by) = (ProviderName::Sandbox, ProviderName::Receipts);
    draft(request, Opening { id: id(), currency: Currency::USD, cards_by, invoices_by, pay_by: PAY_BY })
}

fn to_review(lines: usize) -> CreateOrderRequest {
    CreateOrderRequest {
        phone: None,
        lines: vec![asked(None); lines],
        address: None,
        customer_ref: Some("basket 9".to_owned()),
        on_behalf_of: None,
    }
}

/// The fields that a request was refused for.
fn fields<T: std::fmt::Debug>(read: Result<T, Vec<FieldError>>) -> Vec<String> {
    read.expect_err("refused").into_iter().map(|error| error.field).collect()
}

#[test]
fn a_checkout_is_an_order_with_everything_that_was_asked_for() {
    let order = drafted(checkout(PaymentMethod::Card)).expect("an order");
    assert_eq!((order.id, order.version, order.flow, order.state), (id(), 0, Flow::Checkout, OrderState::Created));
    assert_eq!((order.line_n, order.lines.len()), (2, 2));
    assert_eq!(order.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2]);
    let expected = Money { minor: 1_299, currency: Currency::USD };
    assert!(order.lines.iter().all(|line| (line.book_id, line.quantity, line.expected) == (book(), 1, Some(expected))));
    assert_eq!((order.address, order.customer_ref.as_deref()), (Some(address()), Some("basket 9")));
    assert_eq!(order.pay_by, Some(PAY_BY));
    let nothing_yet = Money { minor: 0, currency: Currency::USD };
    assert_eq!(order.payments, [Attempt::planned(ChargeMethod::Card, ProviderName::Sandbox, nothing_yet)]);
    assert_eq!(order.fulfillment, FulfillmentState::None);

    let by_invoice = drafted(checkout(PaymentMethod::Invoice)).expect("an order");
    assert_eq!(by_invoice.payments, [Attempt::planned(ChargeMethod::Invoice, ProviderName::Receipts, nothing_yet)]);
    let at_the_door = drafted(checkout(PaymentMethod::OnDelivery)).expect("an order");
    assert_eq!((at_the_door.payments, at_the_door.pay_by), (Vec::new(), None));
}

#[test]
fn an_order_to_be_reviewed_has_everything_that_was_asked_for() {
    let request = CreateOrderRequest { address: Some(address()), ..to_review(3) };
    let order = reviewed(request, id(), Currency::USD).expect("an order");
    assert_eq!((order.id, order.version, order.flow, order.state), (id(), 1, Flow::Review, OrderState::Created));
    assert_eq!((order.line_n, order.lines.len(), order.payments.len()), (3, 3, 0));
    assert_eq!((order.address, order.customer_ref.as_deref()), (Some(address()), Some("basket 9")));
}

#[test]
fn an_order_has_so_many_lines_and_no_more() {
    let with =
        |lines| drafted(CheckoutRequest { lines: vec![asked(None); lines], ..checkout(PaymentMethod::OnDelivery) });
    assert_eq!(fields(with(0)), ["lines"]);
    assert_eq!(with(1).expect("an order").lines.len(), 1);
    assert_eq!(with(MAX_ORDER_LINES).expect("an order").lines.len(), MAX_ORDER_LINES);
    assert_eq!(fields(with(MAX_ORDER_LINES + 1)), ["lines"]);

    let written = |lines| reviewed(to_review(lines), id(), Currency::USD);
    assert_eq!(written(0).expect("an order").line_n, 0, "its lines are still to come");
    assert_eq!(written(MAX_ORDER_LINES).expect("an order").lines.len(), MAX_ORDER_LINES);
    assert_eq!(fields(written(MAX_ORDER_LINES + 1)), ["lines"]);
}

#[test]
fn a_line_has_so_many_copies_and_no_more() {
    for copies in [1, 2, MAX_LINE_COPIES] {
        assert_eq!(quantity(copies), Ok(copies));
        let read = line(&CheckoutLine { quantity: copies, ..asked(Some("12.99")) }, Currency::USD).expect("a line");
        assert_eq!((read.number, read.quantity, read.book_id), (0, copies, book()));
    }
    for copies in [i64::MIN, -1, 0, MAX_LINE_COPIES + 1, i64::MAX] {
        assert_eq!(fields(quantity(copies)), ["quantity"]);
        let wrong = CheckoutLine { quantity: copies, ..asked(None) };
        assert_eq!(fields(line(&wrong, Currency::USD)), ["quantity"]);
        let lines = vec![asked(None), wrong];
        assert_eq!(
            fields(drafted(CheckoutRequest { lines, ..checkout(PaymentMethod::OnDelivery) })),
            ["lines[1].quantity"]
        );
    }
}

#[test]
fn a_price_that_was_shown_is_one_price_and_can_be_paid() {
    let shown = |first, second| {
        let lines = vec![asked(first), asked(second)];
        drafted(CheckoutRequest { lines, ..checkout(PaymentMethod::OnDelivery) })
    };
    assert_eq!(fields(shown(Some("12.99"), Some("13"))), ["lines[1].expected_price"]);
    assert_eq!(fields(shown(Some("12.99"), None)), ["lines[1].expected_price"]);
    assert_eq!(fields(shown(Some("12.999"), Some("12.999"))), ["lines[0].expected_price", "lines[1].expected_price"]);
    assert!(shown(Some("12.99"), Some("12.990")).is_ok(), "it is the same amount");
}

#[test]
fn a_card_comes_with_a_payment_by_card_and_with_no_other() {
    let by_card = checkout(PaymentMethod::Card);
    let card = by_card.card.clone();
    assert_eq!(fields(drafted(CheckoutRequest { card: None, ..by_card })), ["card"]);
    for method in [PaymentMethod::Invoice, PaymentMethod::OnDelivery] {
        assert_eq!(fields(drafted(CheckoutRequest { card: card.clone(), ..checkout(method) })), ["card"]);
    }
    let no_number = serde_json::from_str(r#"{"number": "forty-two", "expiry": "12/30"}"#).expect("a card");
    let refused = fields(drafted(CheckoutRequest { card: Some(no_number), ..checkout(PaymentMethod::Card) }));
    assert_eq!(refused, ["card.number"]);
}

#[test]
fn a_reference_and_an_address_are_lines_of_text() {
    let with = |customer_ref: String| CheckoutRequest {
        customer_ref: Some(customer_ref),
        ..checkout(PaymentMethod::OnDelivery)
    };
    assert!(drafted(with("x".repeat(MAX_CUSTOMER_REF_CHARS))).is_ok());
    assert_eq!(fields(drafted(with("x".repeat(MAX_CUSTOMER_REF_CHARS + 1)))), ["customer_ref"]);
    let nowhere = Address { city: String::new(), ..address() };
    let request = CheckoutRequest { address: Some(nowhere.clone()), ..checkout(PaymentMethod::OnDelivery) };
    assert_eq!(fields(drafted(request)), ["address.city"]);
    let request = CreateOrderRequest { address: Some(nowhere), ..to_review(1) };
    assert_eq!(fields(reviewed(request, id(), Currency::USD)), ["address.city"]);
}

#[test]
fn a_reason_is_a_line_of_text_or_none() {
    assert_eq!(reason(None), Ok(None));
    let longest = "x".repeat(MAX_REASON_CHARS);
    assert_eq!(reason(Some(longest.clone())), Ok(Some(longest.clone())));
    assert_eq!(fields(reason(Some(longest + "x"))), ["reason"]);
    assert_eq!(fields(reason(Some(String::new()))), ["reason"]);
}

#[test]
fn a_deadline_lies_ahead_by_sixty_days_at_most() {
    let now = Timestamp::from_micros(1_000_000);
    let days = |days: i64| Timestamp::from_micros(now.micros() + days * 86_400_000_000);
    let later = |by: Timestamp| Timestamp::from_micros(by.micros() + 1);
    for good in [later(now), days(1), days(60)] {
        assert_eq!(deadline(good, now), Ok(good));
    }
    for bad in [Timestamp::from_micros(0), now, later(days(60)), days(61)] {
        assert_eq!(fields(deadline(bad, now)), ["until"]);
    }
    assert_eq!(MAX_UNPAID_ORDERS, 3, "who holds copies without paying holds few");
}

#[test]
fn terms_are_read_in_the_currency_of_the_order_alone() {
    let shown = serde_json::json!({
        "id": 8, "sku": "9780553418026", "title": "The Martian", "topic": "fiction", "price": 12.5, "currency": "USD",
        "state": "AVAILABLE", "version": 1, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    });
    let shown = serde_json::from_value(shown).expect("a book");
    let price: Amount = "12.50".parse().expect("an amount");
    let price = Money::price(price, Currency::USD).expect("a price");
    let terms = Terms { title: "The Martian".to_owned(), isbn: None, price };
    assert_eq!(Terms::of_book(&shown, Currency::USD), Ok(terms));
    let refused = Terms::of_book(&shown, "EUR".parse().expect("a currency")).expect_err("another currency");
    assert!(refused.contains("book 8 is priced in USD"), "{refused}");
}
