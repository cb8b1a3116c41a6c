//! Orders & Inventory: products, and orders that hold their copies until their payment is reported.

use paperclip::actix::{
    Apiv2Schema, api_v2_operation,
    web::{self, ServiceConfig},
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use service_kit::{
    Clock,
    auth::{Anyone, Caller, ItemsWrite, OrdersRead, OrdersWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, Reply, S200, S201, S202, S204, S403, S404, S409, S422},
};
use shared_types::{
    Amount, BookId, Code, OrderId, Problem, Timestamp,
    books::{AdjustStockRequest, BookView, CreateBookRequest, UpdateBookRequest},
    limits::MAX_BOOK_COPIES,
    orders::{CancelRequest, CheckoutRequest, FulfillmentState, OrderState, OrderView, PaymentMethod, PaymentState},
};

use super::phrases::{book_number, lines_of, renamed, saying, seeing_stock, some_books};
use crate::{
    clients::{Ask, Upstreams},
    http::{books::key_or_ours, orders, relay},
    store::HiddenOrders,
};

/// Products have no category here.
const TOPIC: &str = "products";
/// How these clients name what the catalog names otherwise.
const NAMES: [(&str, &str); 1] = [("title", "name")];

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/products").route(web::get().to(list)).route(web::post().to(create)))
        .service(
            web::resource("/products/{product_id}")
                .route(web::get().to(show))
                .route(web::put().to(update))
                .route(web::delete().to(delete)),
        )
        .service(web::resource("/orders").route(web::post().to(order)))
        .service(
            web::resource("/orders/{order_id}")
                .route(web::get().to(show_order))
                .route(web::put().to(move_order))
                .route(web::delete().to(delete_order)),
        );
}

/// A product.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(example = r#"{"id": 8, "sku": "9780143127550", "name": "The Martian", "price": 12.99, "stock": 10}"#)]
struct Product {
    id: BookId,
    sku: String,
    name: String,
    price: Amount,
    stock: i64,
}

/// A new product.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"sku": "mug-1", "name": "A mug", "price": 7.50, "stock": 12}"#)]
struct NewProduct {
    sku: String,
    name: String,
    price: Amount,
    stock: i64,
}

/// The fields of a product to change; a field that is absent stays.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"price": 6.75, "stock": 20}"#)]
struct ProductChange {
    #[serde(default)]
    sku: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    price: Option<Amount>,
    /// As counted. A sale meanwhile is not undone by it.
    #[serde(default)]
    stock: Option<i64>,
}

/// Which products.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
struct ProductQuery {
    /// Products in the page, 1 to 200; 50 where absent.
    limit: Option<i64>,
    /// Products to leave out.
    offset: Option<i64>,
}

/// An order of one product.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "product_id": 8, "quantity": 1, "status": "PENDING", "created_at": "2026-11-18T11:06:40.123456Z"}"#
)]
struct Order {
    id: OrderId,
    product_id: BookId,
    quantity: i64,
    status: Status,
    created_at: Timestamp,
}

/// Where an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    Pending,
    Paid,
    Shipped,
    Canceled,
}

/// A new order.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"product_id": 8, "quantity": 1}"#)]
struct NewOrder {
    product_id: i64,
    quantity: i64,
}

/// The next status of an order.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"status": "CANCELED"}"#)]
struct StatusChange {
    status: Status,
}

impl From<BookView> for Product {
    fn from(book: BookView) -> Product {
        let BookView { id, sku, title, price, on_hand, .. } = book;
        Product { id, sku, name: title, price, stock: on_hand.unwrap_or_default() }
    }
}

impl Order {
    /// An order of one product. One of several, which another contract has made, is none of this contract's.
    fn of(order: &OrderView) -> Result<Order, Problem> {
        let product_id = order.lines.first().map(|line| line.book_id);
        let Some(product_id) = product_id.filter(|id| order.lines.iter().all(|line| line.book_id == *id)) else {
            return Err(no_order());
        };
        let quantity = order.lines.iter().map(|line| line.quantity).sum();
        Ok(Order { id: order.id, product_id, quantity, status: Status::of(order), created_at: order.created_at })
    }
}

impl Status {
    fn of(order: &OrderView) -> Status {
        let sent = order.fulfillment != FulfillmentState::None && order.fulfillment != FulfillmentState::Scheduled;
        let undone = matches!(order.payment, PaymentState::Refunding | PaymentState::Refunded);
        match order.state {
            OrderState::Canceled | OrderState::Rejected => Status::Canceled,
            OrderState::Approved if undone => Status::Canceled,
            OrderState::Approved if sent => Status::Shipped,
            OrderState::Approved => Status::Paid,
            OrderState::Created | OrderState::Pending => Status::Pending,
        }
    }
}

/// Lists products.
#[api_v2_operation(tags(inventory))]
async fn list(
    Anyone(caller): Anyone,
    upstreams: web::Data<Upstreams>,
    query: web::Query<ProductQuery>,
) -> Result<Reply<Vec<Product>>, Fail<(S422,)>> {
    let (books, total) = some_books(&upstreams, &seeing_stock(&caller), (query.limit, query.offset)).await?;
    Ok(Reply::ok(books.into_iter().map(Product::from).collect()).header("x-total-count", total))
}

/// Shows a product.
#[api_v2_operation(tags(inventory))]
async fn show(
    Anyone(caller): Anyone,
    upstreams: web::Data<Upstreams>,
    product_id: web::Path<String>,
) -> Result<Reply<Product>, Fail<(S404,)>> {
    let id = book_number(&product_id).map_err(said)?;
    Ok(Reply::ok(product(&upstreams, &seeing_stock(&caller), id).await?))
}

async fn product(upstreams: &Upstreams, caller: &Caller, id: BookId) -> Result<Product, Problem> {
    let answer = upstreams.catalog.ask(caller, Ask::get(format!("/books/{id}"))).await?;
    Ok(relay::read::<BookView>(&answer).map_err(said)?.into())
}

/// Adds a product.
///
/// 409 where another product has the SKU.
#[api_v2_operation(tags(inventory))]
async fn create(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<NewProduct>,
) -> Result<Reply<Product, (S201,)>, Fail<(S403, S409, S422)>> {
    let (book, key) = (body.0.book()?, key_or_ours(key));
    let ask = Ask::repeatable(Method::POST, "/books").header("idempotency-key", Some(&key)).json(&book);
    let answer = upstreams.catalog.ask(&seeing_stock(&caller), ask).await?;
    let made: Product = relay::read::<BookView>(&answer).map_err(said)?.into();
    Ok(Reply::created(format!("/products/{}", made.id), made))
}

impl NewProduct {
    fn book(self) -> Result<CreateBookRequest, Problem> {
        check(Some(self.price), Some(self.stock))?;
        Ok(CreateBookRequest {
            sku: Some(self.sku),
            isbn: None,
            title: self.name,
            author: None,
            topic: TOPIC.to_owned(),
            first_year: None,
            price: self.price,
            stock: self.stock,
            warn_limit: 0,
        })
    }
}

/// What this contract asks of a price and a stock beyond what the catalog does.
fn check(price: Option<Amount>, stock: Option<i64>) -> Result<(), Problem> {
    if price.is_some_and(|price| !price.is_positive()) {
        return Err(Problem::invalid("price", "must be more than 0"));
    }
    if stock.is_some_and(|stock| !(0..=MAX_BOOK_COPIES).contains(&stock)) {
        return Err(Problem::invalid("stock", format!("must be 0 to {MAX_BOOK_COPIES}")));
    }
    Ok(())
}

/// Changes fields of a product.
#[api_v2_operation(tags(inventory))]
async fn update(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    upstreams: web::Data<Upstreams>,
    product_id: web::Path<String>,
    body: Body<ProductChange>,
) -> Result<Reply<Product>, Fail<(S403, S404, S409, S422)>> {
    let (id, caller) = (book_number(&product_id).map_err(said)?, seeing_stock(&caller));
    check(body.0.price, body.0.stock)?;
    change(&upstreams, &caller, id, body.0).await.map_err(said)?;
    Ok(Reply::ok(product(&upstreams, &caller, id).await?))
}

/// The catalog keeps stock apart from everything else. Whatever can be refused is refused by the first change; asked again
/// after a failure in between, the whole comes to the same.
async fn change(upstreams: &Upstreams, caller: &Caller, id: BookId, wanted: ProductChange) -> Result<(), Problem> {
    let ProductChange { sku, name, price, stock } = wanted;
    let fields = UpdateBookRequest { sku, title: name, price, ..UpdateBookRequest::default() };
    let ask = Ask::repeatable(Method::PATCH, format!("/books/{id}")).json(&fields);
    relay::done(&upstreams.catalog.ask(caller, ask).await?)?;
    let Some(counted) = stock else { return Ok(()) };
    let reason = "set by a client of the inventory contract".to_owned();
    let adjustment = AdjustStockRequest { adjustment_id: None, delta: None, set_to: Some(counted), reason };
    // A second count would undo what was sold since the first.
    let key = key_or_ours(IdempotencyKey(None));
    let ask = Ask::repeatable(Method::POST, format!("/books/{id}/stock-adjustments")).json(&adjustment);
    relay::done(&upstreams.catalog.ask(caller, ask.header("idempotency-key", Some(&key))).await?)
}

/// Withdraws a product.
#[api_v2_operation(tags(inventory))]
async fn delete(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    upstreams: web::Data<Upstreams>,
    product_id: web::Path<String>,
) -> Result<Reply<(), (S204,)>, Fail<(S404,)>> {
    let id = book_number(&product_id).map_err(said)?;
    let answer = upstreams.catalog.ask(&caller, Ask::once(Method::DELETE, format!("/books/{id}"))).await?;
    relay::done(&answer).map_err(said)?;
    Ok(Reply::empty(204))
}

/// Orders copies of a product, which are taken at once and wait for the payment.
///
/// 409 where there are not so many.
#[api_v2_operation(tags(inventory))]
async fn order(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<NewOrder>,
) -> Result<Reply<Order, (S201, S202)>, Fail<(S403, S404, S409, S422)>> {
    let checkout = body.0.checkout().map_err(said)?;
    let answer = orders::place(&upstreams, &caller, key, &checkout).await.map_err(said)?;
    let order = Order::of(&relay::read(&answer).map_err(said)?)?;
    let at = format!("/orders/{}", order.id);
    Ok(if answer.status.as_u16() == 202 { Reply::accepted(at, order) } else { Reply::created(at, order) })
}

impl NewOrder {
    fn checkout(&self) -> Result<CheckoutRequest, Problem> {
        if self.quantity < 1 {
            return Err(Problem::invalid("quantity", "must be at least 1"));
        }
        let book_id = BookId::new(self.product_id);
        let book_id = book_id.ok_or_else(|| Problem::new(Code::BookNotFound, "there is no such product"))?;
        Ok(CheckoutRequest {
            lines: lines_of(book_id, self.quantity)?,
            payment_method: PaymentMethod::Invoice,
            card: None,
            address: None,
            customer_ref: None,
            on_behalf_of: None,
            phone: None,
        })
    }
}

/// Shows an order.
#[api_v2_operation(tags(inventory))]
async fn show_order(
    Scoped { caller, .. }: Scoped<OrdersRead>,
    upstreams: web::Data<Upstreams>,
    hidden: web::Data<HiddenOrders>,
    order_id: web::Path<String>,
) -> Result<Reply<Order>, Fail<(S404,)>> {
    Ok(Reply::ok(find(&upstreams, &hidden, &caller, &order_id).await?))
}

async fn find(upstreams: &Upstreams, hidden: &HiddenOrders, caller: &Caller, order_id: &str) -> Result<Order, Problem> {
    let id: OrderId = order_id.parse().map_err(|_| no_order())?;
    let answer = upstreams.order.ask(caller, Ask::get(format!("/orders/{id}"))).await?;
    let order = Order::of(&relay::read(&answer).map_err(said)?)?;
    if hidden.contain(id).await? { Err(no_order()) } else { Ok(order) }
}

/// Cancels an order that waits for its payment, or hands a paid one over.
///
/// `PAID` only ever comes from the payment's webhook. 202: canceled, and its copies are on their way back.
#[api_v2_operation(tags(inventory))]
async fn move_order(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    hidden: web::Data<HiddenOrders>,
    order_id: web::Path<String>,
    body: Body<StatusChange>,
) -> Result<Reply<Order, (S200, S202)>, Fail<(S403, S404, S409, S422)>> {
    let order = find(&upstreams, &hidden, &caller, &order_id).await?;
    let command = match (order.status, body.0.status) {
        (Status::Pending, Status::Canceled) => "cancel",
        (Status::Paid, Status::Shipped) => "hand-over",
        _ => return Err(no_such_move().into()),
    };
    let (order, settled) = command_to(&upstreams, &caller, order.id, command).await?;
    Ok(if settled { Reply::ok(order) } else { Reply::accepted(format!("/orders/{}", order.id), order) })
}

/// Sends an order a command; answers what it is then, and whether that is all.
async fn command_to(
    upstreams: &Upstreams,
    caller: &Caller,
    id: OrderId,
    command: &str,
) -> Result<(Order, bool), Problem> {
    let key = key_or_ours(IdempotencyKey(None));
    let ask = Ask::repeatable(Method::POST, format!("/orders/{id}/{command}")).header("idempotency-key", Some(&key));
    let ask = if command == "cancel" { ask.json(&CancelRequest::default()) } else { ask };
    let answer = upstreams.order.ask(caller, ask).await?;
    let order = Order::of(&relay::read(&answer).map_err(said)?)?;
    Ok((order, answer.status.as_u16() != 202))
}

/// Deletes an order that waits for its payment, or that was canceled.
///
/// It is canceled, its copies go back, and this contract shows it no more. It is kept for the books.
#[api_v2_operation(tags(inventory))]
async fn delete_order(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    hidden: web::Data<HiddenOrders>,
    order_id: web::Path<String>,
) -> Result<Reply<(), (S204,)>, Fail<(S404, S409)>> {
    let order = find(&upstreams, &hidden, &caller, &order_id).await?;
    match order.status {
        Status::Pending => drop(command_to(&upstreams, &caller, order.id, "cancel").await.map_err(not_deletable)?),
        Status::Canceled => {}
        Status::Paid | Status::Shipped => return Err(not_deletable(no_such_move()).into()),
    }
    hidden.hide(order.id, Clock::system().now()).await?;
    Ok(Reply::empty(204))
}

fn no_order() -> Problem {
    Problem::new(Code::OrderNotFound, "Order not found")
}

fn no_such_move() -> Problem {
    Problem::new(Code::InvalidTransition, "Invalid status transition")
}

fn not_deletable(problem: Problem) -> Problem {
    match problem.code {
        Code::InvalidTransition => saying(problem, Code::InvalidTransition, "Order cannot be deleted"),
        _ => problem,
    }
}

/// The problem in this contract's words, which its clients compare.
fn said(problem: Problem) -> Problem {
    let (code, words) = match problem.code {
        Code::BookNotFound | Code::BookGone => (Code::BookNotFound, "Product not found"),
        Code::OrderNotFound => (Code::OrderNotFound, "Order not found"),
        Code::SkuTaken => (Code::SkuTaken, "SKU already exists"),
        Code::SoldOut => (Code::SoldOut, "Insufficient stock"),
        Code::InvalidTransition => (Code::InvalidTransition, "Invalid status transition"),
        _ => return renamed(problem, &NAMES),
    };
    saying(problem, code, words)
}
