use std::{net::SocketAddr, path::Path};

use actix_web::{App, HttpResponse, HttpServer, dev::Server, web};
use rusqlite::{Connection, Result};

use crate::{
    durable::{decrement, with_books},
    wire::{Taken, Taking, now},
    writer::Writer,
};

const TABLES: &str = "
    create table book (book_id integer primary key, on_hand integer not null check (on_hand >= 0));
    create table taking (order_id integer primary key, state text not null, decided_us integer not null);
    create table stock_ledger (
        entry integer primary key, book_id integer not null, delta integer not null, order_id integer not null,
        at_us integer not null
    );
    create index stock_ledger_book on stock_ledger (book_id, entry);
";

/// Takes one order's copies (`/taking`) or those of several (`/takings`).
pub fn server(file: &Path, books: i64) -> std::io::Result<(SocketAddr, Server)> {
    let writer = Writer::open(file, &with_books(TABLES, books)).map_err(std::io::Error::other)?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(writer.clone()))
            .app_data(web::JsonConfig::default().limit(1024 * 1024))
            .route("/taking", web::post().to(one))
            .route("/takings", web::post().to(several))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    Ok((server.addrs()[0], server.run()))
}

async fn one(request: web::Json<Taking>, writer: web::Data<Writer>) -> HttpResponse {
    HttpResponse::Ok().json(writer.write(move |connection| take(connection, &request)).await)
}

async fn several(request: web::Json<Vec<Taking>>, writer: web::Data<Writer>) -> HttpResponse {
    let takings = move |connection: &Connection| request.iter().map(|taking| take(connection, taking)).collect();
    HttpResponse::Ok().json(writer.write::<Vec<Taken>>(takings).await)
}

/// All lines, or none: of one line nothing has to be undone, and the runs have one.
fn take(connection: &Connection, taking: &Taking) -> Result<Taken> {
    for line in &taking.lines {
        if !decrement(connection, line.book_id, line.quantity)? {
            return Ok(Taken { taken: false });
        }
        connection
            .prepare_cached("insert into stock_ledger (book_id, delta, order_id, at_us) values (?, ?, ?, ?)")?
            .execute((line.book_id, -line.quantity, taking.order_id, now()))?;
    }
    connection
        .prepare_cached("insert into taking (order_id, state, decided_us) values (?, 'taken', ?)")?
        .execute((taking.order_id, now()))?;
    Ok(Taken { taken: true })
}
