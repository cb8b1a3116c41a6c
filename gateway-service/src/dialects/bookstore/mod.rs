//! The bookstore: inventory, sales and delivery behind one API key.

/// How callers name their customers.
mod customer_id;
/// Parcels.
mod delivery;
/// How callers say who they are.
mod key;

use futures_util::future::try_join_all;
use paperclip::actix::{
    Apiv2Schema, api_v2_operation,
    web::{self, ServiceConfig},
};
use serde::{Deserialize, Serialize};
use service_kit::{
    RawAnswer,
    auth::{Caller, OrdersRead, OrdersWrite, StockRead},
    http::{Body, Fail, IdempotencyKey, Reply, S201, S202, S400, S402, S404, S409, S422},
};
use shared_types::{
    Amount, Code, FieldErrors, Isbn, OrderId, PaymentId, Problem, Secret,
    books::BookView,
    limits::MAX_ORDER_LINES,
    orders::{CheckoutLine, CheckoutRequest, OrderState, OrderView, PaymentAttemptState, PaymentMethod},
    payments::Card,
};

use super::phrases::{every_book, lines_of, renamed, saying};
use crate::{
    clients::{Ask, Upstreams},
    http::{orders, relay},
};
use customer_id::CustomerId;
use key::StoreKey;

/// How these clients name what the shop names otherwise.
const NAMES: [(&str, &str); 2] = [("lines", "items"), ("customer_ref", "customer_id")];

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/api/books").route(web::get().to(list)))
        .service(web::resource("/api/books/{isbn}").route(web::get().to(show)))
        .service(web::resource("/api/orders").route(web::post().to(order)))
        .service(web::resource("/api/orders/{order_id}").route(web::get().to(show_order)))
        .service(web::resource("/api/delivery").route(web::post().to(delivery::deliver)));
}

/// A book of the store.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"isbn": "9780143127550", "title": "The Martian", "author": "Andy Weir", "price": 12.99, "stock": 10}"#
)]
struct StoreBook {
    isbn: Isbn,
    title: String,
    author: String,
    price: Amount,
    stock: i64,
}

/// Copies of one book in an order of the store.
#[derive(Debug, Clone, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
struct StoreItem {
    isbn: String,
    quantity: i64,
}

/// A card, as the store takes it.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
struct StorePayment {
    #[serde(default)]
    card_number: Option<Secret>,
    #[serde(default)]
    expiry: Option<Secret>,
}

/// An order of the store.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"customer_id": "c-42", "items": [{"isbn": "9780143127550", "quantity": 1}], "payment": {"card_number": "4242 4242 4242 4242", "expiry": "12/30"}}"#
)]
struct NewStoreOrder {
    /// The caller's own name for his customer, a text or a whole number; kept and given back.
    customer_id: CustomerId,
    items: Vec<StoreItem>,
    payment: StorePayment,
}

/// An order that was placed.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(example = r#"{"order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "status": "created", "total": 12.99}"#)]
struct Placed {
    order_id: OrderId,
    status: StoreStatus,
    total: Option<Amount>,
}

/// An order of the store, as it is.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "customer_id": "c-42", "items": [{"isbn": "9780143127550", "quantity": 1}], "total": 12.99, "payment_tx_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1", "status": "created"}"#
)]
struct StoreOrder {
    order_id: OrderId,
    customer_id: Option<CustomerId>,
    items: Vec<StoreItem>,
    total: Option<Amount>,
    payment_tx_id: Option<PaymentId>,
    status: StoreStatus,
}

/// Where an order of the store is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
enum StoreStatus {
    Created,
    Canceled,
}

impl StoreBook {
    /// What has no ISBN cannot be asked for here.
    fn of(book: BookView) -> Option<StoreBook> {
        let BookView { isbn, title, author, price, on_hand, .. } = book;
        Some(StoreBook { isbn: isbn?, title, author: author.unwrap_or_default(), price, stock: on_hand.unwrap_or(0) })
    }
}

/// Lists every book that has an ISBN.
#[api_v2_operation(tags(bookstore))]
async fn list(
    StoreKey { caller, .. }: StoreKey<StockRead>,
    upstreams: web::Data<Upstreams>,
) -> Result<Reply<Vec<StoreBook>>, Fail<()>> {
    let books = every_book(&upstreams, &caller, "").await?;
    Ok(Reply::ok(books.into_iter().filter_map(StoreBook::of).collect()))
}

/// Shows the book with an ISBN.
#[api_v2_operation(tags(bookstore))]
async fn show(
    StoreKey { caller, .. }: StoreKey<StockRead>,
    upstreams: web::Data<Upstreams>,
    isbn: web::Path<String>,
) -> Result<Reply<StoreBook>, Fail<(S404,)>> {
    let book = find(&upstreams, &caller, &isbn, "").await?.and_then(StoreBook::of);
    Ok(Reply::ok(book.ok_or_else(|| Problem::new(Code::BookNotFound, "Book not found"))?))
}

/// The book with an ISBN; none, too, where that is no ISBN.
async fn find(upstreams: &Upstreams, caller: &Caller, isbn: &str, query: &str) -> Result<Option<BookView>, Problem> {
    let Ok(isbn) = isbn.parse::<Isbn>() else { return Ok(None) };
    let answer = upstreams.catalog.ask(caller, Ask::get(format!("/books/by-isbn/{isbn}{query}"))).await?;
    match relay::read(&answer) {
        Ok(book) => Ok(Some(book)),
        Err(problem) if problem.code == Code::BookNotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Buys books by card.
///
/// 400: a book is not sold here. 402: the card is missing or declined. 409: not enough copies. Nothing is charged and
/// nothing is taken then.
#[api_v2_operation(tags(bookstore))]
async fn order(
    StoreKey { caller, .. }: StoreKey<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<NewStoreOrder>,
) -> Result<Reply<Placed, (S201, S202)>, Fail<(S400, S402, S409, S422)>> {
    let basket = Basket::of(&upstreams, &caller, &body.0.items).await?;
    let checkout = checkout(&body.0, &basket)?;
    let answer = orders::place(&upstreams, &caller, key, &checkout).await?;
    placed(&answer).map_err(|problem| basket.said(problem).into())
}

fn placed(answer: &RawAnswer) -> Result<Reply<Placed, (S201, S202)>, Problem> {
    let order: OrderView = relay::read(answer)?;
    let placed = Placed { order_id: order.id, status: StoreStatus::of(&order), total: order.total };
    let at = format!("/api/orders/{}", order.id);
    Ok(if answer.status.as_u16() == 202 { Reply::accepted(at, placed) } else { Reply::created(at, placed) })
}

fn checkout(new: &NewStoreOrder, basket: &Basket<'_>) -> Result<CheckoutRequest, Problem> {
    Ok(CheckoutRequest {
        lines: basket.lines.clone(),
        payment_method: PaymentMethod::Card,
        card: Some(new.payment.card()?),
        address: None,
        customer_ref: Some(new.customer_id.kept()),
        on_behalf_of: None,
        phone: None,
    })
}

impl StorePayment {
    /// The card; what cannot be one is a payment that failed, before anybody is asked for money.
    fn card(&self) -> Result<Card, Problem> {
        let failed = |why: String| Problem::new(Code::PaymentFailed, format!("Payment failed: {why}"));
        let given = |part: &Option<Secret>, name: &str| {
            let given = part.clone().filter(|part| !part.expose().trim().is_empty());
            given.ok_or_else(|| failed(format!("{name} is missing")))
        };
        let number = given(&self.card_number, "card_number")?;
        let card = Card { number, expiry: given(&self.expiry, "expiry")?, cvc: None };
        let mut errors = FieldErrors::default();
        card.check("card_", &mut errors);
        let first = |errors: Vec<shared_types::FieldError>| errors.into_iter().next();
        match errors.none().map_err(first) {
            Ok(()) => Ok(card),
            Err(wrong) => {
                Err(failed(wrong.map_or_else(String::new, |wrong| format!("{} {}", wrong.field, wrong.detail))))
            }
        }
    }
}

/// What is bought, as the shop's lines, and which item each of them is of.
struct Basket<'a> {
    items: &'a [StoreItem],
    lines: Vec<CheckoutLine>,
    item_of: Vec<usize>,
}

impl Basket<'_> {
    async fn of<'a>(upstreams: &Upstreams, caller: &Caller, items: &'a [StoreItem]) -> Result<Basket<'a>, Problem> {
        if items.is_empty() || items.len() > MAX_ORDER_LINES {
            return Err(Problem::invalid("items", format!("must be 1 to {MAX_ORDER_LINES}")));
        }
        let mut basket = Basket { items, lines: Vec::new(), item_of: Vec::new() };
        if let Some(at) = items.iter().position(|item| item.quantity < 1) {
            return Err(Problem::invalid(format!("items[{at}].quantity"), "must be at least 1"));
        }
        // Withdrawn books, too: who asks again with his key is answered as before, and whoever else is refused a line later.
        let found = items.iter().map(|item| find(upstreams, caller, &item.isbn, "?gone=true"));
        let found = try_join_all(found).await?;
        for (at, (item, book)) in items.iter().zip(found).enumerate() {
            let book = book.ok_or_else(|| no_book(&item.isbn))?;
            let lines = lines_of(book.id, item.quantity).map_err(|problem| basket.short(at, &problem.detail))?;
            basket.item_of.extend(std::iter::repeat_n(at, lines.len()));
            basket.lines.extend(lines);
        }
        match basket.item_of.get(MAX_ORDER_LINES) {
            Some(at) => Err(basket.short(*at, "more copies than one order can have")),
            None => Ok(basket),
        }
    }

    fn short(&self, at: usize, why: &str) -> Problem {
        let isbn = self.items.get(at).map_or("", |item| &item.isbn);
        Problem::new(Code::SoldOut, format!("Inventory issue for {isbn}: {why}"))
    }

    /// A refusal in this contract's words.
    fn said(&self, problem: Problem) -> Problem {
        let named = problem.errors.first().and_then(|error| {
            let line: usize = error.field.strip_prefix("lines[")?.split(']').next()?.parse().ok()?;
            Some((*self.item_of.get(line)?, error.detail.clone()))
        });
        match (problem.code, named) {
            (Code::SoldOut, Some((at, why))) => Problem { resource: problem.resource, ..self.short(at, &why) },
            (Code::BookGone, Some((at, _))) => no_book(&self.items[at].isbn),
            (Code::PaymentFailed, _) => {
                let why = format!("Payment failed: {}", problem.detail);
                saying(problem, Code::PaymentFailed, why)
            }
            _ => renamed(problem, &NAMES),
        }
    }
}

fn no_book(isbn: &str) -> Problem {
    Problem::new(Code::UnknownBook, format!("Book {isbn} not found"))
}

impl StoreStatus {
    fn of(order: &OrderView) -> StoreStatus {
        match order.state {
            OrderState::Canceled | OrderState::Rejected => StoreStatus::Canceled,
            OrderState::Created | OrderState::Pending | OrderState::Approved => StoreStatus::Created,
        }
    }
}

/// Shows an order.
#[api_v2_operation(tags(bookstore))]
async fn show_order(
    StoreKey { caller, .. }: StoreKey<OrdersRead>,
    upstreams: web::Data<Upstreams>,
    order_id: web::Path<String>,
) -> Result<Reply<StoreOrder>, Fail<(S404,)>> {
    Ok(Reply::ok(find_order(&upstreams, &caller, &order_id).await?.into()))
}

async fn find_order(upstreams: &Upstreams, caller: &Caller, order_id: &str) -> Result<OrderView, Problem> {
    let no_order = || Problem::new(Code::OrderNotFound, "Order not found");
    let id: OrderId = order_id.parse().map_err(|_| no_order())?;
    let answer = upstreams.order.ask(caller, Ask::get(format!("/orders/{id}"))).await?;
    relay::read(&answer).map_err(|problem| if problem.code == Code::OrderNotFound { no_order() } else { problem })
}

impl From<OrderView> for StoreOrder {
    fn from(order: OrderView) -> StoreOrder {
        let paid = |state| matches!(state, PaymentAttemptState::Succeeded | PaymentAttemptState::Refunded);
        let payment = order.payments.iter().rev().find(|payment| paid(payment.state));
        let mut items: Vec<StoreItem> = Vec::new();
        for line in &order.lines {
            // A book without an ISBN, bought by another contract, is named by its number.
            let isbn = line.isbn.map_or_else(|| line.book_id.to_string(), |isbn| isbn.to_string());
            match items.iter_mut().find(|item| item.isbn == isbn) {
                Some(item) => item.quantity += line.quantity,
                None => items.push(StoreItem { isbn, quantity: line.quantity }),
            }
        }
        StoreOrder {
            order_id: order.id,
            customer_id: order.customer_ref.as_deref().map(CustomerId::read),
            items,
            total: order.total,
            payment_tx_id: payment.map(|payment| payment.payment_id),
            status: StoreStatus::of(&order),
        }
    }
}
