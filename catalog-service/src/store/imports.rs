use service_kit::{
    db::{DbError, Engine, Tx},
    params,
};
use shared_types::{
    BookId, Currency, FieldError, Timestamp,
    books::{BookView, ImportOutcome},
    events,
};

use super::{
    books,
    events::{Subject, content_of, tell},
};
use crate::{
    domain::{book::BookChange, import::Row},
    error::CatalogError,
};

/// How a row ended, and what was wrong with it.
pub type Outcome = (ImportOutcome, Vec<FieldError>);

/// Books in one event, at most: a batch of events has room for a hundred of them.
const BOOKS_IN_EVENT: usize = 100;

/// "imports" as a number, since advisory locks have no names.
const TURN: i64 = 0x69_6d70_6f72_7473;

/// Lets imports follow one another until the end of the transaction: two that go through the same books in different
/// orders would wait for each other in a circle. SQLite has one writer and needs nothing.
pub fn take_turn(tx: &mut Tx<'_>) -> Result<(), DbError> {
    match tx.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => tx.query("select 1 as locked from pg_advisory_xact_lock($1)", &params![TURN]).map(drop),
    }
}

/// One import, in its transaction: who makes it, when, and what it did so far.
pub struct Import<'a> {
    pub actor: &'a str,
    pub currency: Currency,
    pub now: Timestamp,
    /// The books that it wrote.
    pub written: Vec<events::BookChange>,
    /// Those of them that are new and not yet entered.
    pub fresh: Vec<BookView>,
}

/// Puts one row into the catalog: a new book, or the fields of one that is there. Its stock is left alone then, since
/// copies may be sold between the counting and the import.
pub fn import(tx: &mut Tx<'_>, row: &Row, import: &mut Import<'_>) -> Result<Outcome, CatalogError> {
    match find(tx, &row.fields, import.currency)? {
        Some(book) => update(tx, &book, &row.fields, import),
        None => create(tx, row, import),
    }
}

/// Enters the books that are new, and tells of all that were written, in a few events.
pub fn finish(tx: &mut Tx<'_>, mut import: Import<'_>) -> Result<(), DbError> {
    enter(tx, &mut import)?;
    let Import { written, now, .. } = import;
    written.chunks(BOOKS_IN_EVENT).try_for_each(|some| tell(tx, Subject::Import, some.to_vec(), now))
}

fn enter(tx: &mut Tx<'_>, import: &mut Import<'_>) -> Result<(), DbError> {
    books::enter(tx, &std::mem::take(&mut import.fresh), import.actor, import.now)
}

/// The book that a row is about: by its ISBN, or by its SKU where it has none.
fn find(tx: &mut Tx<'_>, fields: &BookChange, currency: Currency) -> Result<Option<BookView>, DbError> {
    match (fields.isbn, &fields.sku) {
        (Some(isbn), _) => books::find_by_isbn(tx, isbn, currency),
        (None, Some(sku)) => books::find_by_sku(tx, sku.as_str(), currency),
        (None, None) => Ok(None),
    }
}

fn create(tx: &mut Tx<'_>, row: &Row, import: &mut Import<'_>) -> Result<Outcome, CatalogError> {
    let book = match row.new_book() {
        Ok(book) => book,
        Err(errors) => return Ok((ImportOutcome::Rejected, errors)),
    };
    match books::insert(tx, &book, import.currency, import.now)? {
        Some(view) => {
            import.written.push(content_of(&view));
            import.fresh.push(view);
            Ok((ImportOutcome::Created, Vec::new()))
        }
        None => Ok(sku_in_the_way()),
    }
}

fn update(
    tx: &mut Tx<'_>,
    book: &BookView,
    fields: &BookChange,
    import: &mut Import<'_>,
) -> Result<Outcome, CatalogError> {
    if holds(book, fields) {
        return Ok((ImportOutcome::Unchanged, Vec::new()));
    }
    // A statement that fails would take the good rows with it, so the one conflict there can be is looked for first.
    if let Some(sku) = &fields.sku
        && is_held_by_another(tx, sku.as_str(), book.id)?
    {
        return Ok(sku_in_the_way());
    }
    // It may be one of them.
    enter(tx, import)?;
    let book = books::overwrite(tx, book.id, fields, None, import.currency, import.now)?;
    import.written.push(content_of(&book));
    Ok((ImportOutcome::Updated, Vec::new()))
}

fn is_held_by_another(tx: &mut Tx<'_>, sku: &str, id: BookId) -> Result<bool, DbError> {
    let sql = "select 1 as held from book where sku = $1 and book_id <> $2 and deleted_us is null";
    Ok(tx.query_opt(sql, &params![sku, id.number()])?.is_some())
}

fn sku_in_the_way() -> Outcome {
    let error = FieldError { field: "sku".to_owned(), detail: "is another book's".to_owned() };
    (ImportOutcome::Rejected, vec![error])
}

/// Whether the book already has every field as the row has it.
fn holds(book: &BookView, fields: &BookChange) -> bool {
    let BookChange { sku, isbn, title, author, topic, first_year, price, warn_limit } = fields;
    sku.as_ref().is_none_or(|sku| sku.as_str() == book.sku)
        && isbn.is_none_or(|isbn| book.isbn == Some(isbn))
        && title.as_ref().is_none_or(|title| title.as_str() == book.title)
        && author.as_ref().is_none_or(|author| Some(author.as_str()) == book.author.as_deref())
        && topic.as_ref().is_none_or(|topic| topic.as_str() == book.topic)
        && first_year.is_none_or(|year| book.first_year == Some(year))
        && price.is_none_or(|price| price.amount() == book.price)
        && warn_limit.is_none_or(|limit| Some(limit) == book.warn_limit)
}
