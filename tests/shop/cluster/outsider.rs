//! Whom the shop sends messages to: a provider of SMS and a subscriber to webhooks in one, who hears everything and
//! forgets nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use order_service::store::{
    MIGRATIONS,
    subscribers::{self, NewWebhook},
};
use serde_json::{Value, json};
use service_kit::{
    db::{DatabaseUrl, Db, DbOptions},
    testing::{TestDatabase, eventually},
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

use super::{Cluster, Link};

/// He listens as long as this value lives.
pub struct Outsider {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    listening: JoinHandle<()>,
}

/// All that he has heard.
#[derive(Default)]
struct Heard {
    /// `order.approved <order>`.
    webhooks: BTreeSet<String>,
    /// Every SMS, and how often it came. Its text names the order and its state; everything else of the form is always the
    /// same.
    messages: BTreeMap<String, u64>,
}

impl Heard {
    fn note(&mut self, path: &str, body: String) {
        if path == "/webhook" {
            let body: Value = serde_json::from_str(&body).unwrap();
            let order = body["data"]["order_id"].as_str().unwrap();
            self.webhooks.insert(format!("{} {order}", body["type"].as_str().unwrap()));
        } else if path == "/version1/messaging" {
            *self.messages.entry(body).or_default() += 1;
        }
    }
}

impl Drop for Outsider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Cluster {
    /// A shop with no subscriber to its webhooks: they go one after the other, where there may be much to tell.
    pub async fn start_unheard() -> Cluster {
        Cluster::start_telling(async |name| TestDatabase::create(name).await, &[], false).await
    }
}

impl Outsider {
    pub async fn start() -> Outsider {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let notes = Arc::clone(&heard);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&notes)));
            }
        });
        Outsider { address, heard, listening }
    }

    /// Where he listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Registers himself, at the end of this link, with an order service that does not run yet.
    pub async fn subscribe(&self, orders: &DatabaseUrl, link: &Link) {
        let db = Db::open(orders, DbOptions::default(), MIGRATIONS).await.unwrap();
        let new = NewWebhook {
            id: uuid::Uuid::now_v7(),
            url: format!("{}/webhook", link.url()),
            events: vec![WebhookEvent::OrderApproved, WebhookEvent::OrderCanceled],
            description: None,
            secret: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            created_by: "test".to_owned(),
        };
        db.write(move |tx| subscribers::create(tx, &new, Timestamp::from_micros(1))).await.unwrap();
        db.close().await;
    }

    /// With which an order service finds him at the end of this link.
    pub fn arguments(link: &Link) -> [String; 4] {
        [
            "--webhook-allowed-networks=127.0.0.0/8".to_owned(),
            "--africastalking-api-key=key".to_owned(),
            "--africastalking-username=shop".to_owned(),
            format!("--africastalking-base-url={}", link.url()),
        ]
    }

    /// No SMS came twice, whoever died in the middle of sending it, but what the network doubled. Every webhook came, at
    /// least once.
    pub async fn heard_what_was_to_be_heard(&self, orders: &[OrderView], doubled: u64) {
        let mut untold: Vec<String> = orders.iter().filter_map(decision).collect();
        while !untold.is_empty() {
            // However many there are: as long as there is progress, nobody is late.
            let before = untold.len();
            eventually("subscribers are told of further decisions", async || {
                let heard = self.heard.lock().unwrap();
                untold.retain(|decision| !heard.webhooks.contains(decision));
                untold.len() < before
            })
            .await;
        }
        let heard = self.heard.lock().unwrap();
        let twice: Vec<_> = heard.messages.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.iter().map(|(_, times)| **times - 1).sum::<u64>() <= doubled, "sent twice: {twice:?}");
    }
}

/// What subscribers are told of the end of this order.
fn decision(order: &OrderView) -> Option<String> {
    match order.state {
        OrderState::Approved => Some(format!("order.approved {}", order.id)),
        OrderState::Canceled => Some(format!("order.canceled {}", order.id)),
        OrderState::Created | OrderState::Pending | OrderState::Rejected => None,
    }
}

async fn answer(mut stream: TcpStream, notes: Arc<Mutex<Heard>>) {
    let Some((path, body)) = read(&mut stream).await else { return };
    notes.lock().unwrap().note(&path, body);
    let recipient = json!({"statusCode": 101, "number": "+254711223344", "status": "Success", "messageId": "ATPid_1"});
    let body = json!({"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}}).to_string();
    let answer = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // The shop may have died meanwhile.
    stream.write_all(answer.as_bytes()).await.ok();
}

/// Reads one request with its whole body: the path and the body.
async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
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
            return Some((path, body.to_owned()));
        }
    }
}
