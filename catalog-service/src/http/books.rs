use std::collections::HashMap;

use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use serde::Deserialize;
use service_kit::{
    auth::{AnyCaller, Caller, ItemsWrite, Scoped},
    http::{Body, Fail, IfMatch, Reply, S201, S204, S403, S404, S409, S412, S422},
    idempotency::Keyed,
};
use shared_types::{
    BookId, Code, Isbn, Problem,
    books::{BookView, CreateBookRequest, LookAnswer, LooksAnswer, UpdateBookRequest},
    limits::MAX_LOOKS_AT_ONCE,
};

use super::{Shop, sight};
use crate::{
    domain::book::{BookChange, NewBook},
    error::CatalogError,
};

/// Puts a new book into the catalog.
///
/// The SKU is the ISBN where none is given. Copies in `stock` are received with the book and are the first entry of its
/// ledger. Another book with the same ISBN or SKU: 409 `isbn_taken` or `sku_taken`.
#[api_v2_operation(tags(books))]
pub async fn create(
    who: Scoped<ItemsWrite>,
    shop: Shop,
    key: Keyed,
    body: Body<CreateBookRequest>,
) -> Result<Reply<BookView, (S201,)>, Fail<(S403, S409, S422)>> {
    let key = key.asking(&body.0);
    let book = NewBook::parse(body.0, shop.currency()).map_err(Problem::invalid_fields)?;
    sight::may_set_stock(&who.caller, book.stock != 0 || book.warn_limit != 0)?;
    let book = shop.create(book, who.caller.principal(), key).await?;
    let (id, version) = (book.id, book.version);
    Ok(Reply::created(format!("/books/{id}"), sight::of(&who.caller, book)).etag(version))
}

/// Shows a book.
///
/// A withdrawn book is not found.
#[api_v2_operation(tags(books))]
pub async fn show(
    AnyCaller(caller): AnyCaller,
    shop: Shop,
    book_id: web::Path<BookId>,
) -> Result<Reply<BookView>, Fail<(S404,)>> {
    Ok(shown(shop.find(book_id.into_inner()).await?, &caller))
}

/// Who looks at books together.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct LooksQuery {
    /// The ids of the requests that want to know, with commas between them, for the log.
    request_ids: Option<String>,
}

/// Shows several books.
///
/// Numbers with commas between them. Each book as `GET /books/{book_id}` shows it, all in one instant: the answer has one result
/// for each number, in their order. More than 32, or what is no number: 400.
#[api_v2_operation(tags(books))]
pub async fn show_all(
    AnyCaller(caller): AnyCaller,
    shop: Shop,
    ids: web::Path<String>,
    query: web::Query<LooksQuery>,
) -> Result<Reply<LooksAnswer>, Fail> {
    let ids = ids.split(',').map(str::parse).collect::<Result<Vec<BookId>, _>>();
    let ids =
        ids.map_err(|_| Problem::new(Code::MalformedPath, "ids are numbers of books with commas between them"))?;
    if ids.len() > MAX_LOOKS_AT_ONCE {
        let detail = format!("{MAX_LOOKS_AT_ONCE} books are looked at together, at most");
        return Err(Problem::new(Code::MalformedPath, detail).into());
    }
    if let Some(request_ids) = &query.request_ids {
        tracing::info!(request_ids, "looked at together");
    }
    let found = shop.find_all(ids.clone()).await?;
    let mut found: HashMap<BookId, BookView> = found.into_iter().map(|book| (book.id, book)).collect();
    let mut results: Vec<LookAnswer> = Vec::with_capacity(ids.len());
    for id in ids {
        let result = if let Some(book) = found.remove(&id) {
            LookAnswer { id, book: Some(sight::of(&caller, book)), problem: None }
        } else if let Some(said) = results.iter().find(|said| said.id == id) {
            said.clone()
        } else {
            LookAnswer { id, book: None, problem: Some(CatalogError::BookNotFound(id).into()) }
        };
        results.push(result);
    }
    Ok(Reply::ok(LooksAnswer { results }))
}

/// Shows the book with an ISBN.
///
/// ISBN-10 and ISBN-13, hyphens allowed. A text that is no ISBN names no book: 404. With `gone` a withdrawn book is found
/// as well, where none is sold under the ISBN: who repeats a request names what he named before.
#[api_v2_operation(tags(books))]
pub async fn show_by_isbn(
    AnyCaller(caller): AnyCaller,
    shop: Shop,
    isbn: web::Path<String>,
    query: web::Query<GoneQuery>,
) -> Result<Reply<BookView>, Fail<(S404,)>> {
    let isbn: Isbn = isbn.parse().map_err(|_| CatalogError::IsbnNotFound(isbn.to_string()))?;
    Ok(shown(shop.find_by_isbn(isbn, query.gone.unwrap_or(false)).await?, &caller))
}

/// Which books have an ISBN.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct GoneQuery {
    /// Also those that are withdrawn.
    gone: Option<bool>,
}

fn shown(book: BookView, caller: &Caller) -> Reply<BookView> {
    Reply::ok(sight::of(caller, book)).tagged(|book| book.version)
}

/// Changes fields of a book.
///
/// Fields that are absent stay. A new price holds from this instant: a purchase at the price before is refused. Stock is
/// changed by stock adjustments. With `If-Match` the change is made to that very version or not at all.
#[api_v2_operation(tags(books))]
pub async fn change(
    who: Scoped<ItemsWrite>,
    shop: Shop,
    book_id: web::Path<BookId>,
    expected: IfMatch,
    body: Body<UpdateBookRequest>,
) -> Result<Reply<BookView>, Fail<(S403, S404, S409, S412, S422)>> {
    let change = BookChange::parse(body.0, shop.currency()).map_err(Problem::invalid_fields)?;
    sight::may_set_stock(&who.caller, change.warn_limit.is_some())?;
    let book = shop.change(book_id.into_inner(), change, expected.0).await?;
    let version = book.version;
    Ok(Reply::ok(sight::of(&who.caller, book)).etag(version))
}

/// Withdraws a book from sale.
///
/// Copies that were taken before stay with their orders; nothing of the book is taken from this instant on.
#[api_v2_operation(tags(books))]
pub async fn withdraw(
    _: Scoped<ItemsWrite>,
    shop: Shop,
    book_id: web::Path<BookId>,
    expected: IfMatch,
) -> Result<Reply<(), (S204,)>, Fail<(S404, S412)>> {
    shop.withdraw(book_id.into_inner(), expected.0).await?;
    Ok(Reply::empty(204))
}
