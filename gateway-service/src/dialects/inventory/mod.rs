//! Orders & Inventory: products, and orders that hold their copies until their payment is reported.

/// Orders.
mod orders;

use paperclip::actix::{
    Apiv2Schema, api_v2_operation,
    web::{self, ServiceConfig},
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use service_kit::{
    auth::{Anyone, Caller, ItemsWrite, Permission, Refusal, Scope, Scoped},
    http::{Body, Fail, IdempotencyKey, Reply, S201, S204, S403, S404, S409, S422},
};
use shared_types::{
    Amount, BookId, Code, Problem,
    books::{AdjustStockRequest, BookView, CreateBookRequest, UpdateBookRequest},
    limits::MAX_BOOK_COPIES,
};

use super::phrases::{book_number, seeing_stock, some_books, worded};
use crate::{
    clients::{Ask, Upstreams},
    http::{books::key_or_ours, relay},
};

/// Products have no category here.
const TOPIC: &str = "products";
/// What these clients are told of a problem, and the code that goes with it.
const WORDS: [(Code, Code, &str); 6] = [
    (Code::BookNotFound, Code::BookNotFound, "Product not found"),
    (Code::BookGone, Code::BookNotFound, "Product not found"),
    (Code::OrderNotFound, Code::OrderNotFound, "Order not found"),
    (Code::SkuTaken, Code::SkuTaken, "SKU already exists"),
    (Code::SoldOut, Code::SoldOut, "Insufficient stock"),
    (Code::InvalidTransition, Code::InvalidTransition, "Invalid status transition"),
];
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
        .service(web::resource("/orders").route(web::post().to(orders::order)))
        .service(
            web::resource("/orders/{order_id}")
                .route(web::get().to(orders::show_order))
                .route(web::put().to(orders::move_order))
                .route(web::delete().to(orders::delete_order)),
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

impl From<BookView> for Product {
    fn from(book: BookView) -> Product {
        let BookView { id, sku, title, price, on_hand, .. } = book;
        Product { id, sku, name: title, price, stock: on_hand.unwrap_or_default() }
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
    may_count(&caller, body.0.stock)?;
    let (id, caller) = (book_number(&product_id).map_err(said)?, seeing_stock(&caller));
    check(body.0.price, body.0.stock)?;
    change(&upstreams, &caller, id, body.0).await.map_err(said)?;
    Ok(Reply::ok(product(&upstreams, &caller, id).await?))
}

/// The second of two changes must not be the one that is refused.
fn may_count(caller: &Caller, stock: Option<i64>) -> Result<(), Problem> {
    if stock.is_some() && !caller.may(Scope::StockWrite) {
        return Err(Refusal::Forbidden(Permission::Scope(Scope::StockWrite)).into());
    }
    Ok(())
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

/// The problem in this contract's words, which its clients compare.
fn said(problem: Problem) -> Problem {
    worded(problem, &WORDS, &NAMES)
}
