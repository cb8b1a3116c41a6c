//! Takings done as shops that oversell do them: the stock is read in one transaction and written in another; and as shops
//! that stand still do them: books are locked in any order. Reached only where a test asks for it, to show that the tests notice; a release build has no way to get here.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicBool, Ordering},
};

use service_kit::{
    db::{DbError, Tx},
    faults, params,
};
use shared_types::{Currency, TakingId, Timestamp, events::BookAspect};

use super::{
    events,
    takings::{Answer, begin, on_shelf, record_refused, record_taken, repeated},
};
use crate::{
    domain::taking::{Asked, OnShelf, obstacle, taken_line},
    error::CatalogError,
};

/// The lines as their books are to be locked: in the order of their numbers. Sabotaged, every other taking begins at the
/// other end, so that two of them wait for each other in a circle.
pub(super) fn order_of_locks(asked: &Asked) -> Cow<'_, Asked> {
    static BACKWARDS: AtomicBool = AtomicBool::new(false);
    if !faults::sabotaged("unsorted_locks") || BACKWARDS.fetch_xor(true, Ordering::SeqCst) {
        return Cow::Borrowed(asked);
    }
    Cow::Owned(Asked { lines: asked.lines.iter().rev().copied().collect() })
}

/// What was on the shelf when somebody looked, line by line.
pub fn look(tx: &mut Tx<'_>, asked: &Asked, currency: Currency) -> Result<Vec<Option<Seen>>, DbError> {
    let mut seen = Vec::new();
    for line in &asked.lines {
        let row = tx.query_opt(
            "select title, isbn, price_minor, on_hand, deleted_us, taken from book where book_id = $1",
            &params![line.book_id.number()],
        )?;
        let read = row.map(|row| Ok::<_, DbError>(Seen { book: on_shelf(&row, currency)?, taken: row.get("taken")? }));
        seen.push(read.transpose()?);
    }
    Ok(seen)
}

/// A book as it was a moment ago.
#[derive(Clone)]
pub struct Seen {
    book: OnShelf,
    taken: i64,
}

/// Sells what was seen, whatever is there now.
pub fn take_what_was_seen(
    tx: &mut Tx<'_>,
    id: TakingId,
    asked: &Asked,
    seen: &[Option<Seen>],
    currency: Currency,
    now: Timestamp,
) -> Result<Answer, CatalogError> {
    if !begin(tx, id, asked, now)? {
        return repeated(tx, id, asked, currency);
    }
    let shelf = || asked.lines.iter().zip(seen);
    let obstacles: Vec<_> =
        shelf().filter_map(|(line, seen)| obstacle(line, seen.as_ref().map(|seen| &seen.book))).collect();
    if !obstacles.is_empty() {
        return Ok(Answer { taking: record_refused(tx, id, obstacles)?, is_new: true });
    }
    let mut lines = Vec::new();
    for (line, seen) in shelf() {
        let Some(Seen { book, taken }) = seen else { continue };
        let row = tx.query_one(
            "update book set on_hand = $2, taken = $3, version = version + 1 where book_id = $1 \
             returning book_id, isbn, version",
            &params![line.book_id.number(), book.on_hand - line.quantity, taken + line.quantity],
        )?;
        let taken = taken_line(line, book.title.clone(), book.isbn, book.price);
        lines.push((taken, events::change(&row, BookAspect::Stock)?));
    }
    Ok(Answer { taking: record_taken(tx, id, lines, now)?, is_new: true })
}
