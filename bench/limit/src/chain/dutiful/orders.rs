use std::{net::SocketAddr, path::Path, sync::Arc};

use actix_web::{App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer, dev::Server, http::StatusCode, web};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{
    ORDER, SETTINGS,
    order::{self, APPROVED, Key, Order, REJECTED, Used},
    outbox,
    relay::Relay,
    wire::{Checkout, Taken, Taking, TakingLine},
};
use crate::{
    chain::coalescing::Together,
    client::Client,
    duty::{self, BUYER, Callers, Duty},
    wire::now,
    writer::Writer,
};

const TABLES: &str = include_str!("orders.sql");

type Takings = Together<Taking, Taken>;

pub fn server(file: &Path, catalog: &str) -> std::io::Result<(SocketAddr, Server, Relay)> {
    let tables = format!("{SETTINGS} {} {TABLES}", outbox::TABLES);
    let writer = Writer::open(file, &tables).map_err(std::io::Error::other)?;
    let relay = Relay::of(file, &writer, ORDER).map_err(std::io::Error::other)?;
    let takings = Takings::start(Client::with_token(catalog, &duty::token_of(ORDER)));
    let (bell, callers) = (relay.bell(), Callers::with_tokens_of(&[BUYER]));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(writer.clone()))
            .app_data(web::Data::new(takings.clone()))
            .app_data(web::Data::from(bell.clone()))
            .app_data(web::Data::new(callers.clone()))
            .default_service(web::post().to(checkout))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    Ok((server.addrs()[0], server.run(), relay))
}

async fn checkout(
    request: HttpRequest,
    body: web::Json<Checkout>,
    writer: web::Data<Writer>,
    takings: web::Data<Takings>,
    bell: web::Data<tokio::sync::Notify>,
    callers: web::Data<Callers>,
) -> HttpResponse {
    let duty = Duty::of(&request);
    let Some(customer) = callers.by_token(&request) else { return duty.done(HttpResponse::Unauthorized().finish()) };
    let order = Arc::new(drafted(&request, customer, body.into_inner()));
    let intended = Arc::clone(&order);
    if let Some(used) = writer.write(move |connection| order::place(connection, &intended)).await {
        return duty.done(again(used));
    }
    bell.notify_one();
    let taking = taking(&order, duty.request_id.clone());
    let lines = takings.take(taking).await.map(|taken| taken.lines).unwrap_or_default();
    let (stand, status) = match lines.is_empty() {
        false => (APPROVED, StatusCode::CREATED),
        true => (REJECTED, StatusCode::CONFLICT),
    };
    let at = now();
    let body = serde_json::to_string(&order::view(&order, stand, &lines, at)).unwrap_or_default();
    let answer = answered(status, &order.id).body(body.clone());
    let conclude = move |connection: &rusqlite::Connection| {
        order::conclude(connection, &order, stand, &lines, &format!(r#"{{"done":{body}}}"#), at)
    };
    writer.write(conclude).await;
    bell.notify_one();
    duty.done(answer)
}

fn drafted(request: &HttpRequest, customer: &str, checkout: Checkout) -> Order {
    let key = duty::header(request, "idempotency-key").map(|key| Key {
        key: key.to_owned(),
        fingerprint: Sha256::digest(serde_json::to_vec(&checkout).unwrap_or_default()).into(),
    });
    Order { id: duty::fresh_id(), customer: customer.to_owned(), checkout, key, created_at: now() }
}

fn taking(order: &Order, request_id: String) -> Taking {
    let lines = order.checkout.lines.iter().map(|line| TakingLine {
        book_id: line.book_id,
        quantity: line.quantity,
        expected_minor: line.expected_minor(),
    });
    Taking { taking_id: format!("{}:1", order.id), lines: lines.collect(), request_id }
}

fn answered(status: StatusCode, order_id: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.content_type("application/json");
    answer.insert_header(("etag", "\"2\"")).insert_header(("location", format!("/orders/{order_id}")));
    answer
}

/// The answer that is kept under a key.
#[derive(Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    done: &'a RawValue,
}

/// Who asks again is answered as before. Unlike the shop this does not wait for what is not decided yet.
fn again(used: Used) -> HttpResponse {
    if !used.is_same {
        return HttpResponse::UnprocessableEntity().finish();
    }
    match serde_json::from_str::<Kept<'_>>(used.answer.as_deref().unwrap_or_default()) {
        Ok(kept) => answered(StatusCode::CREATED, &used.order_id).body(kept.done.get().to_owned()),
        Err(_) => HttpResponse::Conflict().finish(),
    }
}
