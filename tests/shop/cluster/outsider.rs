//! Whom the shop sends messages to: a provider of SMS and a subscriber to webhooks in one, who hears everything and
//! forgets nothing.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use order_service::store::{
    MIGRATIONS,
    subscribers::{self, NewWebhook},
};
use serde_json::{Value, json};
use service_kit::{
    db::{DatabaseUrl, Db, DbOptions},
    testing::eventually,
};
use shared_types::{
    Secret, Timestamp,
    orders::{OrderState, OrderView},
    webhooks::WebhookEvent,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// He listens as long as this value lives.
pub struct Outsider {
    address: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    listening: JoinHandle<()>,
}

/// A call that arrived.
struct Heard {
    path: String,
    body: String,
}

impl Drop for Outsider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Outsider {
    pub async fn start() -> Outsider {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let notes = Arc::clone(&heard);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&notes)));
            }
        });
        Outsider { address, heard, listening }
    }

    /// Registers himself with an order service that does not run yet.
    pub async fn subscribe(&self, orders: &DatabaseUrl) {
        let db = Db::open(orders, DbOptions::default(), MIGRATIONS).await.unwrap();
        let new = NewWebhook {
            id: uuid::Uuid::now_v7(),
            url: format!("{}/webhook", self.address),
            events: vec![WebhookEvent::OrderApproved, WebhookEvent::OrderCanceled],
            description: None,
            secret: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            created_by: "test".to_owned(),
        };
        db.write(move |tx| subscribers::create(tx, &new, Timestamp::from_micros(1))).await.unwrap();
        db.close().await;
    }

    /// With which an order service finds him.
    pub fn arguments(&self) -> [String; 4] {
        [
            "--webhook-allowed-networks=127.0.0.0/8".to_owned(),
            "--africastalking-api-key=key".to_owned(),
            "--africastalking-username=shop".to_owned(),
            format!("--africastalking-base-url={}", self.address),
        ]
    }

    /// No SMS came twice, whoever died in the middle of sending it. Every webhook came, at least once.
    pub async fn heard_what_was_to_be_heard(&self, orders: &[OrderView]) {
        eventually("every subscriber is told of every decision", async || {
            let told = self.webhooks();
            orders.iter().all(|order| match order.state {
                OrderState::Approved => told.contains(&format!("order.approved {}", order.id)),
                OrderState::Canceled => told.contains(&format!("order.canceled {}", order.id)),
                OrderState::Created | OrderState::Pending | OrderState::Rejected => true,
            })
        })
        .await;
        let mut messages = BTreeSet::new();
        for heard in self.heard.lock().unwrap().iter().filter(|heard| heard.path == "/version1/messaging") {
            // The text names the order and its state; everything else of the form is always the same.
            assert!(messages.insert(heard.body.clone()), "sent twice: {}", heard.body);
        }
    }

    fn webhooks(&self) -> BTreeSet<String> {
        let heard = self.heard.lock().unwrap();
        let told = heard.iter().filter(|heard| heard.path == "/webhook").map(|heard| {
            let body: Value = serde_json::from_str(&heard.body).unwrap();
            format!("{} {}", body["type"].as_str().unwrap(), body["data"]["order_id"].as_str().unwrap())
        });
        told.collect()
    }
}

async fn answer(mut stream: TcpStream, notes: Arc<Mutex<Vec<Heard>>>) {
    let Some(heard) = read(&mut stream).await else { return };
    notes.lock().unwrap().push(heard);
    let recipient = json!({"statusCode": 101, "number": "+254711223344", "status": "Success", "messageId": "ATPid_1"});
    let body = json!({"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}}).to_string();
    let answer = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // The shop may have died meanwhile.
    stream.write_all(answer.as_bytes()).await.ok();
}

/// Reads one request with its whole body.
async fn read(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0_usize) {
            let path = head.split(' ').nth(1)?.to_owned();
            return Some(Heard { path, body: body.to_owned() });
        }
    }
}
