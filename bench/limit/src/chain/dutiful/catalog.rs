use std::{net::SocketAddr, path::Path};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::Server, web};
use rusqlite::{Connection, Result};
use serde::Serialize;

use super::{
    CATALOG, ORDER, SETTINGS, outbox,
    relay::Relay,
    wire::{Event, Taken, TakenLine, Taking, TakingLine},
};
use crate::{
    duty::{self, Callers, Duty},
    wire::{COPIES, now},
    writer::Writer,
};

const TABLES: &str = include_str!("catalog.sql");

/// What of a book changed.
#[derive(Serialize)]
struct BookChange {
    book_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    isbn: Option<String>,
    version: i64,
    what: &'static str,
}

#[derive(Serialize)]
struct BooksChanged {
    books: Vec<BookChange>,
}

/// A line of the log for each taking of a request: it belongs to a request of its own.
#[derive(Serialize)]
struct Decided<'a> {
    timestamp: String,
    level: &'static str,
    message: &'static str,
    taking_id: &'a str,
    status: u16,
    target: &'static str,
    request_id: &'a str,
}

/// Takes the copies of several orders (`/takings`).
pub fn server(file: &Path, books: i64) -> std::io::Result<(SocketAddr, Server, Relay)> {
    let tables = format!("{SETTINGS} {} {TABLES} {}", outbox::TABLES, stock(books));
    let writer = Writer::open(file, &tables).map_err(std::io::Error::other)?;
    let relay = Relay::of(file, &writer, CATALOG).map_err(std::io::Error::other)?;
    let (bell, callers) = (relay.bell(), Callers::with_tokens_of(&[ORDER]));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(writer.clone()))
            .app_data(web::Data::from(bell.clone()))
            .app_data(web::Data::new(callers.clone()))
            .app_data(web::JsonConfig::default().limit(1024 * 1024))
            .route("/takings", web::post().to(several))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    Ok((server.addrs()[0], server.run(), relay))
}

/// Books with texts of the length that the shop's have in its runs, and all copies that a run may sell.
fn stock(books: i64) -> String {
    format!(
        "insert into book (sku, isbn, title, author, topic, title_key, author_key, topic_key, first_year, price_minor, \
                           warn_limit, on_hand, received, created_us, updated_us) \
         with recursive n (i) as (select 1 union all select i + 1 from n where i < {books}) \
         select printf('%013d', i), printf('%013d', i), printf('Title of book %07d', i), 'Author Surname', 'western', \
                printf('title of book %07d', i), 'author surname', 'western', 2020, 1000, 0, {COPIES}, {COPIES}, 0, 0 from n;"
    )
}

async fn several(
    request: HttpRequest,
    body: web::Json<Vec<Taking>>,
    writer: web::Data<Writer>,
    bell: web::Data<tokio::sync::Notify>,
    callers: web::Data<Callers>,
) -> HttpResponse {
    let duty = Duty::of(&request);
    if callers.by_token(&request).is_none() {
        return duty.done(HttpResponse::Unauthorized().finish());
    }
    let takings = body.into_inner();
    let take_all = move |connection: &Connection| {
        let taken = takings.iter().map(|taking| take(connection, taking)).collect::<Result<Vec<Taken>>>()?;
        Ok((takings, taken))
    };
    let (takings, taken) = writer.write(take_all).await;
    bell.notify_one();
    takings.iter().zip(&taken).for_each(|(taking, taken)| log(taking, taken));
    duty.done(HttpResponse::Ok().json(taken))
}

fn log(taking: &Taking, taken: &Taken) {
    duty::log(&Decided {
        timestamp: duty::text(now()),
        level: "INFO",
        message: "decided among others",
        taking_id: &taking.taking_id,
        status: if taken.lines.is_empty() { 409 } else { 201 },
        target: "limit::catalog",
        request_id: &taking.request_id,
    });
}

/// All lines, or none. A taking that comes again is answered as the first one was.
fn take(connection: &Connection, taking: &Taking) -> Result<Taken> {
    let (id, at) = (&taking.taking_id, now());
    let asked = asked(&taking.lines);
    let is_new = connection
        .prepare_cached(
            "insert into taking (taking_id, state, asked, decided_us) values (?, 'taken', ?, ?) on conflict do nothing",
        )?
        .execute((id, asked, at))?;
    if is_new == 0 {
        return Ok(Taken { taking_id: id.clone(), lines: lines_of(connection, id)? });
    }
    let mut lines = Vec::with_capacity(taking.lines.len());
    let mut books = Vec::with_capacity(taking.lines.len());
    for line in &taking.lines {
        let Some((taken, change)) = decrement(connection, line)? else { return refuse(connection, id, &lines) };
        lines.push(taken);
        books.push(change);
    }
    let order = id.split(':').next().unwrap_or_default();
    for line in &lines {
        record(connection, id, order, line, at)?;
    }
    if let Some(BookChange { book_id, version, .. }) = books.first() {
        let (event_id, subject) = (format!("{book_id}.{version}"), format!("order/{order}"));
        let changed = BooksChanged { books };
        let event = Event::new("lastcopy/catalog", "lastcopy.book.changed", event_id, subject, at, &changed);
        outbox::append(connection, &event, at)?;
    }
    Ok(Taken { taking_id: id.clone(), lines })
}

/// The compare-and-decrement, and what was in force in it.
fn decrement(connection: &Connection, line: &TakingLine) -> Result<Option<(TakenLine, BookChange)>> {
    let (from, to) = prices(line);
    let changed = connection
        .prepare_cached(
            "update book set on_hand = on_hand - ?2, taken = taken + ?2, version = version + 1 \
             where book_id = ?1 and deleted_us is null and on_hand >= ?2 and price_minor >= ?3 and price_minor <= ?4",
        )?
        .execute((line.book_id, line.quantity, from, to))?;
    if changed == 0 {
        return Ok(None);
    }
    let in_force = |row: &rusqlite::Row<'_>| {
        let (book_id, quantity) = (line.book_id, line.quantity);
        let isbn: Option<String> = row.get(0)?;
        let change = BookChange { book_id, isbn: isbn.clone(), version: row.get(1)?, what: "stock" };
        Ok((TakenLine { book_id, quantity, title: row.get(2)?, isbn, price_minor: row.get(3)? }, change))
    };
    connection
        .prepare_cached("select isbn, version, title, price_minor from book where book_id = ?")?
        .query_row([line.book_id], in_force)
        .map(Some)
}

fn record(connection: &Connection, id: &str, order: &str, line: &TakenLine, at: i64) -> Result<()> {
    connection
        .prepare_cached(
            "insert into stock_ledger (book_id, kind, delta, reason, actor, taking_id, at_us) \
             values (?, 'taken', ?, 'taken for an order', ?, ?, ?)",
        )?
        .execute((line.book_id, -line.quantity, format!("order {order}"), id, at))?;
    let entry = connection.last_insert_rowid();
    connection
        .prepare_cached(
            "insert into taking_line (taking_id, book_id, quantity, title, isbn, price_minor, ledger_entry) \
             values (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((id, line.book_id, line.quantity, &line.title, &line.isbn, line.price_minor, entry))?;
    Ok(())
}

fn refuse(connection: &Connection, id: &str, taken: &[TakenLine]) -> Result<Taken> {
    for line in taken {
        connection
            .prepare_cached(
                "update book set on_hand = on_hand + ?2, taken = taken - ?2, version = version - 1 where book_id = ?1",
            )?
            .execute((line.book_id, line.quantity))?;
    }
    connection
        .prepare_cached("update taking set state = 'refused', refused = '[]' where taking_id = ?")?
        .execute([id])?;
    Ok(Taken { taking_id: id.to_owned(), lines: Vec::new() })
}

fn lines_of(connection: &Connection, id: &str) -> Result<Vec<TakenLine>> {
    let line = |row: &rusqlite::Row<'_>| {
        let (book_id, quantity, title) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(TakenLine { book_id, quantity, title, isbn: row.get(3)?, price_minor: row.get(4)? })
    };
    connection
        .prepare_cached("select book_id, quantity, title, isbn, price_minor from taking_line where taking_id = ?")?
        .query_map([id], line)?
        .collect()
}

/// Any price, where none was shown.
fn prices(line: &TakingLine) -> (i64, i64) {
    line.expected_minor.map_or((0, i64::MAX), |price| (price, price))
}

/// What was asked for, as text: the same id with other lines would be a mistake.
fn asked(lines: &[TakingLine]) -> String {
    let line = |line: &TakingLine| {
        let (from, to) = prices(line);
        format!("{}:{}@{from}-{to}", line.book_id, line.quantity)
    };
    lines.iter().map(line).collect::<Vec<_>>().join(",")
}
