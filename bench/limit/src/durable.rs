use std::path::Path;

use actix_web::{App, HttpResponse, HttpServer, web};
use rusqlite::{Connection, Result};

use crate::{
    say_ready,
    wire::{COPIES, Checkout, Order, next_order, now},
    writer::Writer,
};

const TABLES: &str = "
    create table book (book_id integer primary key, on_hand integer not null check (on_hand >= 0));
    create table orders (order_id integer primary key, book_id integer not null, quantity integer not null, at_us integer not null);
";

pub async fn serve(folder: &Path, books: i64) -> std::io::Result<()> {
    let writer = Writer::open(&folder.join("limit.db"), &with_books(TABLES, books)).map_err(std::io::Error::other)?;
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new(writer.clone())).default_service(web::post().to(checkout))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    say_ready(server.addrs()[0]);
    server.run().await
}

/// The tables, and so many books with all the copies that a run may sell.
pub fn with_books(tables: &str, books: i64) -> String {
    format!(
        "{tables} insert into book (book_id, on_hand) with recursive n (i) as \
         (select 1 union all select i + 1 from n where i < {books}) select i, {COPIES} from n;"
    )
}

async fn checkout(request: web::Json<Checkout>, writer: web::Data<Writer>) -> HttpResponse {
    let id = next_order();
    if writer.write(move |connection| buy(connection, id, &request)).await {
        HttpResponse::Created().json(Order { id, state: "approved" })
    } else {
        HttpResponse::Conflict().json(Order { id, state: "canceled" })
    }
}

fn buy(connection: &Connection, id: i64, request: &Checkout) -> Result<bool> {
    for line in &request.lines {
        if !decrement(connection, line.book_id, line.quantity)? {
            return Ok(false);
        }
        connection
            .prepare_cached("insert into orders (order_id, book_id, quantity, at_us) values (?, ?, ?, ?)")?
            .execute((id, line.book_id, line.quantity, now()))?;
    }
    Ok(true)
}

/// The compare-and-decrement.
pub fn decrement(connection: &Connection, book_id: i64, quantity: i64) -> Result<bool> {
    let changed = connection
        .prepare_cached("update book set on_hand = on_hand - ?2 where book_id = ?1 and on_hand >= ?2")?
        .execute((book_id, quantity))?;
    Ok(changed == 1)
}
