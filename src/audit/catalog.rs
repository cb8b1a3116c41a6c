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

pub(super) fn copies(tx: &mut Tx<'_>, after: i64, rows: i64) -> Result<Vec<Copies>, DbError> {
    let found = tx.query(
        "select b.book_id, b.on_hand, b.received, b.adjusted, b.taken, \
                (select cast(coalesce(sum(l.delta), 0) as bigint) from stock_ledger l \
                  where l.book_id = b.book_id and l.kind = 'received') as ledger_received, \
                (select cast(coalesce(sum(l.delta), 0) as bigint) from stock_ledger l \
                  where l.book_id = b.book_id and l.kind = 'adjusted') as ledger_adjusted, \
                (select cast(coalesce(-sum(l.delta), 0) as bigint) from stock_ledger l \
                  where l.book_id = b.book_id and l.kind in ('taken', 'given_back')) as ledger_taken, \
                (select cast(coalesce(sum(tl.quantity), 0) as bigint) \
                   from taking_line tl join taking t on t.taking_id = tl.taking_id \
                  where tl.book_id = b.book_id and t.state = 'taken') as held \
           from book b where b.book_id > $1 order by b.book_id limit $2",
        &params![after, rows],
    )?;
    let read = |row: &Row| {
        Ok(Copies {
            book_id: row.get("book_id")?,
            on_hand: row.get("on_hand")?,
            received: row.get("received")?,
            adjusted: row.get("adjusted")?,
            taken: row.get("taken")?,
            ledger_received: row.get("ledger_received")?,
            ledger_adjusted: row.get("ledger_adjusted")?,
            ledger_taken: row.get("ledger_taken")?,
            held: row.get("held")?,
        })
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
