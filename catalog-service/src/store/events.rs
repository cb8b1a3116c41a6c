//! What others are told of books: one event for one change, whatever the number of its books.

use serde_json::value::to_raw_value;
use service_kit::{
    db::{DbError, Row, Tx},
    outbox,
};
use shared_types::{
    BookId, OrderId, Timestamp,
    books::BookView,
    events::{BOOK_CHANGED, BookAspect, BookChange, BooksChanged, CloudEvent},
};

use super::books;

/// Who says so.
const SOURCE: &str = "lastcopy/catalog";

/// What an event is about: events of one subject are delivered in the order of their commits.
///
/// Every change of a subject first locks one row, the book's or the taking's, so its events are in line without another
/// lock. Events of two subjects may overtake each other; the versions in them do not.
#[derive(Debug, Clone, Copy)]
pub enum Subject {
    Book(BookId),
    Order(OrderId),
    /// So many books of an import, of which nothing else is ever told together.
    Import,
}

/// What a statement did to a book, from its `returning book_id, isbn, version`.
pub fn change(row: &Row, what: BookAspect) -> Result<BookChange, DbError> {
    Ok(BookChange { book_id: books::book_id(row)?, isbn: books::isbn(row)?, version: row.get("version")?, what })
}

/// A book whose texts or price were written.
pub fn content_of(book: &BookView) -> BookChange {
    BookChange { book_id: book.id, isbn: book.isbn, version: book.version, what: BookAspect::Content }
}

/// Tells of a change of one book.
pub fn tell_book(tx: &mut Tx<'_>, book: BookChange, now: Timestamp) -> Result<(), DbError> {
    tell(tx, Subject::Book(book.book_id), vec![book], now)
}

/// Tells of one change of all these books, in its transaction.
///
/// The event's id is the first book's, with the version that the change made: no change is ever told as two.
pub fn tell(tx: &mut Tx<'_>, subject: Subject, books: Vec<BookChange>, now: Timestamp) -> Result<(), DbError> {
    let Some(BookChange { book_id, version, .. }) = books.first() else { return Ok(()) };
    let event = CloudEvent {
        specversion: "1.0".to_owned(),
        id: format!("{book_id}.{version}"),
        source: SOURCE.to_owned(),
        kind: BOOK_CHANGED.to_owned(),
        subject: match subject {
            Subject::Book(id) => format!("book/{id}"),
            Subject::Order(id) => format!("order/{id}"),
            Subject::Import => format!("import/{book_id}.{version}"),
        },
        time: now,
        datacontenttype: "application/json".to_owned(),
        data: to_raw_value(&BooksChanged { books })
            .map_err(|error| DbError::Sql(format!("an event without JSON: {error}")))?,
    };
    outbox::append_in_line(tx, &event)
}
