use service_kit::{
    db::{DbError, Engine, Row, Tx, Value},
    params,
};
use shared_types::{
    Currency,
    books::{BookState, BookView, TopicView},
};

use super::{
    books::{COLUMNS, view},
    ranking, search,
};
use crate::domain::listing::{Filter, Key, Listing, Order, Position};

/// One page of books, and the position of its last row where more follow.
pub fn page(
    tx: &mut Tx<'_>,
    listing: &Listing,
    currency: Currency,
) -> Result<(Vec<BookView>, Option<Position>), DbError> {
    if listing.filter.search.as_ref().is_some_and(|search| search.words.is_empty()) {
        return Ok((Vec::new(), None));
    }
    match &listing.filter.search {
        Some(search) if tx.engine() == Engine::Sqlite && listing.order == Order::Rank && listing.offset.is_none() => {
            let (after, rows) = (listing.after.as_ref(), listing.rows + 1);
            let found = ranking::rows(tx, search, &listing.filter, after, rows)?;
            let at = |(rank, row): &(i64, Row)| Ok(Position { key: Key::Number(*rank), book_id: row.get("book_id")? });
            cut(found, listing, at, |(_, row)| view(row, currency))
        }
        Some(_) | None => {
            let (sql, params) = select(tx.engine(), listing);
            cut(tx.query(&sql, &params)?, listing, |row| position(row, listing.order), |row| view(row, currency))
        }
    }
}

/// The rows of the page, without the one that was read beyond it.
fn cut<R>(
    mut found: Vec<R>,
    listing: &Listing,
    position: impl Fn(&R) -> Result<Position, DbError>,
    view: impl Fn(&R) -> Result<BookView, DbError>,
) -> Result<(Vec<BookView>, Option<Position>), DbError> {
    let rows = usize::try_from(listing.rows).unwrap_or(usize::MAX);
    let more = found.len() > rows;
    found.truncate(rows);
    let last = found.last().filter(|_| more).map(position).transpose()?;
    Ok((found.iter().map(view).collect::<Result<_, _>>()?, last))
}

fn position(row: &Row, order: Order) -> Result<Position, DbError> {
    let key = match order {
        Order::Title | Order::TitleDown => Key::Text(row.get("sort_key")?),
        Order::Rank | Order::Id | Order::IdDown | Order::Price | Order::PriceDown => Key::Number(row.get("sort_key")?),
    };
    Ok(Position { key, book_id: row.get("book_id")? })
}

/// The statement of a listing. It reads one row more than the page has: whether there is a next page.
pub(super) fn select(engine: Engine, listing: &Listing) -> (String, Vec<Value>) {
    let mut params = Vec::new();
    let mut from = books(engine, &listing.filter, &mut params);
    let mut sort_key = match listing.order {
        Order::Rank | Order::Id | Order::IdDown => "book_id",
        Order::Title | Order::TitleDown => "title_key",
        Order::Price | Order::PriceDown => "price_minor",
    }
    .to_owned();
    if let Some(search) = &listing.filter.search {
        let (hits, bound) = search::hits(engine, &search.words);
        params.extend(bound);
        from = format!("book join {hits} as hit using (book_id)");
        if listing.order == Order::Rank {
            sort_key = format!("case when title_key = {} then 0 else field end", bind(&mut params, &search.title_key));
        }
    }
    let mut conditions = conditions(&listing.filter, &mut params);
    let (comparison, direction) = if listing.order.is_down() { ("<", "desc") } else { (">", "asc") };
    if let Some(Position { key, book_id }) = &listing.after {
        let key = match key {
            _ if sort_key == "book_id" => None,
            Key::Number(number) => Some(bind(&mut params, *number)),
            Key::Text(text) => Some(bind(&mut params, text)),
        };
        let book_id = bind(&mut params, *book_id);
        conditions.push_str(&match key {
            Some(key) => format!(" and ({sort_key}, book_id) {comparison} ({key}, {book_id})"),
            None => format!(" and book_id {comparison} {book_id}"),
        });
    }
    let rows = bind(&mut params, listing.rows + 1);
    let offset = listing.offset.map_or_else(String::new, |rows| format!(" offset {}", bind(&mut params, rows)));
    let by = match sort_key.as_str() {
        "book_id" => format!("book_id {direction}"),
        other => format!("{other} {direction}, book_id {direction}"),
    };
    let sql = format!(
        "select {COLUMNS}, {sort_key} as sort_key from {from} where {conditions} \
         order by {by} limit {rows}{offset}"
    );
    (sql, params)
}

/// Where the books of a filter are read, besides a search: its author's, where SQLite is to find them.
fn books(engine: Engine, filter: &Filter, params: &mut Vec<Value>) -> String {
    match (engine, &filter.author_key, &filter.search) {
        (Engine::Sqlite, Some(author), None) => {
            format!("{} as of_author cross join book using (book_id)", search::by_author(&bind(params, author)))
        }
        _ => "book".to_owned(),
    }
}

/// How many books a filter lets through.
pub fn count(tx: &mut Tx<'_>, filter: &Filter) -> Result<i64, DbError> {
    let mut params = Vec::new();
    let mut from = books(tx.engine(), filter, &mut params);
    if let Some(search) = &filter.search {
        if search.words.is_empty() {
            return Ok(0);
        }
        let (hits, bound) = search::hits(tx.engine(), &search.words);
        params.extend(bound);
        from = format!("book join {hits} as hit using (book_id)");
    }
    let conditions = conditions(filter, &mut params);
    tx.query_one(&format!("select count(*) as books from {from} where {conditions}"), &params)?.get("books")
}

/// What the filter asks of a book, besides the search.
pub(super) fn conditions(filter: &Filter, params: &mut Vec<Value>) -> String {
    let mut conditions = "deleted_us is null".to_owned();
    let equal = [
        ("topic_key", &filter.topic_key),
        ("author_key", &filter.author_key),
        ("isbn", &filter.isbn),
        ("sku", &filter.sku),
    ];
    for (column, wanted) in equal {
        if let Some(wanted) = wanted {
            conditions.push_str(&format!(" and {column} = {}", bind(params, wanted)));
        }
    }
    conditions.push_str(match filter.state {
        None => "",
        Some(BookState::OutOfStock) => " and on_hand = 0",
        Some(BookState::FewRemaining) => " and on_hand > 0 and on_hand <= warn_limit",
        Some(BookState::Available) => " and on_hand > 0 and on_hand > warn_limit",
    });
    conditions
}

/// The placeholder of a value that was added.
fn bind(params: &mut Vec<Value>, value: impl Into<Value>) -> String {
    params.push(value.into());
    format!("${}", params.len())
}

/// Topics of books that are sold, in the order of their keys, after the one with that key.
pub fn topics(tx: &mut Tx<'_>, after: Option<&str>, rows: i64) -> Result<Vec<TopicView>, DbError> {
    let found = tx.query(TOPICS, &params![after.unwrap_or_default(), rows])?;
    found.iter().map(|row| Ok(TopicView { topic: row.get("topic")?, books: row.get("books")? })).collect()
}

pub(super) const TOPICS: &str = "select min(topic) as topic, count(*) as books from book \
     where deleted_us is null and topic_key > $1 group by topic_key order by topic_key limit $2";
