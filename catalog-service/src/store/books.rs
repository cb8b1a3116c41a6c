use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};
use shared_types::{BookId, Currency, Isbn, Money, Timestamp, books::BookView, events::BookAspect};

use super::{events, ledger, rows, search};
use crate::{
    domain::{
        book::{BookChange, NewBook, state},
        text::key,
    },
    error::CatalogError,
};

/// The columns of a [`BookView`].
pub const COLUMNS: &str = "book_id, sku, isbn, title, author, topic, first_year, price_minor, on_hand, warn_limit, \
                           version, created_us, updated_us";

/// Puts a book into the catalog; its copies are received with it.
pub fn create(
    tx: &mut Tx<'_>,
    book: &NewBook,
    actor: &str,
    currency: Currency,
    now: Timestamp,
) -> Result<BookView, CatalogError> {
    let Some(view) = insert(tx, book, currency, now)? else { return Err(conflict(tx, book)?) };
    enter(tx, std::slice::from_ref(&view), actor, now)?;
    events::tell_book(tx, events::content_of(&view), now)?;
    Ok(view)
}

/// What belongs to books that were [`insert`]ed: the copies that came with them in the ledger, and the words by which they are found.
pub fn enter(tx: &mut Tx<'_>, books: &[BookView], actor: &str, now: Timestamp) -> Result<(), DbError> {
    // First: see `search::add`.
    ledger::append_received(tx, books, actor, now)?;
    books.iter().try_for_each(|book| search::add(tx, book))
}

/// A book's row and nothing else: whoever calls this calls [`enter`], too. Where another book's SKU or ISBN is in the way, none is
/// answered and nothing done.
pub fn insert(
    tx: &mut Tx<'_>,
    book: &NewBook,
    currency: Currency,
    now: Timestamp,
) -> Result<Option<BookView>, DbError> {
    let sql = "insert into book (sku, isbn, title, author, topic, title_key, author_key, topic_key, first_year, \
               price_minor, warn_limit, on_hand, received, created_us, updated_us) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $13) \
               on conflict do nothing";
    let (title, topic) = (book.title.as_str(), book.topic.as_str());
    let author = book.author.as_ref().map(|author| author.as_str());
    let params = params![
        book.sku.as_str(),
        book.isbn.map(|isbn| isbn.to_string()),
        title,
        author,
        topic,
        key(title),
        author.map(key),
        key(topic),
        book.first_year,
        book.price.minor,
        book.warn_limit,
        book.stock,
        now.micros(),
    ];
    let numbers = rows::insert_counted(tx, sql, &params, "book_id")?;
    let id = numbers.first().map(|number| numbered(*number)).transpose()?;
    Ok(id.map(|id| fresh_view(book, id, currency, now)))
}

/// A book that was put in just now, as it is shown.
fn fresh_view(book: &NewBook, id: BookId, currency: Currency, now: Timestamp) -> BookView {
    BookView {
        id,
        sku: book.sku.as_str().to_owned(),
        isbn: book.isbn,
        title: book.title.as_str().to_owned(),
        author: book.author.as_ref().map(|author| author.as_str().to_owned()),
        topic: book.topic.as_str().to_owned(),
        first_year: book.first_year,
        price: book.price.amount(),
        currency,
        state: state(book.stock, book.warn_limit),
        on_hand: Some(book.stock),
        warn_limit: Some(book.warn_limit),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// Whose number was in the way.
fn conflict(tx: &mut Tx<'_>, book: &NewBook) -> Result<CatalogError, DbError> {
    let isbn = book.isbn.map(|isbn| isbn.to_string());
    let held =
        |tx: &mut Tx<'_>, sql, text: Option<&str>| Ok::<_, DbError>(tx.query_opt(sql, &params![text])?.is_some());
    if held(tx, "select 1 as held from book where isbn = $1 and deleted_us is null", isbn.as_deref())? {
        Ok(CatalogError::IsbnTaken)
    } else if held(tx, "select 1 as held from book where sku = $1 and deleted_us is null", Some(book.sku.as_str()))? {
        Ok(CatalogError::SkuTaken)
    } else {
        Ok(DbError::Unavailable("the book in the way has left in the meantime".to_owned()).into())
    }
}

/// The book of that number, if it is sold.
pub fn find(tx: &mut Tx<'_>, id: BookId, currency: Currency) -> Result<BookView, CatalogError> {
    let sql = format!("select {COLUMNS} from book where book_id = $1 and deleted_us is null");
    let row = tx.query_opt(&sql, &params![id.number()])?.ok_or(CatalogError::BookNotFound(id))?;
    Ok(view(&row, currency)?)
}

/// Those of the books of these numbers that are sold, in any order.
pub fn find_all(tx: &mut Tx<'_>, ids: &[BookId], currency: Currency) -> Result<Vec<BookView>, DbError> {
    let places = (1..=ids.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    let sql = format!("select {COLUMNS} from book where book_id in ({places}) and deleted_us is null");
    let ids: Vec<Value> = ids.iter().map(|id| Value::from(id.number())).collect();
    tx.query(&sql, &ids)?.iter().map(|row| view(row, currency)).collect()
}

/// The book that is sold under this ISBN.
pub fn find_by_isbn(tx: &mut Tx<'_>, isbn: Isbn, currency: Currency) -> Result<Option<BookView>, DbError> {
    let sql = format!("select {COLUMNS} from book where isbn = $1 and deleted_us is null");
    tx.query_opt(&sql, &params![isbn.to_string()])?.map(|row| view(&row, currency)).transpose()
}

/// The book that is sold under this ISBN, else the one that was sold last.
pub fn last_by_isbn(tx: &mut Tx<'_>, isbn: Isbn, currency: Currency) -> Result<Option<BookView>, DbError> {
    if let Some(sold) = find_by_isbn(tx, isbn, currency)? {
        return Ok(Some(sold));
    }
    let sql =
        format!("select {COLUMNS} from book where isbn = $1 and deleted_us is not null order by book_id desc limit 1");
    tx.query_opt(&sql, &params![isbn.to_string()])?.map(|row| view(&row, currency)).transpose()
}

/// The book that is sold under this SKU.
pub fn find_by_sku(tx: &mut Tx<'_>, sku: &str, currency: Currency) -> Result<Option<BookView>, DbError> {
    let sql = format!("select {COLUMNS} from book where sku = $1 and deleted_us is null");
    tx.query_opt(&sql, &params![sku])?.map(|row| view(&row, currency)).transpose()
}

/// Changes the fields that are there, if the book is still at `expected` (where that is given).
pub fn change(
    tx: &mut Tx<'_>,
    id: BookId,
    change: &BookChange,
    expected: Option<i64>,
    currency: Currency,
    now: Timestamp,
) -> Result<BookView, CatalogError> {
    if change.is_empty() {
        let book = find(tx, id, currency)?;
        let stale = expected.is_some_and(|version| version != book.version);
        return if stale { Err(CatalogError::VersionMismatch(book.version)) } else { Ok(book) };
    }
    let book = overwrite(tx, id, change, expected, currency, now)?;
    events::tell_book(tx, events::content_of(&book), now)?;
    Ok(book)
}

/// As [`change`] where there is something to change, telling nobody.
pub fn overwrite(
    tx: &mut Tx<'_>,
    id: BookId,
    change: &BookChange,
    expected: Option<i64>,
    currency: Currency,
    now: Timestamp,
) -> Result<BookView, CatalogError> {
    let sql = format!(
        "update book set sku = coalesce($2, sku), isbn = coalesce($3, isbn), title = coalesce($4, title), \
         title_key = coalesce($5, title_key), author = coalesce($6, author), author_key = coalesce($7, author_key), \
         topic = coalesce($8, topic), topic_key = coalesce($9, topic_key), first_year = coalesce($10, first_year), \
         price_minor = coalesce($11, price_minor), warn_limit = coalesce($12, warn_limit), version = version + 1, \
         updated_us = $13 where book_id = $1 and deleted_us is null and version = coalesce($14, version) \
         returning {COLUMNS}"
    );
    let title = change.title.as_ref().map(|title| title.as_str());
    let author = change.author.as_ref().map(|author| author.as_str());
    let topic = change.topic.as_ref().map(|topic| topic.as_str());
    let params = params![
        id.number(),
        change.sku.as_ref().map(|sku| sku.as_str()),
        change.isbn.map(|isbn| isbn.to_string()),
        title,
        title.map(key),
        author,
        author.map(key),
        topic,
        topic.map(key),
        change.first_year,
        change.price.map(|price: Money| price.minor),
        change.warn_limit,
        now.micros(),
        expected,
    ];
    let Some(row) = tx.query_opt(&sql, &params).map_err(number_in_the_way)? else { return Err(unmoved(tx, id)?) };
    let book = view(&row, currency)?;
    if title.or(author).or(topic).is_some() {
        search::index(tx, &book)?;
    }
    Ok(book)
}

fn number_in_the_way(error: DbError) -> CatalogError {
    if error.is_constraint("book_sku_key") {
        CatalogError::SkuTaken
    } else if error.is_constraint("book_isbn_key") {
        CatalogError::IsbnTaken
    } else {
        error.into()
    }
}

/// Withdraws a book from sale. Its row stays, and so do the copies that were taken before.
pub fn withdraw(tx: &mut Tx<'_>, id: BookId, expected: Option<i64>, now: Timestamp) -> Result<(), CatalogError> {
    let row = tx.query_opt(
        "update book set deleted_us = $2, version = version + 1 \
         where book_id = $1 and deleted_us is null and version = coalesce($3, version) \
         returning book_id, isbn, version",
        &params![id.number(), now.micros(), expected],
    )?;
    let Some(row) = row else { return Err(unmoved(tx, id)?) };
    search::remove(tx, id)?;
    Ok(events::tell_book(tx, events::change(&row, BookAspect::Gone)?, now)?)
}

/// Why an update with a version found nothing.
fn unmoved(tx: &mut Tx<'_>, id: BookId) -> Result<CatalogError, DbError> {
    let sql = "select version from book where book_id = $1 and deleted_us is null";
    match tx.query_opt(sql, &params![id.number()])? {
        Some(row) => Ok(CatalogError::VersionMismatch(row.get("version")?)),
        None => Ok(CatalogError::BookNotFound(id)),
    }
}

/// Whether there ever was a book of that number: the ledger of a withdrawn one can still be read.
pub fn ever_existed(tx: &mut Tx<'_>, id: BookId) -> Result<bool, DbError> {
    Ok(tx.query_opt("select 1 as held from book where book_id = $1", &params![id.number()])?.is_some())
}

/// A row of [`COLUMNS`] as the book it is.
pub fn view(row: &Row, currency: Currency) -> Result<BookView, DbError> {
    let (on_hand, warn_limit) = (row.get("on_hand")?, row.get("warn_limit")?);
    Ok(BookView {
        id: book_id(row)?,
        sku: row.get("sku")?,
        isbn: isbn(row)?,
        title: row.get("title")?,
        author: row.get("author")?,
        topic: row.get("topic")?,
        first_year: row.get("first_year")?,
        price: Money { minor: row.get("price_minor")?, currency }.amount(),
        currency,
        state: state(on_hand, warn_limit),
        on_hand: Some(on_hand),
        warn_limit: Some(warn_limit),
        version: row.get("version")?,
        created_at: Timestamp::from_micros(row.get("created_us")?),
        updated_at: Timestamp::from_micros(row.get("updated_us")?),
    })
}

/// The column `book_id`.
pub fn book_id(row: &Row) -> Result<BookId, DbError> {
    numbered(row.get("book_id")?)
}

fn numbered(number: i64) -> Result<BookId, DbError> {
    let problem = || DbError::Decode { column: "book_id".to_owned(), problem: "is below 1".to_owned() };
    BookId::new(number).ok_or_else(problem)
}

/// The column `isbn`.
pub fn isbn(row: &Row) -> Result<Option<Isbn>, DbError> {
    let parse = |text: String| {
        let problem = |error| DbError::Decode { column: "isbn".to_owned(), problem: format!("{error}") };
        text.parse().map_err(|error: shared_types::IsbnError| problem(error))
    };
    row.get::<Option<String>>("isbn")?.map(parse).transpose()
}
