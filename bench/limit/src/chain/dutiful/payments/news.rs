use std::{path::Path, sync::Arc};

use actix_web::web::Bytes;
use futures_util::future::join_all;
use hyper::Method;
use rusqlite::Connection;
use tokio::sync::Notify;

use super::{ledger, signature};
use crate::{chain::dutiful::reader, client::Client, duty, wire::now, writer::Writer};

/// Webhooks sent at once, at most: so many that the news keeps up with the payments under any load here. What was left for
/// afterwards would not be measured.
const MAX_SENDINGS: usize = 256;

/// Tells the order service of each payment, in a signed request of its own. Those that were sent at once are acknowledged in
/// one transaction; what was not acknowledged would come again.
pub struct News {
    bell: Arc<Notify>,
    reader: Connection,
    writer: Writer,
}

impl News {
    pub fn of(file: &Path, writer: &Writer) -> rusqlite::Result<News> {
        Ok(News { bell: Arc::default(), reader: reader(file)?, writer: writer.clone() })
    }

    pub fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// To be called on a runtime that outlives the server.
    pub fn start(self, orders: &str) {
        let client = Client::new(orders);
        actix_web::rt::spawn(async move {
            loop {
                self.bell.notified().await;
                while self.round(&client).await > 0 {}
            }
        });
    }

    /// How many webhooks were acknowledged.
    async fn round(&self, client: &Client) -> usize {
        let due = ledger::due(&self.reader, MAX_SENDINGS).unwrap_or_else(|error| {
            eprintln!("limit: {error}");
            std::process::abort()
        });
        let sendings = due.into_iter().map(|(event, body)| tell(client, event, body));
        let told: Vec<String> = join_all(sendings).await.into_iter().flatten().collect();
        let count = told.len();
        if count > 0 {
            self.writer.write(move |connection| ledger::acknowledge(connection, &told)).await;
        }
        count
    }
}

/// The event, if it was acknowledged.
async fn tell(client: &Client, event: String, body: String) -> Option<String> {
    let signature = signature::sign(body.as_bytes(), now() / 1_000_000);
    let headers = [("x-signature", signature.as_str()), ("x-request-id", &duty::fresh_id())];
    let answer = client.send(Method::POST, "/webhooks/payment", &headers, Bytes::from(body)).await;
    answer.status().is_success().then_some(event)
}
