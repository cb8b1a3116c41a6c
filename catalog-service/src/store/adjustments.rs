use serde::{Deserialize, Serialize};
use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::{BookId, Timestamp, books::StockAdjustmentView, events::BookAspect, limits::MAX_BOOK_COPIES};

use super::{
    books, events,
    ledger::{self, Kind},
};
use crate::{
    domain::stock::{Adjustment, StockChange},
    error::CatalogError,
};

/// What an adjustment came to, and whether this call did it.
#[derive(Serialize, Deserialize)]
pub struct Answer {
    pub adjustment: StockAdjustmentView,
    pub is_new: bool,
}

/// Adjusts a book's stock, once per id. One that is refused is forgotten with its transaction: its id may be used again.
pub fn adjust(
    tx: &mut Tx<'_>,
    book_id: BookId,
    id: &str,
    adjustment: &Adjustment,
    actor: &str,
    now: Timestamp,
) -> Result<Answer, CatalogError> {
    let reason = adjustment.reason.as_str();
    // `where exists`: a number that no book has is answered as such below, not by the foreign key. A call that comes
    // again waits here until the first one has committed.
    let inserted = tx.execute(
        "insert into stock_adjustment (adjustment_id, book_id, asked, reason, delta, on_hand, at_us) \
         select cast($1 as text), book_id, cast($3 as text), cast($4 as text), 0, 0, cast($5 as bigint) \
         from book where book_id = $2 on conflict do nothing",
        &params![id, book_id.number(), adjustment.change.text(), reason, now.micros()],
    )?;
    if inserted == 0 {
        return repeated(tx, book_id, id, adjustment);
    }
    let (delta, on_hand) = apply(tx, book_id, adjustment.change, now)?;
    tx.execute(
        "update stock_adjustment set delta = $2, on_hand = $3 where adjustment_id = $1",
        &params![id, delta, on_hand],
    )?;
    if delta != 0 {
        ledger::append(tx, book_id, Kind::Adjusted, delta, reason, actor, now)?;
    }
    let reason = reason.to_owned();
    let adjustment = StockAdjustmentView { adjustment_id: id.to_owned(), book_id, delta, on_hand, reason, at: now };
    Ok(Answer { adjustment, is_new: true })
}

/// The answer of the first call, where this one means the same.
fn repeated(tx: &mut Tx<'_>, book_id: BookId, id: &str, wanted: &Adjustment) -> Result<Answer, CatalogError> {
    let row = tx.query_opt(
        "select book_id, asked, reason, delta, on_hand, at_us from stock_adjustment where adjustment_id = $1",
        &params![id],
    )?;
    let Some(row) = row else { return Err(CatalogError::BookNotFound(book_id)) };
    let before = StockAdjustmentView {
        adjustment_id: id.to_owned(),
        book_id: books::book_id(&row)?,
        delta: row.get("delta")?,
        on_hand: row.get("on_hand")?,
        reason: row.get("reason")?,
        at: Timestamp::from_micros(row.get("at_us")?),
    };
    let is_same = before.book_id == book_id
        && row.get::<String>("asked")? == wanted.change.text()
        && before.reason == wanted.reason.as_str();
    if is_same {
        Ok(Answer { adjustment: before, is_new: false })
    } else {
        Err(CatalogError::IdReused(format!("the adjustment id {id}")))
    }
}

/// Changes the stock and tells of it; answers the difference that it came to, and the copies on hand after it.
///
/// `set_to` becomes a difference in the statement that applies it, where `on_hand` on the right is what the row held the
/// instant before. A purchase is either counted in it or comes after it.
fn apply(tx: &mut Tx<'_>, id: BookId, change: StockChange, now: Timestamp) -> Result<(i64, i64), CatalogError> {
    let row = match change {
        StockChange::By(delta) => tx.query_opt(
            "update book set on_hand = on_hand + $2, adjusted = adjusted + $2, last_adjustment = $2, \
             version = version + 1, updated_us = $3 where book_id = $1 and deleted_us is null \
             and on_hand + $2 >= 0 and ($2 <= 0 or on_hand + $2 <= $4) returning book_id, isbn, version, last_adjustment, on_hand",
            &params![id.number(), delta, now.micros(), MAX_BOOK_COPIES],
        )?,
        StockChange::To(counted) => tx.query_opt(
            "update book set on_hand = $2, adjusted = adjusted + ($2 - on_hand), last_adjustment = $2 - on_hand, \
             version = version + 1, updated_us = $3 where book_id = $1 and deleted_us is null \
             returning book_id, isbn, version, last_adjustment, on_hand",
            &params![id.number(), counted, now.micros()],
        )?,
    };
    match row {
        Some(row) => {
            events::tell_book(tx, events::change(&row, BookAspect::Stock)?, now)?;
            Ok((row.get("last_adjustment")?, row.get("on_hand")?))
        }
        None => Err(obstacle(tx, id, change)?),
    }
}

fn obstacle(tx: &mut Tx<'_>, id: BookId, change: StockChange) -> Result<CatalogError, DbError> {
    let sql = "select on_hand from book where book_id = $1 and deleted_us is null";
    let Some(row) = tx.query_opt(sql, &params![id.number()])? else { return Ok(CatalogError::BookNotFound(id)) };
    Ok(match change {
        StockChange::By(1..) => CatalogError::StockTooHigh,
        StockChange::By(_) | StockChange::To(_) => CatalogError::StockTooLow(row.get("on_hand")?),
    })
}
