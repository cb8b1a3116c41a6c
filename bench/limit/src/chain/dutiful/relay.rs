use std::{path::Path, sync::Arc, time::Duration};

use actix_web::web::Bytes;
use hyper::{Method, StatusCode};
use rusqlite::Connection;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::{outbox, reader, wire::BatchAnswer};
use crate::{client::Client, duty, writer::Writer};

/// Events in a request, at most.
const BATCH_EVENTS: usize = 100;
/// How long events are gathered before the next request.
const GATHER: Duration = Duration::from_millis(10);
/// The one subscriber.
const GATEWAY: i64 = 1;

/// Rung when something was committed that is to be told.
pub type Bell = Arc<Notify>;

/// Tells the gateway of what was committed: of several events in one request.
pub struct Relay {
    bell: Bell,
    reader: Connection,
    writer: Writer,
    /// Who tells.
    name: &'static str,
}

impl Relay {
    pub fn of(file: &Path, writer: &Writer, name: &'static str) -> rusqlite::Result<Relay> {
        Ok(Relay { bell: Bell::default(), reader: reader(file)?, writer: writer.clone(), name })
    }

    pub fn bell(&self) -> Bell {
        Arc::clone(&self.bell)
    }

    /// To be called on a runtime that outlives the server.
    #[expect(clippy::disallowed_methods, reason = "what is waited for is more events, and that for so long")]
    pub fn start(self, gateway: &str) {
        let client = Client::with_token(gateway, &duty::token_of(self.name));
        actix_web::rt::spawn(async move {
            loop {
                self.bell.notified().await;
                actix_web::rt::time::sleep(GATHER).await;
                while self.round(&client).await == BATCH_EVENTS {}
            }
        });
    }

    /// How many events were told.
    async fn round(&self, client: &Client) -> usize {
        let batch = outbox::next(&self.reader, GATEWAY, BATCH_EVENTS).unwrap_or_else(|error| {
            eprintln!("limit: {error}");
            std::process::abort()
        });
        let (Some((first, _)), Some((last, _))) = (batch.first(), batch.last()) else { return 0 };
        let (first, last) = (*first, *last);
        let bodies: Vec<&RawValue> = batch.iter().filter_map(|(_, body)| serde_json::from_str(body).ok()).collect();
        let body = Bytes::from(serde_json::to_vec(&bodies).unwrap_or_default());
        let answer = client.send(Method::POST, "/events", &[("x-request-id", &duty::fresh_id())], body).await;
        let told: Option<BatchAnswer> = serde_json::from_slice(answer.body()).ok();
        if answer.status() != StatusCode::OK || told.is_none_or(|told| told.results.len() < batch.len()) {
            return 0;
        }
        self.writer.write(move |connection| outbox::acknowledge(connection, GATEWAY, first, last)).await;
        batch.len()
    }
}
