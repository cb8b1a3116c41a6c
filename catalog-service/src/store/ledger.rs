use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};
use shared_types::{
    BookId, TakingId, Timestamp,
    books::{BookView, LedgerEntryView},
};

use super::rows;

/// Why the copies of a book became more or fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Received,
    Adjusted,
    Taken,
    GivenBack,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Received => "received",
            Kind::Adjusted => "adjusted",
            Kind::Taken => "taken",
            Kind::GivenBack => "given_back",
        }
    }
}

/// Entries in one statement, where there are many.
const ROWS_TOGETHER: usize = 100;

/// Why a new book has copies.
const RECEIVED_WITH_BOOK: &str = "received with the book";

/// Appends one change by hand, made by `actor`.
pub fn append(
    tx: &mut Tx<'_>,
    book_id: BookId,
    kind: Kind,
    delta: i64,
    reason: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "insert into stock_ledger (book_id, kind, delta, reason, actor, at_us) values ($1, $2, $3, $4, $5, $6)",
        &params![book_id.number(), kind.name(), delta, reason, actor, now.micros()],
    )
    .map(drop)
}

/// Appends the copies that came with these new books.
pub fn append_received(tx: &mut Tx<'_>, books: &[BookView], actor: &str, now: Timestamp) -> Result<(), DbError> {
    let copies = |book: &BookView| book.on_hand.filter(|copies| *copies > 0).map(|copies| (book.id, copies));
    let received: Vec<(BookId, i64)> = books.iter().filter_map(copies).collect();
    // All but the last few are in statements of one text, which is prepared once.
    let (many, few) = received.as_chunks::<ROWS_TOGETHER>();
    many.iter().map(<[_; _]>::as_slice).chain(few.chunks(1)).try_for_each(|some| {
        let head = params![Kind::Received.name(), RECEIVED_WITH_BOOK, actor, Value::Null, now.micros()];
        append_together(tx, head, some.iter().copied()).map(drop)
    })
}

/// Appends what a taking did to its books: `changes` are books and differences. Answers the numbers of the entries.
pub fn append_taking(
    tx: &mut Tx<'_>,
    taking_id: TakingId,
    kind: Kind,
    changes: impl Iterator<Item = (BookId, i64)>,
    now: Timestamp,
) -> Result<Vec<i64>, DbError> {
    let reason = match kind {
        Kind::GivenBack => "given back by its order",
        Kind::Received | Kind::Adjusted | Kind::Taken => "taken for an order",
    };
    let actor = format!("order {}", taking_id.order);
    append_together(tx, params![kind.name(), reason, actor, taking_id.to_string(), now.micros()], changes)
}

/// Appends entries of one kind, reason, actor, taking and moment in one statement; their numbers.
fn append_together(
    tx: &mut Tx<'_>,
    head: [Value; 5],
    changes: impl Iterator<Item = (BookId, i64)>,
) -> Result<Vec<i64>, DbError> {
    let sql = "insert into stock_ledger (kind, reason, actor, taking_id, at_us, book_id, delta) values";
    let (shared, mut params) = (head.len(), head.to_vec());
    params.extend(changes.flat_map(|(book_id, delta)| params![book_id.number(), delta]));
    let rows = (params.len() - shared) / 2;
    rows::insert_counted(tx, &rows::insert(sql, "($1, $2, $3, $4, $5, #, #)", shared, rows), &params, "entry")
}

/// A book's ledger, latest entry first, before the entry of that number.
pub fn page(tx: &mut Tx<'_>, book_id: BookId, before: i64, rows: i64) -> Result<Vec<LedgerEntryView>, DbError> {
    let found = tx.query(PAGE, &params![book_id.number(), before, rows])?;
    found.iter().map(|row| entry(book_id, row)).collect()
}

pub(super) const PAGE: &str = "select entry, kind, delta, reason, actor, taking_id, at_us from stock_ledger \
     where book_id = $1 and entry < $2 order by entry desc limit $3";

fn entry(book_id: BookId, row: &Row) -> Result<LedgerEntryView, DbError> {
    Ok(LedgerEntryView {
        entry: row.get("entry")?,
        book_id,
        kind: row.get("kind")?,
        delta: row.get("delta")?,
        reason: row.get("reason")?,
        actor: row.get("actor")?,
        taking_id: row.get("taking_id")?,
        at: Timestamp::from_micros(row.get("at_us")?),
    })
}
