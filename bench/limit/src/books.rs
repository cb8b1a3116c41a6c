use std::path::{Path, PathBuf};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Result, Row};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    duty::{self, BUYER, Callers, Duty},
    say_ready,
    wire::amount,
};

/// A book as the shop shows it.
#[derive(Serialize)]
struct Book<'a> {
    id: i64,
    sku: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    isbn: Option<&'a str>,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_year: Option<i64>,
    price: Box<RawValue>,
    currency: &'static str,
    state: &'static str,
    on_hand: i64,
    warn_limit: i64,
    version: i64,
    created_at: String,
    updated_at: String,
}

/// Reads the book that a path names at its end, each time: on the thread that serves, over a connection of its own.
pub async fn serve(database: PathBuf) -> std::io::Result<()> {
    let callers = Callers::with_tokens_of(&[BUYER]);
    reader(&database).map_err(std::io::Error::other)?;
    let server = HttpServer::new(move || {
        let reader = reader(&database).unwrap_or_else(|error| {
            eprintln!("limit: {error}");
            std::process::abort()
        });
        App::new()
            .app_data(web::Data::new(reader))
            .app_data(web::Data::new(callers.clone()))
            .route("/books/{id}", web::get().to(show))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    say_ready(server.addrs()[0]);
    server.run().await
}

fn reader(database: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(database, flags)?;
    reader.execute_batch("pragma query_only = on")?;
    Ok(reader)
}

async fn show(
    request: HttpRequest,
    id: web::Path<i64>,
    reader: web::Data<Connection>,
    callers: web::Data<Callers>,
) -> HttpResponse {
    let duty = Duty::of(&request);
    if callers.by_token(&request).is_none() {
        return duty.done(HttpResponse::Unauthorized().finish());
    }
    let answer = match find(&reader, *id) {
        Ok(Some((etag, body))) => {
            HttpResponse::Ok().content_type("application/json").insert_header(("etag", etag)).body(body)
        }
        Ok(None) => HttpResponse::NotFound().finish(),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    };
    duty.done(answer)
}

/// A book's entity tag and its JSON.
fn find(reader: &Connection, id: i64) -> Result<Option<(String, Vec<u8>)>> {
    reader
        .prepare_cached(
            "select sku, isbn, title, author, topic, first_year, price_minor, on_hand, warn_limit, version, created_us, \
                    updated_us from book where book_id = ? and deleted_us is null",
        )?
        .query_row([id], |row| written(id, row))
        .optional()
}

fn written(id: i64, row: &Row<'_>) -> Result<(String, Vec<u8>)> {
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let optional = |column| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    let (on_hand, warn_limit, version): (i64, i64, i64) = (row.get(7)?, row.get(8)?, row.get(9)?);
    let book = Book {
        id,
        sku: text(0)?,
        isbn: optional(1)?,
        title: text(2)?,
        author: optional(3)?,
        topic: text(4)?,
        first_year: row.get(5)?,
        price: amount(row.get(6)?),
        currency: "USD",
        state: match on_hand {
            ..=0 => "OUT OF STOCK",
            few if few <= warn_limit => "FEW REMAINING",
            _ => "AVAILABLE",
        },
        on_hand,
        warn_limit,
        version,
        created_at: duty::text(row.get(10)?),
        updated_at: duty::text(row.get(11)?),
    };
    Ok((format!("\"{version}\""), serde_json::to_vec(&book).unwrap_or_default()))
}
