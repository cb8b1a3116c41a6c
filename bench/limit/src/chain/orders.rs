use std::{net::SocketAddr, path::Path};

use actix_web::{App, HttpResponse, HttpServer, dev::Server, web};
use rusqlite::{Connection, Result};

use super::coalescing::Takings;
use crate::{
    wire::{Checkout, Line, Order, Taking, next_order, now},
    writer::Writer,
};

const TABLES: &str = "
    create table orders (
        order_id integer primary key, version integer not null, state text not null, at_us integer not null
    );
    create table order_line (
        order_id integer not null, line integer not null, book_id integer not null, quantity integer not null,
        primary key (order_id, line)
    ) without rowid;
    create table order_history (
        order_id integer not null, version integer not null, state text not null, at_us integer not null,
        primary key (order_id, version)
    ) without rowid;
    create table outbox_event (position integer primary key, subject text not null, body text not null);
";

pub fn server(file: &Path, catalog: &str, coalesced: bool) -> std::io::Result<(SocketAddr, Server)> {
    let writer = Writer::open(file, TABLES).map_err(std::io::Error::other)?;
    let catalog = catalog.to_owned();
    let together = coalesced.then(|| Takings::together(&catalog));
    let server = HttpServer::new(move || {
        let takings = together.clone().unwrap_or_else(|| Takings::each(&catalog));
        App::new()
            .app_data(web::Data::new(writer.clone()))
            .app_data(web::Data::new(takings))
            .default_service(web::post().to(checkout))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    Ok((server.addrs()[0], server.run()))
}

/// Written before anything is asked for; then the copies; then what came of it.
async fn checkout(
    request: web::Json<Checkout>,
    writer: web::Data<Writer>,
    takings: web::Data<Takings>,
) -> HttpResponse {
    let id = next_order();
    let lines = request.into_inner().lines;
    let intended = lines.clone();
    writer.write(move |connection| intend(connection, id, &intended)).await;
    let taken = takings.take(Taking { order_id: id, lines }).await.is_some_and(|answer| answer.taken);
    let state = if taken { "approved" } else { "canceled" };
    writer.write(move |connection| conclude(connection, id, state)).await;
    let order = Order { id, state };
    if taken { HttpResponse::Created().json(order) } else { HttpResponse::Conflict().json(order) }
}

fn intend(connection: &Connection, id: i64, lines: &[Line]) -> Result<()> {
    connection
        .prepare_cached("insert into orders (order_id, version, state, at_us) values (?, 1, 'pending', ?)")?
        .execute((id, now()))?;
    for (line, at) in lines.iter().zip(1_i64..) {
        connection
            .prepare_cached("insert into order_line (order_id, line, book_id, quantity) values (?, ?, ?, ?)")?
            .execute((id, at, line.book_id, line.quantity))?;
    }
    Ok(())
}

fn conclude(connection: &Connection, id: i64, state: &str) -> Result<()> {
    connection
        .prepare_cached("update orders set state = ?2, version = 2 where order_id = ?1 and version = 1")?
        .execute((id, state))?;
    connection
        .prepare_cached("insert into order_history (order_id, version, state, at_us) values (?, 2, ?, ?)")?
        .execute((id, state, now()))?;
    connection
        .prepare_cached("insert into outbox_event (subject, body) values (?, ?)")?
        .execute((id, format!(r#"{{"type":"order.changed","order_id":{id},"state":"{state}"}}"#)))?;
    Ok(())
}
