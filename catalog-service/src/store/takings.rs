//! Takings: which order took which copies.
//!
//! Whoever touches a taking locks its row first and its books afterwards, in the order of their numbers. So two calls
//! about one taking follow one another, and two takings never wait for each other in a circle.

use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{
    Currency, Money, TakingId, Timestamp,
    events::{BookAspect, BookChange},
    takings::{RefusedLine, TakenLine, TakingView},
};

use super::{
    books,
    events::{self, Subject},
    ledger::{self, Kind},
    rows, sabotage,
};
use crate::{
    domain::taking::{Asked, AskedLine, OnShelf, given_back, obstacle, refused, taken, taken_line},
    error::CatalogError,
    metrics,
};

/// What became of a taking, and whether this call decided it.
pub struct Answer {
    pub taking: TakingView,
    pub is_new: bool,
}

/// A line whose copies were taken, and what that did to its book.
pub(super) type Decremented = (TakenLine, BookChange);

/// Takes all lines or none. A call that comes again is answered as the first one was.
pub fn take(
    tx: &mut Tx<'_>,
    id: TakingId,
    asked: &Asked,
    currency: Currency,
    now: Timestamp,
) -> Result<Answer, CatalogError> {
    // The row comes first: a repeated call waits here until the first one has committed, and then finds it.
    if !begin(tx, id, asked, now)? {
        return repeated(tx, id, asked, currency);
    }
    let taking = match decrement_all(tx, &sabotage::order_of_locks(asked), currency)? {
        Ok(lines) => record_taken(tx, id, lines, now)?,
        Err(obstacles) => record_refused(tx, id, obstacles)?,
    };
    Ok(Answer { taking, is_new: true })
}

/// Whether this call is the one that decides.
pub(super) fn begin(tx: &mut Tx<'_>, id: TakingId, asked: &Asked, now: Timestamp) -> Result<bool, DbError> {
    let inserted = tx.execute(
        "insert into taking (taking_id, state, asked, decided_us) values ($1, 'taken', $2, $3) on conflict do nothing",
        &params![id.to_string(), asked.text(), now.micros()],
    )?;
    Ok(inserted == 1)
}

pub(super) fn repeated(
    tx: &mut Tx<'_>,
    id: TakingId,
    asked: &Asked,
    currency: Currency,
) -> Result<Answer, CatalogError> {
    let (taking, asked_before) = find_with_text(tx, id, currency)?;
    // A tombstone was asked for nothing; whatever comes late finds it given back.
    let is_same = asked_before.is_none_or(|before| before == asked.text());
    if is_same { Ok(Answer { taking, is_new: false }) } else { Err(CatalogError::IdReused(format!("taking {id}"))) }
}

/// On Postgres a book may change between the update that refused it and the read that asks why. It changes under
/// somebody's commit, so this many times in a row is no accident.
const MAX_RUNS: usize = 16;

/// Decrements every book, or none: then every line that stands in the way is named.
fn decrement_all(
    tx: &mut Tx<'_>,
    asked: &Asked,
    currency: Currency,
) -> Result<Result<Vec<Decremented>, Vec<RefusedLine>>, DbError> {
    for _ in 0..MAX_RUNS {
        let mut lines = Vec::with_capacity(asked.lines.len());
        for line in &asked.lines {
            match decrement(tx, line, currency)? {
                Some(taken) => lines.push(taken),
                None => break,
            }
        }
        if lines.len() == asked.lines.len() {
            return Ok(Ok(lines));
        }
        // The books are still locked by this transaction, so nobody saw them without these copies.
        for (line, _) in &lines {
            undo_decrement(tx, line)?;
        }
        let obstacles = obstacles(tx, asked, currency)?;
        if !obstacles.is_empty() {
            return Ok(Err(obstacles));
        }
    }
    Err(DbError::Unavailable("the books of a taking change faster than they can be read".to_owned()))
}

/// The compare-and-decrement. The comparison in `where` and the change in `set` are one statement on one row: no other
/// buyer, no deletion and no new price fits between them.
fn decrement(tx: &mut Tx<'_>, line: &AskedLine, currency: Currency) -> Result<Option<Decremented>, DbError> {
    let changed = tx.execute(
        "update book set on_hand = on_hand - $2, taken = taken + $2, version = version + 1 \
         where book_id = $1 and deleted_us is null and on_hand >= $2 and price_minor >= $3 and price_minor <= $4",
        &params![line.book_id.number(), line.quantity, line.price.from_minor, line.price.to_minor],
    )?;
    if changed == 0 {
        return Ok(None);
    }
    // Nobody else changes the row before this transaction ends. SQLite builds a table for `returning`, which costs more
    // than to look the row up again.
    let row = tx.query_one(
        "select book_id, isbn, version, title, price_minor from book where book_id = $1",
        &params![line.book_id.number()],
    )?;
    let price = Money { minor: row.get("price_minor")?, currency };
    let taken = taken_line(line, row.get("title")?, books::isbn(&row)?, price);
    Ok(Some((taken, events::change(&row, BookAspect::Stock)?)))
}

fn undo_decrement(tx: &mut Tx<'_>, line: &TakenLine) -> Result<(), DbError> {
    tx.execute(
        "update book set on_hand = on_hand + $2, taken = taken - $2, version = version - 1 where book_id = $1",
        &params![line.book_id.number(), line.quantity],
    )
    .map(drop)
}

/// Every line that stands in the way now, with the reason why. It is a look, and takes nothing.
pub fn obstacles(tx: &mut Tx<'_>, asked: &Asked, currency: Currency) -> Result<Vec<RefusedLine>, DbError> {
    let mut obstacles = Vec::new();
    for line in &asked.lines {
        let row = tx.query_opt(
            "select title, isbn, price_minor, on_hand, deleted_us from book where book_id = $1",
            &params![line.book_id.number()],
        )?;
        let book = row.map(|row| on_shelf(&row, currency)).transpose()?;
        obstacles.extend(obstacle(line, book.as_ref()));
    }
    Ok(obstacles)
}

pub(super) fn on_shelf(row: &Row, currency: Currency) -> Result<OnShelf, DbError> {
    Ok(OnShelf {
        title: row.get("title")?,
        isbn: books::isbn(row)?,
        price: Money { minor: row.get("price_minor")?, currency },
        on_hand: row.get("on_hand")?,
        gone: row.get::<Option<i64>>("deleted_us")?.is_some(),
    })
}

pub(super) fn record_taken(
    tx: &mut Tx<'_>,
    id: TakingId,
    lines: Vec<Decremented>,
    now: Timestamp,
) -> Result<TakingView, DbError> {
    let (lines, books): (Vec<TakenLine>, Vec<BookChange>) = lines.into_iter().unzip();
    let changes = lines.iter().map(|line| (line.book_id, -line.quantity));
    let entries = ledger::append_taking(tx, id, Kind::Taken, changes, now)?;
    record_lines(tx, id, lines.iter().zip(entries))?;
    events::tell(tx, Subject::Order(id.order), books, now)?;
    metrics::taken(tx, &lines);
    Ok(taken(id, lines))
}

/// Writes lines down, each with its entry in the ledger.
fn record_lines<'l>(
    tx: &mut Tx<'_>,
    id: TakingId,
    lines: impl ExactSizeIterator<Item = (&'l TakenLine, i64)>,
) -> Result<(), DbError> {
    let head = "insert into taking_line (taking_id, book_id, quantity, title, isbn, price_minor, ledger_entry) values";
    let rows = lines.len();
    let mut params = params![id.to_string()].to_vec();
    for (line, entry) in lines {
        let price = Money::price(line.price, line.currency)
            .map_err(|error| DbError::Sql(format!("BUG: the price of a taken line {error}")))?;
        params.extend(params![
            line.book_id.number(),
            line.quantity,
            &line.title,
            line.isbn.map(|isbn| isbn.to_string()),
            price.minor,
            entry,
        ]);
    }
    tx.execute(&rows::insert(head, "($1, #, #, #, #, #, #)", 1, rows), &params).map(drop)
}

pub(super) fn record_refused(
    tx: &mut Tx<'_>,
    id: TakingId,
    obstacles: Vec<RefusedLine>,
) -> Result<TakingView, DbError> {
    let text = serde_json::to_string(&obstacles).map_err(|error| DbError::Sql(format!("BUG: a refusal: {error}")))?;
    tx.execute(
        "update taking set state = 'refused', refused = $2 where taking_id = $1",
        &params![id.to_string(), text],
    )?;
    metrics::refused(tx, &obstacles);
    Ok(refused(id, obstacles))
}

/// Gives the copies of a taking back, once. An unknown taking becomes a tombstone: a take that arrives late finds it.
pub fn give_back(tx: &mut Tx<'_>, id: TakingId, currency: Currency, now: Timestamp) -> Result<Answer, CatalogError> {
    if service_kit::faults::sabotaged("no_tombstone") {
        return give_back_without_tombstone(tx, id, currency, now);
    }
    let buried = tx.execute(
        "insert into taking (taking_id, state, decided_us, given_back_us) values ($1, 'given_back', $2, $2) \
         on conflict do nothing",
        &params![id.to_string(), now.micros()],
    )?;
    if buried == 1 {
        return Ok(Answer { taking: given_back(id, Vec::new()), is_new: true });
    }
    return_copies(tx, id, currency, now)
}

fn give_back_without_tombstone(
    tx: &mut Tx<'_>,
    id: TakingId,
    currency: Currency,
    now: Timestamp,
) -> Result<Answer, CatalogError> {
    match return_copies(tx, id, currency, now) {
        Err(CatalogError::TakingNotFound(_)) => Ok(Answer { taking: given_back(id, Vec::new()), is_new: true }),
        other => other,
    }
}

fn return_copies(tx: &mut Tx<'_>, id: TakingId, currency: Currency, now: Timestamp) -> Result<Answer, CatalogError> {
    // Of two calls at once, one finds `taken`.
    let moved = tx.execute(
        "update taking set state = 'given_back', given_back_us = $2 where taking_id = $1 and state = 'taken'",
        &params![id.to_string(), now.micros()],
    )?;
    let taking = find(tx, id, currency)?;
    if moved == 1 {
        let mut books = Vec::with_capacity(taking.lines.len());
        for line in &taking.lines {
            let row = tx.query_one(
                "update book set on_hand = on_hand + $2, taken = taken - $2, version = version + 1 where book_id = $1 \
                 returning book_id, isbn, version",
                &params![line.book_id.number(), line.quantity],
            )?;
            books.push(events::change(&row, BookAspect::Stock)?);
        }
        let changes = taking.lines.iter().map(|line| (line.book_id, line.quantity));
        ledger::append_taking(tx, id, Kind::GivenBack, changes, now)?;
        events::tell(tx, Subject::Order(id.order), books, now)?;
        metrics::given_back(tx, &taking.lines);
    }
    Ok(Answer { taking, is_new: false })
}

/// What became of a taking.
pub fn find(tx: &mut Tx<'_>, id: TakingId, currency: Currency) -> Result<TakingView, CatalogError> {
    find_with_text(tx, id, currency).map(|(taking, _)| taking)
}

/// A taking, and the text of what it asked for.
fn find_with_text(
    tx: &mut Tx<'_>,
    id: TakingId,
    currency: Currency,
) -> Result<(TakingView, Option<String>), CatalogError> {
    let row =
        tx.query_opt("select state, asked, refused from taking where taking_id = $1", &params![id.to_string()])?;
    let row = row.ok_or(CatalogError::TakingNotFound(id))?;
    let asked = row.get("asked")?;
    let taking = match row.get::<String>("state")?.as_str() {
        "taken" => taken(id, lines(tx, id, currency)?),
        "given_back" => given_back(id, lines(tx, id, currency)?),
        _ => refused(id, obstacles_in(&row)?),
    };
    Ok((taking, asked))
}

fn obstacles_in(row: &Row) -> Result<Vec<RefusedLine>, DbError> {
    let undecodable =
        |error: serde_json::Error| DbError::Decode { column: "refused".into(), problem: error.to_string() };
    serde_json::from_str(&row.get::<String>("refused")?).map_err(undecodable)
}

fn lines(tx: &mut Tx<'_>, id: TakingId, currency: Currency) -> Result<Vec<TakenLine>, DbError> {
    let found = tx.query(
        "select book_id, quantity, title, isbn, price_minor from taking_line where taking_id = $1 order by book_id",
        &params![id.to_string()],
    )?;
    let line = |row: &Row| {
        Ok(TakenLine {
            book_id: books::book_id(row)?,
            quantity: row.get("quantity")?,
            title: row.get("title")?,
            isbn: books::isbn(row)?,
            price: Money { minor: row.get("price_minor")?, currency }.amount(),
            currency,
        })
    };
    found.iter().map(line).collect()
}
