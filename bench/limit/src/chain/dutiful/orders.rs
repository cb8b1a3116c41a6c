use std::{net::SocketAddr, path::Path, sync::Arc};

use actix_web::{App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer, dev::Server, http::StatusCode, web};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::{
    ORDER, SETTINGS,
    fingerprint::fingerprint,
    order::{self, Key, Order, Used},
    outbox, payment, reader,
    relay::Relay,
    sharing::{self, Asked, One},
    stand::{APPROVED, PAID, REJECTED, Stand},
    webhooks,
    wire::{Checkout, Taken, TakenLine, Taking, TakingLine},
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

/// What a thread that serves has at hand.
struct Shop {
    writer: Writer,
    reader: Connection,
    takings: Takings,
    provider: Client,
    bell: Arc<Notify>,
    callers: Callers,
}

pub fn server(file: &Path, catalog: &str, provider: &str) -> std::io::Result<(SocketAddr, Server, Relay)> {
    let tables = format!("{SETTINGS} {} {TABLES}", outbox::TABLES);
    let writer = Writer::open(file, &tables).map_err(std::io::Error::other)?;
    let relay = Relay::of(file, &writer, ORDER).map_err(std::io::Error::other)?;
    let takings = Takings::start(Client::with_token(catalog, &duty::token_of(ORDER)));
    let (bell, callers) = (relay.bell(), Callers::with_tokens_of(&[BUYER]));
    let (file, provider) = (file.to_owned(), provider.to_owned());
    let server = HttpServer::new(move || {
        let shop = Shop {
            writer: writer.clone(),
            reader: reader(&file).unwrap_or_else(|error| {
                eprintln!("limit: {error}");
                std::process::abort()
            }),
            takings: takings.clone(),
            provider: Client::new(&provider),
            bell: bell.clone(),
            callers: callers.clone(),
        };
        App::new()
            .app_data(web::Data::new(shop))
            .app_data(web::Data::new(writer.clone()))
            .app_data(web::JsonConfig::default().limit(1024 * 1024))
            .route("/webhooks/payment", web::post().to(webhooks::receive))
            .route(sharing::PATH, web::post().to(checkouts))
            .default_service(web::post().to(checkout))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    Ok((server.addrs()[0], server.run(), relay))
}

async fn checkout(request: HttpRequest, body: web::Json<Checkout>, shop: web::Data<Shop>) -> HttpResponse {
    let duty = Duty::of(&request);
    let Some(customer) = shop.callers.by_token(&request) else {
        return duty.done(HttpResponse::Unauthorized().finish());
    };
    let key = duty::header(&request, "idempotency-key").map(str::to_owned);
    let mut order = drafted(key, customer, body.into_inner());
    if let Some(card) = order.checkout.card.take() {
        if let Some(used) = shop.known(&order) {
            return duty.done(again(used));
        }
        order.token = payment::exchange(&shop.provider, &card, &duty.request_id).await;
        if order.token.is_none() {
            return duty.done(HttpResponse::PaymentRequired().finish());
        }
    }
    let answer = shop.buy(order, &duty.request_id).await;
    duty.done(answer)
}

/// Several at once, none of them by card.
async fn checkouts(
    request: HttpRequest,
    body: web::Json<Vec<One<'static, Checkout>>>,
    shop: web::Data<Shop>,
) -> HttpResponse {
    let duty = Duty::of(&request);
    if shop.callers.by_token(&request).is_none() {
        return duty.done(HttpResponse::Unauthorized().finish());
    }
    let shop = &shop;
    let buy = |asked: Asked, checkout: Checkout| async move {
        let Some(customer) = shop.callers.by_authorization(&asked.authorization) else {
            return HttpResponse::Unauthorized().finish();
        };
        shop.buy(drafted(asked.key, customer, checkout), &asked.request_id).await
    };
    let answers = sharing::answer_all(body.into_inner(), buy).await;
    duty.done(answers)
}

impl Shop {
    /// Writes the order down, and what becomes of it.
    async fn buy(&self, order: Order, request_id: &str) -> HttpResponse {
        let order = Arc::new(order);
        let intended = Arc::clone(&order);
        if let Some(used) = self.writer.write(move |connection| order::place(connection, &intended)).await {
            return again(used);
        }
        self.bell.notify_one();
        self.drive(order, request_id).await
    }

    /// Who asks again is answered before his card is asked about.
    fn known(&self, order: &Order) -> Option<Used> {
        order::used(&self.reader, order.key.as_ref()?, &order.customer).unwrap_or_else(|error| {
            eprintln!("limit: {error}");
            std::process::abort()
        })
    }

    /// Takes the copies, charges the card where there is one, and writes down what came of it.
    async fn drive(&self, order: Arc<Order>, request_id: &str) -> HttpResponse {
        let taken = self.takings.take(taking(&order, request_id.to_owned())).await;
        let lines = Arc::new(taken.map(|taken| taken.lines).unwrap_or_default());
        let (stand, status) = match (lines.is_empty(), &order.token) {
            (true, _) => (REJECTED, StatusCode::CONFLICT),
            (false, None) => (APPROVED, StatusCode::CREATED),
            (false, Some(token)) if self.charge(&order, token, &lines, request_id).await => (PAID, StatusCode::CREATED),
            // Not decided: in the shop somebody would ask again.
            (false, Some(_)) => return HttpResponse::Accepted().finish(),
        };
        self.conclude(order, stand, status, lines).await
    }

    async fn charge(&self, order: &Arc<Order>, token: &str, lines: &Arc<Vec<TakenLine>>, request_id: &str) -> bool {
        let (charged, terms, at) = (Arc::clone(order), Arc::clone(lines), now());
        self.writer.write(move |connection| order::begin_to_charge(connection, &charged, &terms, at)).await;
        self.bell.notify_one();
        payment::ask_to_charge(&self.provider, order, token, order::total(lines), request_id).await
    }

    async fn conclude(
        &self,
        order: Arc<Order>,
        stand: Stand,
        status: StatusCode,
        lines: Arc<Vec<TakenLine>>,
    ) -> HttpResponse {
        let at = now();
        let body = serde_json::to_string(&order::view(&order, stand, &lines, at)).unwrap_or_default();
        let answer = answered(status, &order.id, stand.version).body(body.clone());
        let conclude = move |connection: &Connection| {
            order::conclude(connection, &order, stand, &lines, &format!(r#"{{"done":{body}}}"#), at)
        };
        self.writer.write(conclude).await;
        self.bell.notify_one();
        answer
    }
}

fn drafted(key: Option<String>, customer: &str, checkout: Checkout) -> Order {
    let key = key.map(|key| Key { key, fingerprint: fingerprint(&checkout) });
    let (id, created_at) = (duty::fresh_id(), now());
    Order { id, customer: customer.to_owned(), checkout, token: None, key, created_at }
}

fn taking(order: &Order, request_id: String) -> Taking {
    let lines = order.checkout.lines.iter().map(|line| TakingLine {
        book_id: line.book_id,
        quantity: line.quantity,
        expected_minor: line.expected_minor(),
    });
    Taking { taking_id: format!("{}:1", order.id), lines: lines.collect(), request_id }
}

fn answered(status: StatusCode, order_id: &str, version: i64) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.content_type("application/json");
    answer.insert_header(("etag", format!("\"{version}\""))).insert_header(("location", format!("/orders/{order_id}")));
    answer
}

/// The answer that is kept under a key.
#[derive(Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    done: &'a RawValue,
}

#[derive(Deserialize)]
struct Versioned {
    version: i64,
}

/// Who asks again is answered as before. Unlike the shop this does not wait for what is not decided yet.
fn again(used: Used) -> HttpResponse {
    if !used.is_same {
        return HttpResponse::UnprocessableEntity().finish();
    }
    let Ok(Kept { done }) = serde_json::from_str(used.answer.as_deref().unwrap_or_default()) else {
        return HttpResponse::Conflict().finish();
    };
    let version = serde_json::from_str(done.get()).map_or(0, |order: Versioned| order.version);
    answered(StatusCode::CREATED, &used.order_id, version).body(done.get().to_owned())
}
