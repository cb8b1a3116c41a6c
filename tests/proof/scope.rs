//! How large a world is walked through: which orders there are, and what people do with them.

use catalog_service::domain::{
    model::{Command, Shelf, ShelvedBook},
    stock::StockChange,
    taking::OnShelf,
};
use lastcopy::payments::domain::Behaviour;
use order_service::domain::{
    Line, Order, ProviderName,
    checkout::{self, Opening},
    line::Terms,
};
use shared_types::{
    BookId, Currency, Money, OrderId, Timestamp,
    orders::{Address, CheckoutRequest, CreateOrderRequest, PaymentMethod},
    payments::CardToken,
};
use uuid::Uuid;

use crate::mutants::Mutant;

/// What a book costs at first, in minor units.
pub const PRICE_MINOR: i64 = 1299;
const OTHER_PRICE_MINOR: i64 = 1399;

/// How an order is placed, and how it is first paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Card(Behaviour),
    Invoice,
    OnDelivery,
    Review,
}

/// An order that somebody is going to place.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub way: Way,
    pub address: bool,
    /// Copies of each book.
    pub copies: [i64; 2],
}

/// What the staff of the catalog does, once each, at any moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    Restock,
    Reprice,
    Delete,
}

/// What is walked through.
#[derive(Debug, Clone)]
pub struct Scope {
    pub name: &'static str,
    /// Each is one world to begin with.
    pub beginnings: Vec<Vec<Plan>>,
    pub stock: [i64; 2],
    pub edits: &'static [Edit],
    pub rules: Rules,
}

/// What the clients of an order, its bank and its courier do, and what is broken on purpose.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Cards of further attempts to pay.
    pub cards: &'static [Behaviour],
    /// Attempts to pay for one order.
    pub payments: usize,
    /// Attempts to take copies for one order.
    pub takings: u32,
    /// Changes of one parcel, its booking included.
    pub parcel_moves: i64,
    /// Whether an order without an address may be given one later.
    pub addressed_later: bool,
    pub mutant: Option<Mutant>,
}

impl Rules {
    pub fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

impl Scope {
    pub fn shelf(&self) -> Shelf {
        let mut shelf = Shelf::default();
        for (book_id, on_hand) in [book(1), book(2)].into_iter().zip(self.stock) {
            let book = OnShelf { title: "t".to_owned(), isbn: None, price: money(PRICE_MINOR), on_hand, gone: false };
            shelf.books.insert(book_id, ShelvedBook { book, received: on_hand, adjusted: 0, taken: 0 });
        }
        shelf
    }
}

impl Edit {
    /// All of it happens to the second book, which every order wants.
    pub fn command(self) -> Command {
        let book_id = book(2);
        match self {
            Edit::Restock => Command::Adjust { book_id, change: StockChange::By(1) },
            Edit::Reprice => Command::Reprice { book_id, price: money(OTHER_PRICE_MINOR) },
            Edit::Delete => Command::Withdraw { book_id },
        }
    }
}

impl Plan {
    /// The order as it is written by the order service's own readers of requests.
    pub fn order(self, number: u128) -> Order {
        let id = OrderId::from_uuid(Uuid::from_u128(number + 1));
        let lines: Vec<_> = (1..)
            .zip(self.copies)
            .filter(|(_, quantity)| *quantity > 0)
            .map(|(book, quantity)| {
                let expected_price = money(PRICE_MINOR).amount();
                serde_json::json!({"book_id": book, "quantity": quantity, "expected_price": expected_price})
            })
            .collect();
        let lines = serde_json::from_value(lines.into()).expect("lines");
        let address = self.address.then(address);
        let (payment_method, behaviour) = match self.way {
            Way::Card(behaviour) => (PaymentMethod::Card, Some(behaviour)),
            Way::Invoice => (PaymentMethod::Invoice, None),
            Way::OnDelivery => (PaymentMethod::OnDelivery, None),
            Way::Review => {
                let request =
                    CreateOrderRequest { lines, address, customer_ref: None, on_behalf_of: None, phone: None };
                return with_terms(checkout::reviewed(request, id, Currency::USD).expect("an order"));
            }
        };
        let card = behaviour
            .map(|_| serde_json::from_str(r#"{"number": "4242424242424242", "expiry": "12/30"}"#).expect("a card"));
        let request = CheckoutRequest {
            lines,
            payment_method,
            card,
            address,
            customer_ref: None,
            on_behalf_of: None,
            phone: None,
        };
        let (cards_by, invoices_by) = (ProviderName::Sandbox, ProviderName::Receipts);
        let pay_by = Timestamp::from_micros(1);
        let opening = Opening { id, currency: Currency::USD, cards_by, invoices_by, pay_by };
        let order = checkout::draft(request, opening).expect("an order");
        match behaviour {
            Some(behaviour) => checkout::with_card(order, token(behaviour)),
            None => order,
        }
    }
}

/// A reviewed order keeps the terms that were in force when its lines were ordered.
fn with_terms(order: Order) -> Order {
    let terms = || Terms { title: "t".to_owned(), isbn: None, price: money(PRICE_MINOR) };
    let line = |line: Line| Line { terms: Some(terms()), expected: None, ..line };
    Order { lines: order.lines.into_iter().map(line).collect(), ..order }
}

/// The token of a card that does this.
pub fn token(behaviour: Behaviour) -> CardToken {
    let at = Behaviour::CARDS.iter().position(|(_, card)| *card == behaviour).expect("a card");
    format!("tok_{at}").parse().expect("a token")
}

/// What the card behind a token does.
pub fn behaviour(token: &CardToken) -> Behaviour {
    Behaviour::CARDS.iter().map(|(_, card)| *card).find(|card| self::token(*card) == *token).expect("a known token")
}

pub fn money(minor: i64) -> Money {
    Money { minor, currency: Currency::USD }
}

fn book(number: i64) -> BookId {
    BookId::new(number).expect("a book's number")
}

pub fn address() -> Address {
    Address {
        recipient: "Ana Lopez".to_owned(),
        street: "12 Quay Street".to_owned(),
        city: "Porto".to_owned(),
        postal_code: None,
        country: None,
    }
}
