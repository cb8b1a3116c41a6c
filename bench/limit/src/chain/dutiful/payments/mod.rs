//! The payment provider: a ledger of its own, and news of it for whoever asked.

/// Its rows.
mod ledger;
/// Tells the order service of what was committed.
mod news;
/// Who sent a webhook.
pub mod signature;
/// What a card, a payment and a webhook look like.
pub mod wire;

use std::{net::SocketAddr, path::Path, sync::Arc};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::Server, web};
use tokio::sync::Notify;
use uuid::Uuid;

use self::{
    ledger::{Opened, Token},
    news::News,
    wire::{Card, OpenPayment, TokenView},
};
use super::SETTINGS;
use crate::{duty::Duty, wire::now, writer::Writer};

const TABLES: &str = include_str!("../payments.sql");
/// Digits in a card's number.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 4..=19;

/// Exchanges cards for tokens (`/tokens`) and charges them (`/payments/{id}`).
pub fn server(file: &Path) -> std::io::Result<(SocketAddr, Server, News)> {
    let writer = Writer::open(file, &format!("{SETTINGS} {TABLES}")).map_err(std::io::Error::other)?;
    let news = News::of(file, &writer).map_err(std::io::Error::other)?;
    let bell = news.bell();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(writer.clone()))
            .app_data(web::Data::from(Arc::clone(&bell)))
            .route("/tokens", web::post().to(exchange))
            .route("/payments/{id}", web::put().to(charge))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    Ok((server.addrs()[0], server.run(), news))
}

/// Of the card only its brand and its last four digits are kept.
async fn exchange(request: HttpRequest, card: web::Json<Card>, writer: web::Data<Writer>) -> HttpResponse {
    let duty = Duty::of(&request);
    let digits = card.digits();
    if !CARD_DIGITS.contains(&digits.len()) {
        return duty.done(HttpResponse::UnprocessableEntity().finish());
    }
    let view = TokenView {
        token: format!("tok_{}", Uuid::new_v4().simple()),
        brand: if digits.starts_with('4') { "visa" } else { "unknown" }.to_owned(),
        last4: digits[digits.len() - 4..].to_owned(),
    };
    let token = Token { token: view.token.clone(), brand: view.brand.clone(), last4: view.last4.clone() };
    writer.write(move |connection| ledger::keep(connection, &token, now())).await;
    duty.done(HttpResponse::Created().json(view))
}

/// A payment that comes again is answered as the first one was.
async fn charge(
    request: HttpRequest,
    id: web::Path<String>,
    asked: web::Json<OpenPayment>,
    writer: web::Data<Writer>,
    bell: web::Data<Notify>,
) -> HttpResponse {
    let duty = Duty::of(&request);
    let (id, asked) = (id.into_inner(), asked.into_inner());
    let opened = writer.write(move |connection| ledger::open(connection, &id, &asked, now())).await;
    duty.done(match opened {
        Opened::Now(view) => {
            bell.notify_one();
            let location = format!("/payments/{}", view.payment_id);
            HttpResponse::Created().insert_header(("location", location)).json(view)
        }
        Opened::Before(view) => HttpResponse::Ok().json(view),
        Opened::Not => HttpResponse::UnprocessableEntity().finish(),
    })
}
