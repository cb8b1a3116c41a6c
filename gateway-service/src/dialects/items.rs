//! Items: books by number and SKU, for clients that read and write data.

use paperclip::actix::{
    Apiv2Schema, api_v2_operation,
    web::{self, ServiceConfig},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use service_kit::{
    auth::{Caller, ItemsRead, ItemsWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, Reply, S201, S204, S403, S404, S409, S422},
};
use shared_types::{
    Amount, BookId, Code, Problem,
    books::{BookPage, BookView, CreateBookRequest, UpdateBookRequest},
};

use super::phrases::{book_number, some_books, worded};
use crate::{
    clients::{Ask, Upstreams},
    http::{BASE, books::key_or_ours, relay},
};

/// What these clients are told of a problem, and the code that goes with it.
const WORDS: [(Code, Code, &str); 2] = [
    (Code::BookNotFound, Code::BookNotFound, "Item not found"),
    (Code::SkuTaken, Code::SkuTaken, "SKU already exists"),
];
/// How these clients name what the catalog names otherwise.
const NAMES: [(&str, &str); 2] = [("title", "name"), ("topic", "category")];

pub(super) fn routes(config: &mut ServiceConfig) {
    let at = |path: &str| format!("{BASE}/items{path}");
    config
        .service(web::resource(&at("")).route(web::get().to(list)).route(web::post().to(create)))
        .service(web::resource(&at("/{item}/price")).route(web::patch().to(reprice)))
        .service(web::resource(&at("/{item}")).route(web::get().to(show)).route(web::delete().to(delete)));
}

/// An item.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": 2, "sku": "rpc-2", "name": "RPCs for Noobs", "category": "distributed systems", "price": 24.99}"#
)]
struct Item {
    id: BookId,
    sku: String,
    name: String,
    category: String,
    price: Amount,
}

/// A new item.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"sku": "rpc-2", "name": "RPCs for Noobs", "category": "distributed systems", "price": 24.99}"#)]
struct NewItem {
    sku: String,
    name: String,
    category: String,
    price: Amount,
}

/// A new price.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"price": 19.99}"#)]
struct NewPrice {
    price: Amount,
}

/// Which items.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
struct ItemQuery {
    /// Items in the page, 1 to 200; 50 where absent.
    limit: Option<i64>,
    /// Items to leave out.
    offset: Option<i64>,
}

impl From<BookView> for Item {
    fn from(book: BookView) -> Item {
        let BookView { id, sku, title, topic, price, .. } = book;
        Item { id, sku, name: title, category: topic, price }
    }
}

/// Lists items.
///
/// `X-Total-Count` says how many there are.
#[api_v2_operation(tags(items))]
async fn list(
    Scoped { caller, .. }: Scoped<ItemsRead>,
    upstreams: web::Data<Upstreams>,
    query: web::Query<ItemQuery>,
) -> Result<Reply<Vec<Item>>, Fail<(S422,)>> {
    let (books, total) = some_books(&upstreams, &caller, (query.limit, query.offset)).await?;
    Ok(Reply::ok(books.into_iter().map(Item::from).collect()).header("x-total-count", total))
}

/// Shows an item by its number.
#[api_v2_operation(tags(items))]
async fn show(
    Scoped { caller, .. }: Scoped<ItemsRead>,
    upstreams: web::Data<Upstreams>,
    item: web::Path<String>,
) -> Result<Reply<Item>, Fail<(S404,)>> {
    let id = book_number(&item).map_err(said)?;
    let answer = upstreams.catalog.ask(&caller, Ask::get(format!("/books/{id}"))).await?;
    Ok(Reply::ok(relay::read::<BookView>(&answer).map_err(said)?.into()))
}

/// Adds an item.
///
/// 409 where another item has the SKU.
#[api_v2_operation(tags(items))]
async fn create(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<NewItem>,
) -> Result<Reply<Item, (S201,)>, Fail<(S403, S409, S422)>> {
    let (book, key) = (book_of(body.0), key_or_ours(key));
    let ask = Ask::repeatable(Method::POST, "/books").header("idempotency-key", Some(&key)).json(&book);
    let made: BookView = relay::read(&upstreams.catalog.ask(&caller, ask).await?).map_err(said)?;
    Ok(Reply::created(format!("{BASE}/items/{}", made.id), made.into()))
}

/// Changes the price of the item with this SKU.
#[api_v2_operation(tags(items))]
async fn reprice(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    upstreams: web::Data<Upstreams>,
    item: web::Path<String>,
    body: Body<NewPrice>,
) -> Result<Reply<Item>, Fail<(S403, S404, S409, S422)>> {
    let id = by_sku(&upstreams, &caller, &item).await?;
    let change = UpdateBookRequest { price: Some(body.0.price), ..UpdateBookRequest::default() };
    let ask = Ask::repeatable(Method::PATCH, format!("/books/{id}")).json(&change);
    let changed: BookView = relay::read(&upstreams.catalog.ask(&caller, ask).await?).map_err(said)?;
    Ok(Reply::ok(changed.into()))
}

/// Withdraws the item with this SKU.
#[api_v2_operation(tags(items))]
async fn delete(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    upstreams: web::Data<Upstreams>,
    item: web::Path<String>,
) -> Result<Reply<(), (S204,)>, Fail<(S404,)>> {
    let id = by_sku(&upstreams, &caller, &item).await?;
    let answer = upstreams.catalog.ask(&caller, Ask::once(Method::DELETE, format!("/books/{id}"))).await?;
    relay::done(&answer).map_err(said)?;
    Ok(Reply::empty(204))
}

/// The number of the item that is sold under a SKU.
async fn by_sku(upstreams: &Upstreams, caller: &Caller, sku: &str) -> Result<BookId, Problem> {
    let path = format!("/books?sku={}&limit=1", utf8_percent_encode(sku, NON_ALPHANUMERIC));
    let unknown = || said(Problem::new(Code::BookNotFound, ""));
    let answer = upstreams.catalog.ask(caller, Ask::get(path)).await?;
    // What no SKU can be is no item's.
    let read = relay::read(&answer);
    let page: BookPage = read.map_err(|why| if why.code == Code::MalformedQuery { unknown() } else { why })?;
    page.items.first().map(|book| book.id).ok_or_else(unknown)
}

fn book_of(item: NewItem) -> CreateBookRequest {
    CreateBookRequest {
        sku: Some(item.sku),
        isbn: None,
        title: item.name,
        author: None,
        topic: item.category,
        first_year: None,
        price: item.price,
        stock: 0,
        warn_limit: 0,
    }
}

fn said(problem: Problem) -> Problem {
    worded(problem, &WORDS, &NAMES)
}
