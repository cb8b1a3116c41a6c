//! The pure core: its full table, and the purchase in a bad world.

/// What a request has to be.
mod door;
/// The purchase in a bad world, every world visited.
mod model;
/// What the attempts to pay come to.
mod money;
/// What an answer that does not fit does, and other single moves.
mod moves;
/// Lines that people write, change and take away.
mod review;
/// What the table says.
mod spec;
/// Every order that can be reached, against every command.
mod table;
/// Who is told what.
mod telling;

use shared_types::{
    BookId, Currency, Money, OrderId, Timestamp,
    orders::{Address, CheckoutLine, CheckoutRequest, CreateOrderRequest, PaymentMethod},
    payments::CardToken,
    takings::{RefusalReason, RefusedLine, TakenLine},
};
use uuid::Uuid;

use super::{
    Command, Line, Order, ProviderName, Terms,
    checkout::{Opening, draft, reviewed, with_card},
};

fn book() -> BookId {
    BookId::new(8).expect("a book's number")
}

fn token() -> CardToken {
    "tok_visa".parse().expect("a token")
}

fn id() -> OrderId {
    OrderId::from_uuid(Uuid::nil())
}

fn address() -> Address {
    Address {
        recipient: "Ana Lopez".to_owned(),
        street: "12 Quay Street".to_owned(),
        city: "Porto".to_owned(),
        postal_code: None,
        country: None,
    }
}

fn asked(expected: Option<&str>) -> CheckoutLine {
    let expected_price = expected.map(|price| price.parse().expect("an amount"));
    CheckoutLine { book_id: book(), quantity: 1, expected_price }
}

/// A checkout of two copies at 12.99 each, on two lines of one book.
fn created(method: PaymentMethod, with_address: bool) -> Order {
    let card = r#"{"number": "4242 4242 4242 4242", "expiry": "12/30"}"#;
    let by_card = method == PaymentMethod::Card;
    let request = CheckoutRequest {
        phone: None,
        lines: vec![asked(Some("12.99")), asked(Some("12.99"))],
        payment_method: method,
        card: by_card.then(|| serde_json::from_str(card).expect("a card")),
        address: with_address.then(address),
        customer_ref: None,
        on_behalf_of: None,
    };
    let (cards_by, invoices_by) = (ProviderName::Sandbox, ProviderName::Receipts);
    let pay_by = Timestamp::from_micros(1);
    let opening = Opening { id: id(), currency: Currency::USD, cards_by, invoices_by, pay_by };
    let order = draft(request, opening).expect("a valid request");
    if by_card { with_card(order, token()) } else { order }
}

/// An order of two lines that an employee is to review.
fn written(with_address: bool) -> Order {
    let request = CreateOrderRequest {
        phone: None,
        lines: vec![asked(None), asked(None)],
        address: with_address.then(address),
        customer_ref: None,
        on_behalf_of: None,
    };
    let order = reviewed(request, id(), Currency::USD).expect("a valid request");
    let lines = order.lines.iter().map(|line| Line { number: line.number, ..line_ordered() }).collect();
    Order { lines, ..order }
}

fn line_ordered() -> Line {
    let terms =
        Terms { title: "The Martian".to_owned(), isbn: None, price: Money { minor: 1_250, currency: Currency::USD } };
    Line { number: 0, book_id: book(), quantity: 1, expected: None, terms: Some(terms) }
}

fn taken(n: u32) -> Command {
    Command::CopiesTaken { n, lines: vec![taken_line(2, "12.99", Currency::USD)] }
}

fn taken_line(quantity: i64, price: &str, currency: Currency) -> TakenLine {
    let price = price.parse().expect("an amount");
    TakenLine { book_id: book(), quantity, title: "The Martian".to_owned(), isbn: None, price, currency }
}

fn refused(n: u32) -> Command {
    let line =
        RefusedLine { book_id: book(), reason: RefusalReason::SoldOut, available: Some(1), price: None, title: None };
    Command::CopiesRefused { n, lines: vec![line] }
}
