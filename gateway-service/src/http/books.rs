use actix_web::HttpRequest;
use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use reqwest::Method;
use serde::Deserialize;
use service_kit::{
    auth::{Anyone, Caller, ItemsWrite, Scoped, StockRead, StockWrite},
    http::{Body, Fail, IdempotencyKey, IfMatch, PageQuery, S200, S201, S204, S403, S404, S409, S412, S422},
};
use shared_types::{
    BookId,
    books::{
        AdjustStockRequest, BookPage, BookView, CreateBookRequest, ImportAnswer, ImportRequest, LedgerPage,
        StockAdjustmentView, TopicPage, UpdateBookRequest,
    },
};
use uuid::Uuid;

use super::{book_ref::BookRef, relay::Relayed};
use crate::clients::{Ask, Upstreams};

/// Bytes of one import request at most.
const MAX_IMPORT_BYTES: usize = 4 * 1024 * 1024;

/// Which books to list, and in which order.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read for the API document and to refuse unknown parameters; the query is passed on as it came"
)]
pub(super) struct BookQuery {
    /// Books of this topic; upper and lower case are the same.
    topic: Option<String>,
    /// Words in title, author or topic; best matches first.
    q: Option<String>,
    author: Option<String>,
    isbn: Option<String>,
    sku: Option<String>,
    /// `AVAILABLE`, `FEW REMAINING` or `OUT OF STOCK`.
    state: Option<String>,
    /// `id`, `title` or `price`; a leading `-` reverses.
    sort: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Books in the page, 1 to 200; 50 where absent.
    limit: Option<String>,
}

/// The caller's query, passed on as it came: the owner of the list reads it.
pub(super) fn with_query(path: &str, request: &HttpRequest) -> String {
    match request.query_string() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// The caller's key, or one of ours: with either the request may be sent again when no answer comes.
pub(crate) fn key_or_ours(key: IdempotencyKey) -> String {
    key.0.unwrap_or_else(|| Uuid::now_v7().to_string())
}

/// The entity tag of a version.
pub(super) fn entity_tag(condition: IfMatch) -> Option<String> {
    condition.0.map(|version| format!("\"{version}\""))
}

/// Lists books.
///
/// Filtered by topic, author, ISBN, SKU, state and words; paginated by cursor.
#[api_v2_operation(tags(books))]
pub(super) async fn list(
    Anyone(caller): Anyone,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    _query: web::Query<BookQuery>,
) -> Result<Relayed<BookPage, (S200,)>, Fail<()>> {
    let answer = upstreams.catalog.ask(&caller, Ask::get(with_query("/books", &request))).await?;
    Ok(Relayed::new(answer)?)
}

/// Adds a book.
///
/// 409 where another book that is not deleted has the SKU or ISBN.
#[api_v2_operation(tags(books))]
pub(super) async fn create(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<CreateBookRequest>,
) -> Result<Relayed<BookView, (S201,)>, Fail<(S403, S409, S422)>> {
    let key = key_or_ours(key);
    let ask = Ask::repeatable(Method::POST, "/books").header("idempotency-key", Some(&key)).json(&body.0);
    Ok(Relayed::new(upstreams.catalog.ask(&caller, ask).await?)?)
}

/// Shows a book, by its number or its ISBN.
#[api_v2_operation(tags(books))]
pub(super) async fn show(
    Anyone(caller): Anyone,
    upstreams: web::Data<Upstreams>,
    book: web::Path<BookRef>,
) -> Result<Relayed<BookView, (S200,)>, Fail<(S404,)>> {
    look(&caller, &upstreams, *book).await
}

/// What [`show`] answers.
pub(crate) async fn look(
    caller: &Caller,
    upstreams: &Upstreams,
    book: BookRef,
) -> Result<Relayed<BookView, (S200,)>, Fail<(S404,)>> {
    let answer = match book {
        BookRef::Number(book) => upstreams.catalog.look_at(caller, book).await?,
        BookRef::Isbn(_) => upstreams.catalog.ask(caller, Ask::get(book.path())).await?,
    };
    Ok(Relayed::new(answer)?)
}

/// Where one book stands.
const BOOK: &str = "/api/v1/books/";
/// The route of [`show`].
pub(crate) const LOOK: &str = "/api/v1/books/{book}";

/// The book that a request for [`show`] names by its number.
pub(crate) fn looked_at(request: &HttpRequest) -> Option<BookId> {
    let book = request.path().strip_prefix(BOOK).filter(|_| request.method() == actix_web::http::Method::GET)?;
    match book.parse().ok()? {
        BookRef::Number(book) => Some(book),
        BookRef::Isbn(_) => None,
    }
}

/// Changes fields of a book; a field that is absent stays.
///
/// With `If-Match` only where nobody else changed it in between. Stock is changed by stock adjustments.
#[api_v2_operation(tags(books))]
pub(super) async fn update(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    upstreams: web::Data<Upstreams>,
    book: web::Path<BookRef>,
    condition: IfMatch,
    body: Body<UpdateBookRequest>,
) -> Result<Relayed<BookView, (S200,)>, Fail<(S403, S404, S409, S412, S422)>> {
    let id = book.id(&upstreams, &caller).await?;
    let tag = entity_tag(condition);
    let ask = Ask::once(Method::PATCH, format!("/books/{id}")).header("if-match", tag.as_deref()).json(&body.0);
    Ok(Relayed::new(upstreams.catalog.ask(&caller, ask).await?)?)
}

/// Withdraws a book from sale.
///
/// Orders that have its copies keep them.
#[api_v2_operation(tags(books))]
pub(super) async fn delete(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    upstreams: web::Data<Upstreams>,
    book: web::Path<BookRef>,
    condition: IfMatch,
) -> Result<Relayed<(), (S204,)>, Fail<(S404, S412)>> {
    let id = book.id(&upstreams, &caller).await?;
    let tag = entity_tag(condition);
    let ask = Ask::once(Method::DELETE, format!("/books/{id}")).header("if-match", tag.as_deref());
    Ok(Relayed::new(upstreams.catalog.ask(&caller, ask).await?)?)
}

/// Changes a book's stock by hand.
///
/// `delta` copies more or fewer, or `set_to` so many as were counted. 200 where this very adjustment was done before.
#[api_v2_operation(tags(stock))]
pub(super) async fn adjust_stock(
    Scoped { caller, .. }: Scoped<StockWrite>,
    upstreams: web::Data<Upstreams>,
    book: web::Path<BookRef>,
    key: IdempotencyKey,
    body: Body<AdjustStockRequest>,
) -> Result<Relayed<StockAdjustmentView, (S200, S201)>, Fail<(S404, S409, S422)>> {
    let id = book.id(&upstreams, &caller).await?;
    let key = key_or_ours(key);
    let ask = Ask::repeatable(Method::POST, format!("/books/{id}/stock-adjustments"));
    let ask = ask.header("idempotency-key", Some(&key)).json(&body.0);
    Ok(Relayed::new(upstreams.catalog.ask(&caller, ask).await?)?)
}

/// Lists every change of a book's stock, latest first.
#[api_v2_operation(tags(stock))]
pub(super) async fn ledger(
    Scoped { caller, .. }: Scoped<StockRead>,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    book: web::Path<BookRef>,
    _page: web::Query<PageQuery>,
) -> Result<Relayed<LedgerPage, (S200,)>, Fail<(S404,)>> {
    let id = book.id(&upstreams, &caller).await?;
    let path = with_query(&format!("/books/{id}/ledger"), &request);
    Ok(Relayed::new(upstreams.catalog.ask(&caller, Ask::get(path)).await?)?)
}

/// Lists topics in alphabetical order.
#[api_v2_operation(tags(books))]
pub(super) async fn topics(
    Anyone(caller): Anyone,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    _page: web::Query<PageQuery>,
) -> Result<Relayed<TopicPage, (S200,)>, Fail<()>> {
    let answer = upstreams.catalog.ask(&caller, Ask::get(with_query("/topics", &request))).await?;
    Ok(Relayed::new(answer)?)
}

/// Takes over rows of a table of books.
///
/// Bad rows are reported one by one and good ones kept. Sending the same rows again changes nothing.
#[api_v2_operation(tags(books))]
pub(super) async fn import(
    Scoped { caller, .. }: Scoped<ItemsWrite>,
    _: Scoped<StockWrite>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<ImportRequest, MAX_IMPORT_BYTES>,
) -> Result<Relayed<ImportAnswer, (S200,)>, Fail<(S422,)>> {
    let key = key_or_ours(key);
    let ask = Ask::repeatable(Method::POST, "/imports").header("idempotency-key", Some(&key)).json(&body.0);
    Ok(Relayed::new(upstreams.catalog.ask(&caller, ask).await?)?)
}
