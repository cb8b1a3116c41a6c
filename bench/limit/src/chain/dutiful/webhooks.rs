use actix_web::{HttpRequest, HttpResponse, web};
use rusqlite::{Connection, OptionalExtension, Result};

use super::payments::{
    signature,
    wire::{Webhook, WebhookAnswer},
};
use crate::{
    duty::{self, Duty},
    wire::now,
    writer::Writer,
};

/// What became of an event.
enum Heard {
    Now,
    Before,
    /// There is no such payment.
    OfNothing,
}

/// Takes what the provider tells of a payment. It is believed by its signature, and heard once.
pub async fn receive(request: HttpRequest, body: web::Bytes, writer: web::Data<Writer>) -> HttpResponse {
    let duty = Duty::of(&request);
    let signature = duty::header(&request, "x-signature").unwrap_or_default();
    if !signature::is_signed(signature, &body, now() / 1_000_000) {
        return duty.done(HttpResponse::Unauthorized().finish());
    }
    let Ok(webhook) = serde_json::from_slice::<Webhook>(&body) else {
        return duty.done(HttpResponse::UnprocessableEntity().finish());
    };
    duty.done(match writer.write(move |connection| hear(connection, &webhook)).await {
        Heard::Now => HttpResponse::Ok().json(WebhookAnswer { status: "processed" }),
        Heard::Before => HttpResponse::Ok().json(WebhookAnswer { status: "duplicate" }),
        Heard::OfNothing => HttpResponse::NotFound().finish(),
    })
}

/// The event is remembered beside the payment that it is about. All that is told here is that a payment succeeded: while the
/// payment is being charged the answer under way says the same, and afterwards it is no news.
fn hear(connection: &Connection, webhook: &Webhook) -> Result<Heard> {
    let (order, n) = webhook.data.payment_id.split_once(':').unwrap_or_default();
    let payment = connection
        .prepare_cached("select state from payment where order_id = ? and n = ?")?
        .query_row((order, n.parse().unwrap_or(0_i64)), |row| row.get::<_, String>(0))
        .optional()?;
    if payment.is_none() {
        return Ok(Heard::OfNothing);
    }
    let is_new = connection
        .prepare_cached("insert into inbox (source, event_id) values ('webhook/sandbox', ?) on conflict do nothing")?
        .execute([&webhook.id])?;
    Ok(if is_new == 1 { Heard::Now } else { Heard::Before })
}
