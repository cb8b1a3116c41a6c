use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

use crate::{Amount, BookId, Cell, Currency, FieldError, Isbn, Problem, Timestamp};

/// Whether a book can be bought, as everybody may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub enum BookState {
    #[serde(rename = "AVAILABLE")]
    Available,
    /// On hand at or under the book's `warn_limit`, and not zero.
    #[serde(rename = "FEW REMAINING")]
    FewRemaining,
    #[serde(rename = "OUT OF STOCK")]
    OutOfStock,
}

/// A book as the catalog shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": 8, "sku": "9780143127550", "isbn": "9780143127550", "title": "The Martian", "author": "Andy Weir", "topic": "science fiction", "first_year": 2011, "price": 12.99, "currency": "USD", "state": "AVAILABLE", "on_hand": 10, "warn_limit": 3, "version": 1, "created_at": "2026-11-18T11:06:40.123456Z", "updated_at": "2026-11-18T11:06:40.123456Z"}"#
)]
pub struct BookView {
    /// The book's number.
    pub id: BookId,
    /// The shop's own article number, unique among the books that are not deleted. The ISBN where none was given.
    pub sku: String,
    /// Thirteen digits; absent for goods that are no books.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isbn: Option<Isbn>,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<String>,
    pub topic: String,
    /// Year of the first publication; negative before our era.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_year: Option<i64>,
    /// Price of one copy, exact to the currency's minor unit.
    pub price: Amount,
    /// ISO 4217 code.
    pub currency: Currency,
    pub state: BookState,
    /// Copies free to sell. Only for callers with `stock:read`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_hand: Option<i64>,
    /// At or under this many copies the state is `FEW REMAINING`. Only for callers with `stock:read`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warn_limit: Option<i64>,
    /// Counts the changes of the book, its stock included. Its `ETag` is this number in quotes.
    pub version: i64,
    pub created_at: Timestamp,
    /// The latest edit by hand, of the stock included; purchases count in `version` only.
    pub updated_at: Timestamp,
}

/// A new book. It is given its number by the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"isbn": "9780143127550", "title": "The Martian", "author": "Andy Weir", "topic": "science fiction", "first_year": 2011, "price": 12.99, "stock": 10, "warn_limit": 3}"#
)]
pub struct CreateBookRequest {
    /// Defaults to the ISBN; a book without an ISBN must name one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sku: Option<String>,
    /// ISBN-10 or ISBN-13, hyphens allowed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isbn: Option<Isbn>,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<String>,
    pub topic: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_year: Option<i64>,
    pub price: Amount,
    /// Copies received with the book.
    #[serde(default)]
    pub stock: i64,
    #[serde(default)]
    pub warn_limit: i64,
}

/// The fields of a book to change; a field that is absent stays. Stock is changed by stock adjustments only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"price": 11.5, "warn_limit": 2}"#)]
pub struct UpdateBookRequest {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isbn: Option<Isbn>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_year: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warn_limit: Option<i64>,
}

/// One page of books, and where the next begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct BookPage {
    pub items: Vec<BookView>,
    /// Pass it as `cursor` to read on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// What is said of several books that were looked at together, in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct LooksAnswer {
    pub results: Vec<LookAnswer>,
}

/// What is said of one of them: the book, or why it is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct LookAnswer {
    pub id: BookId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub book: Option<BookView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<Problem>,
}

/// A topic and how many books it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct TopicView {
    pub topic: String,
    pub books: i64,
}

/// A page of topics in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct TopicPage {
    pub items: Vec<TopicView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// A change of stock by hand. Exactly one of `delta` and `set_to` is given.
///
/// `set_to` is turned into a difference in the statement that applies it, so a purchase in between is never undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"adjustment_id": "stocktaking-2026-11-shelf-4-book-8", "delta": -1, "reason": "damaged"}"#)]
pub struct AdjustStockRequest {
    /// Chosen by the caller: the same id is the same adjustment, done once. Made by the catalog where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub adjustment_id: Option<String>,
    /// Copies that came (positive) or went (negative).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delta: Option<i64>,
    /// Copies on hand afterwards, as counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub set_to: Option<i64>,
    /// Why, for the ledger.
    pub reason: String,
}

/// A stock adjustment that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"adjustment_id": "stocktaking-2026-11-shelf-4-book-8", "book_id": 8, "delta": -1, "on_hand": 9, "reason": "damaged", "at": "2026-11-18T11:06:40.123456Z"}"#
)]
pub struct StockAdjustmentView {
    pub adjustment_id: String,
    pub book_id: BookId,
    pub delta: i64,
    /// Copies on hand right after this adjustment.
    pub on_hand: i64,
    pub reason: String,
    pub at: Timestamp,
}

/// One line of a book's stock ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct LedgerEntryView {
    /// Position in the ledger; later entries have larger ones.
    pub entry: i64,
    pub book_id: BookId,
    /// `received`, `adjusted`, `taken` or `given_back`.
    pub kind: String,
    /// Change of the copies on hand.
    pub delta: i64,
    pub reason: String,
    /// Who did it.
    pub actor: String,
    /// The taking behind a `taken` or `given_back`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub taking_id: Option<String>,
    pub at: Timestamp,
}

/// A page of a book's stock ledger, latest entry first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct LedgerPage {
    pub items: Vec<LedgerEntryView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// Books from a table, such as a CSV file: one row per book. Bad rows are reported, good ones kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"rows": [{"line": 2, "isbn": "9780143127550", "title": "The Martian", "author": "Andy Weir", "topic": "science fiction", "first_year": 2011, "price": 12.99, "stock": 10}]}"#
)]
pub struct ImportRequest {
    /// 1 to 1,000 rows.
    pub rows: Vec<ImportRow>,
}

/// One row of a table as it stands there: every cell a text or a number. An empty cell is as good as none.
///
/// A row whose ISBN (or SKU, where it has no ISBN) is in the catalog updates that book: every cell that is there, save
/// `stock`, which is left alone. Any other row is a new book and needs a title, a topic and a price.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct ImportRow {
    /// The row's line in its file; its result names it.
    pub line: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sku: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isbn: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub topic: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_year: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Cell>,
    /// Copies received with a new book; 0 where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stock: Option<Cell>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warn_limit: Option<Cell>,
}

/// What became of every row of an import, in the order of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"results": [{"line": 2, "outcome": "created", "errors": []}, {"line": 3, "outcome": "rejected", "errors": [{"field": "price", "detail": "is missing"}]}]}"#
)]
pub struct ImportAnswer {
    pub results: Vec<ImportResult>,
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct ImportResult {
    pub line: i64,
    pub outcome: ImportOutcome,
    /// What was wrong with a rejected row, cell by cell.
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

/// How a row of an import ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// A new book.
    Created,
    /// The book was there and has changed.
    Updated,
    /// The book was there, just as the row has it.
    Unchanged,
    /// The row is wrong; nothing of it was kept.
    Rejected,
}
