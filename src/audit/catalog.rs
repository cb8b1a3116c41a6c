use std::collections::BTreeMap;

use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};

use super::placeholders;

/// The copies of a book by every account that is kept of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copies {
    pub book_id: i64,
    pub on_hand: i64,
    pub received: i64,
    pub adjusted: i64,
    pub taken: i64,
    /// By the ledger.
    pub ledger_received: i64,
    pub ledger_adjusted: i64,
    pub ledger_taken: i64,
    /// By the lines of takings that were not given back.
    pub held: i64,
}

/// Books with a number above `after`, in order.
pub(super) fn copies(tx: &mut Tx<'_>, after: i64, rows: i64) -> Result<Vec<Copies>, DbError> {
    let books = tx.query(
        "select book_id, on_hand, received, adjusted, taken from book where book_id > $1 order by book_id limit $2",
        &params![after, rows],
    )?;
    let (Some(first), Some(last)) = (books.first(), books.last()) else { return Ok(Vec::new()) };
    let entries = entries(tx, first.get("book_id")?, last.get("book_id")?)?;
    let read = |row: &Row| {
        let book_id = row.get("book_id")?;
        let entries = entries.get(&book_id).copied().unwrap_or_default();
        Ok(Copies {
            book_id,
            on_hand: row.get("on_hand")?,
            received: row.get("received")?,
            adjusted: row.get("adjusted")?,
            taken: row.get("taken")?,
            ledger_received: entries.received,
            ledger_adjusted: entries.adjusted,
            ledger_taken: entries.taken,
            held: entries.held,
        })
    };
    books.iter().map(read).collect()
}

/// The sums of a book's ledger.
#[derive(Debug, Clone, Copy, Default)]
struct Entries {
    received: i64,
    adjusted: i64,
    taken: i64,
    /// Copies of takings that were not given back, of each line by the one entry that it names.
    held: i64,
}

/// By book, for books with entries.
fn entries(tx: &mut Tx<'_>, first: i64, last: i64) -> Result<BTreeMap<i64, Entries>, DbError> {
    let sum = |copies: &str, condition: &str, name: &str| {
        format!("cast(coalesce(sum(case when {condition} then {copies} end), 0) as bigint) as {name}")
    };
    let held = "e.kind = 'taken' and t.state = 'taken' and coalesce(l.ledger_entry, e.entry) = e.entry";
    let found = tx.query(
        &format!(
            "select e.book_id, {}, {}, {}, {} from stock_ledger e \
               left join taking t on t.taking_id = e.taking_id \
               left join taking_line l on l.taking_id = e.taking_id and l.book_id = e.book_id \
              where e.book_id between $1 and $2 group by e.book_id",
            sum("e.delta", "e.kind = 'received'", "received"),
            sum("e.delta", "e.kind = 'adjusted'", "adjusted"),
            sum("-e.delta", "e.kind in ('taken', 'given_back')", "taken"),
            sum("l.quantity", held, "held"),
        ),
        &params![first, last],
    )?;
    let read = |row: &Row| {
        let entries = Entries {
            received: row.get("received")?,
            adjusted: row.get("adjusted")?,
            taken: row.get("taken")?,
            held: row.get("held")?,
        };
        Ok((row.get("book_id")?, entries))
    };
    found.iter().map(read).collect()
}

/// A line of a taking that holds copies, and no entry of the ledger says that they were taken for it: [`copies`] does not see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unentered {
    pub taking_id: String,
    pub book_id: i64,
    pub quantity: i64,
}

/// Among the takings from `first` to `last`.
pub(super) fn unentered(tx: &mut Tx<'_>, first: &str, last: &str) -> Result<Vec<Unentered>, DbError> {
    let its = "e.taking_id = l.taking_id and e.book_id = l.book_id and e.kind = 'taken' and e.delta = -l.quantity";
    let found = tx.query(
        &format!(
            "select l.taking_id, l.book_id, l.quantity from taking t \
               join taking_line l on l.taking_id = t.taking_id \
              where t.taking_id between $1 and $2 and t.state = 'taken' \
                and not exists (select 1 from stock_ledger e where e.entry = l.ledger_entry and {its}) \
                and (l.ledger_entry is not null \
                     or not exists (select 1 from stock_ledger e where {its})) \
              order by l.taking_id, l.book_id"
        ),
        &params![first, last],
    )?;
    let read = |row: &Row| {
        Ok(Unentered { taking_id: row.get("taking_id")?, book_id: row.get("book_id")?, quantity: row.get("quantity")? })
    };
    found.iter().map(read).collect()
}

/// Copies of one book at one price, as an order or a taking has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub book_id: i64,
    pub quantity: i64,
    /// None in an order whose copies were never taken.
    pub price_minor: Option<i64>,
}

/// A taking that holds copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taking {
    pub taking_id: String,
    /// In book order.
    pub lines: Vec<Line>,
}

/// Those of these takings that hold copies.
pub(super) fn held(tx: &mut Tx<'_>, taking_ids: &[String]) -> Result<Vec<Taking>, DbError> {
    if taking_ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Value> = taking_ids.iter().map(Value::from).collect();
    let rows = tx.query(
        &format!(
            "select t.taking_id, tl.book_id, tl.quantity, tl.price_minor \
               from taking t left join taking_line tl on tl.taking_id = t.taking_id \
              where t.state = 'taken' and t.taking_id in ({}) order by t.taking_id, tl.book_id",
            placeholders(ids.len())
        ),
        &ids,
    )?;
    let mut takings: Vec<Taking> = Vec::new();
    for row in &rows {
        let taking_id: String = row.get("taking_id")?;
        if takings.last().is_none_or(|last| last.taking_id != taking_id) {
            takings.push(Taking { taking_id, lines: Vec::new() });
        }
        // A taking without lines holds nothing: its one row has no book.
        if let (Some(taking), Some(book_id)) = (takings.last_mut(), row.get("book_id")?) {
            let (quantity, price_minor) = (row.get("quantity")?, row.get("price_minor")?);
            taking.lines.push(Line { book_id, quantity, price_minor });
        }
    }
    Ok(takings)
}

/// Ids of takings that hold copies.
pub(super) fn held_ids(tx: &mut Tx<'_>, after: &str, rows: i64) -> Result<Vec<String>, DbError> {
    let found = tx.query(
        "select taking_id from taking where state = 'taken' and taking_id > $1 order by taking_id limit $2",
        &params![after, rows],
    )?;
    found.iter().map(|row| row.get("taking_id")).collect()
}
