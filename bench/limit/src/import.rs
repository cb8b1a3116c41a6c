use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    time::Instant,
};

use rusqlite::{Connection, Result};
use serde::Serialize;

use crate::{
    chain::dutiful::{SETTINGS, outbox, wire::Event},
    duty,
    wire::now,
    writer,
};

/// Rows in a commit, as the shop's import sends them.
const BATCH_ROWS: usize = 1_000;
/// Books in one event.
const EVENT_BOOKS: usize = 100;
/// How often it is said how fast it goes.
const SAID_ROWS: usize = 100_000;
/// Whom the events are for.
const GATEWAY: i64 = 1;
const ACTOR: &str = "api_key:operator";

/// A line of the file: `isbn,title,author,topic,first_year,price,stock`, none of them with a comma in it.
struct Row<'a> {
    isbn: &'a str,
    title: &'a str,
    author: &'a str,
    topic: &'a str,
    first_year: i64,
    price_minor: i64,
    stock: i64,
}

#[derive(Serialize)]
struct BooksChanged<'a> {
    books: &'a [BookChange],
}

/// A book that is new.
#[derive(Serialize)]
struct BookChange {
    book_id: i64,
    isbn: String,
    version: i64,
    what: &'static str,
}

/// What became of a row.
#[derive(Serialize)]
struct Outcome {
    line: usize,
    outcome: &'static str,
    errors: [(); 0],
}

#[derive(Serialize)]
struct Kept<'a> {
    done: &'a [Outcome],
}

/// Imports a file of new books into a catalog that the shop has made: the rows that the shop writes, on one thread, without
/// HTTP. A commit is on disk before the next one begins.
pub fn run(database: &Path, file: &Path) -> std::io::Result<()> {
    let connection = writer::connection(database).map_err(std::io::Error::other)?;
    connection.execute_batch(SETTINGS).map_err(std::io::Error::other)?;
    let (began, mut since, mut done, mut told) = (Instant::now(), Instant::now(), 0, 0);
    let mut lines = BufReader::new(File::open(file)?).lines().skip(1);
    loop {
        let batch: Vec<String> = lines.by_ref().take(BATCH_ROWS).collect::<std::io::Result<_>>()?;
        if batch.is_empty() {
            break;
        }
        told = commit(&connection, &batch, done, told).map_err(std::io::Error::other)?;
        done += batch.len();
        if done % SAID_ROWS == 0 {
            println!("{done} rows: {:.0} rows/s", SAID_ROWS as f64 / since.elapsed().as_secs_f64());
            since = Instant::now();
        }
    }
    println!("imported {done} rows at {:.0} rows/s", done as f64 / began.elapsed().as_secs_f64());
    Ok(())
}

/// Writes a batch, behind the first `done` rows. The gateway has been told of all events up to `told` meanwhile, which go.
/// Answers which was written last.
fn commit(connection: &Connection, batch: &[String], done: usize, told: i64) -> Result<i64> {
    connection.prepare_cached("begin immediate")?.execute([])?;
    let at = now();
    let mut books = Vec::with_capacity(batch.len());
    let mut outcomes = Vec::with_capacity(batch.len());
    for (line, number) in batch.iter().zip(done + 2..) {
        let book = row(line).map(|row| insert(connection, &row, at)).transpose()?.flatten();
        let outcome = if book.is_some() { "created" } else { "rejected" };
        outcomes.push(Outcome { line: number, outcome, errors: [] });
        books.extend(book);
    }
    for some in books.chunks(EVENT_BOOKS) {
        let id = format!("{}.1", some[0].book_id);
        let subject = format!("import/{id}");
        let changed = BooksChanged { books: some };
        let event = Event::new("lastcopy/catalog", "lastcopy.book.changed", id, subject, at, &changed);
        outbox::append(connection, &event, at)?;
    }
    keep_answer(connection, &outcomes, at)?;
    outbox::acknowledge(connection, GATEWAY, 1, told)?;
    let last = connection
        .prepare_cached("select max(position) from outbox_delivery where subscriber_id = ?")?
        .query_row([GATEWAY], |row| row.get::<_, Option<i64>>(0))?;
    connection.prepare_cached("commit")?.execute([])?;
    Ok(last.unwrap_or(told))
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.split(',');
    let mut next = || cells.next();
    let (isbn, title, author, topic) = (next()?, next()?, next()?, next()?);
    let (first_year, price, stock) = (next()?.parse().ok()?, next()?, next()?.parse().ok()?);
    let price_minor = price.replace('.', "").parse().ok()?;
    Some(Row { isbn, title, author, topic, first_year, price_minor, stock })
}

/// A book, the copies that came with it, and the words by which it is found. None: one of that number is there.
fn insert(connection: &Connection, row: &Row<'_>, at: i64) -> Result<Option<BookChange>> {
    let [title, author, topic] = [row.title, row.author, row.topic].map(str::to_lowercase);
    let inserted = connection
        .prepare_cached(
            "insert into book (sku, isbn, title, author, topic, title_key, author_key, topic_key, first_year, price_minor, \
                               warn_limit, on_hand, received, created_us, updated_us) \
             values (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?10, ?11, ?11) on conflict do nothing",
        )?
        .execute((
            row.isbn,
            row.title,
            row.author,
            row.topic,
            &title,
            &author,
            &topic,
            row.first_year,
            row.price_minor,
            row.stock,
            at,
        ))?;
    if inserted == 0 {
        return Ok(None);
    }
    let book_id = connection.last_insert_rowid();
    connection
        .prepare_cached(
            "insert into stock_ledger (book_id, kind, delta, reason, actor, at_us) \
             values (?, 'received', ?, 'received with the book', ?, ?)",
        )?
        .execute((book_id, row.stock, ACTOR, at))?;
    // Titles of the file have words and spaces only: in lower case they are what is looked for.
    connection
        .prepare_cached("insert into book_search (rowid, title, author, topic) values (?, ?, ?, ?)")?
        .execute((book_id, &title, &author, &topic))?;
    connection
        .prepare_cached("insert into book_author (rowid, author_hex) values (?, hex(?))")?
        .execute((book_id, author))?;
    Ok(Some(BookChange { book_id, isbn: row.isbn.to_owned(), version: 1, what: "content" }))
}

/// A batch that is sent again is answered as before.
fn keep_answer(connection: &Connection, outcomes: &[Outcome], at: i64) -> Result<()> {
    let answer = serde_json::to_string(&Kept { done: outcomes }).unwrap_or_default();
    connection
        .prepare_cached(
            "insert into answered_request (principal, route, key, fingerprint, answer, answered_us) \
             values (?, 'POST /imports', ?, zeroblob(32), ?, ?)",
        )?
        .execute((ACTOR, duty::fresh_id(), answer, at))?;
    Ok(())
}
