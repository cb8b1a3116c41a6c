use std::{net::SocketAddr, path::Path};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::Server,
    http::{StatusCode, header::HeaderName},
    web,
};
use rusqlite::{Connection, Result};

use super::{
    CATALOG, ORDER, SETTINGS,
    sharing::{Asked, Orders, Told},
    wire::{BatchAnswer, Event, EventResult},
};
use crate::{
    client::Client,
    duty::{self, BUYER, Callers, Duty},
    wire::now,
    writer::Writer,
};

const TABLES: &str = include_str!("gateway.sql");

/// The services that tell.
struct Tellers(Callers);

pub fn server(file: &Path, orders: &str, key: &str, shared: bool) -> std::io::Result<(SocketAddr, Server)> {
    let writer = Writer::open(file, &format!("{SETTINGS} {TABLES}")).map_err(std::io::Error::other)?;
    let (orders, buyers, tellers) =
        (orders.to_owned(), Callers::with_key(key), Callers::with_tokens_of(&[ORDER, CATALOG]));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(writer.clone()))
            .app_data(web::Data::new(Orders::new(Client::with_token(&orders, &duty::token_of(BUYER)), shared)))
            .app_data(web::Data::new(buyers.clone()))
            .app_data(web::Data::new(Tellers(tellers.clone())))
            .app_data(web::JsonConfig::default().limit(1024 * 1024))
            .route("/events", web::post().to(told))
            .default_service(web::post().to(pass_on))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    Ok((server.addrs()[0], server.run()))
}

/// A purchase that somebody was told of is in the audit log.
async fn pass_on(
    request: HttpRequest,
    body: web::Bytes,
    orders: web::Data<Orders>,
    writer: web::Data<Writer>,
    buyers: web::Data<Callers>,
) -> HttpResponse {
    let duty = Duty::of(&request);
    let Some(buyer) = buyers.by_key(&request) else {
        return duty.done_in_public(HttpResponse::Unauthorized().finish());
    };
    let path = request.path().strip_prefix("/api/v1").unwrap_or(request.path());
    let asked = Asked {
        authorization: format!("Bearer {}", duty::token_of(BUYER)),
        request_id: duty.request_id.clone(),
        key: duty::header(&request, "idempotency-key").map(str::to_owned),
        body,
    };
    let Told { status, etag, location: made, body } = orders.ask(path, asked).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut answer = HttpResponse::build(status);
    answer.content_type("application/json");
    if let Some(etag) = etag {
        answer.insert_header((HeaderName::from_static("etag"), etag));
    }
    if let Some(made) = &made {
        answer.insert_header((HeaderName::from_static("location"), format!("/api/v1{made}")));
    }
    let entry = Entry {
        actor: buyer.to_owned(),
        resource: made.unwrap_or_else(|| path.to_owned()),
        outcome: if status.is_success() { "done" } else { "refused" },
        detail: (!status.is_success()).then(|| format!("status {}", status.as_u16())),
        address: request.peer_addr().map(|address| address.ip().to_string()),
        request_id: duty.request_id.clone(),
    };
    writer.write(move |connection| entry.append(connection)).await;
    duty.done_in_public(answer.body(body))
}

/// A line of the audit log.
struct Entry {
    actor: String,
    resource: String,
    outcome: &'static str,
    detail: Option<String>,
    address: Option<String>,
    request_id: String,
}

impl Entry {
    fn append(&self, connection: &Connection) -> Result<()> {
        connection
            .prepare_cached(
                "insert into audit_entry (at_us, actor, action, resource, outcome, detail, address, request_id) \
                 values (?, ?, 'checkout.create', ?, ?, ?, ?, ?)",
            )?
            .execute((
                now(),
                &self.actor,
                &self.resource,
                self.outcome,
                &self.detail,
                &self.address,
                &self.request_id,
            ))?;
        Ok(())
    }
}

/// Takes events of the services. There is no cache here that would drop anything, and nobody listens.
async fn told(request: HttpRequest, events: web::Json<Vec<Event>>, tellers: web::Data<Tellers>) -> HttpResponse {
    let duty = Duty::of(&request);
    if tellers.0.by_token(&request).is_none() {
        return duty.done(HttpResponse::Unauthorized().finish());
    }
    let handled = |event: Event| EventResult { id: event.id, outcome: "handled".to_owned() };
    let results = events.into_inner().into_iter().map(handled).collect();
    duty.done_in_public(HttpResponse::Ok().json(BatchAnswer { results }))
}
