//! Subscribers outside who hang, trickle or flood, beside one who does not.

use order_service::store::{
    MIGRATIONS,
    subscribers::{self, NewWebhook},
};
use service_kit::{
    db::{Db, DbOptions},
    testing::eventually,
};
use shared_types::{Secret, Timestamp, webhooks::WebhookEvent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::cluster::{Basket, Cluster, Order};

/// How a subscriber treats whoever calls him.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Hangs,
    /// A byte of an answer now and then, and never the last.
    Trickles,
    /// A gigabyte, as fast as it is read.
    Floods,
}

const MANNERS: [Manner; 3] = [Manner::Hangs, Manner::Trickles, Manner::Floods];
const GIGABYTE: usize = 1 << 30;
const ORDERS: usize = 40;
/// What the order service may need more than before for forty orders and all that is sent about them.
const MEMORY: u64 = 64 << 20;

/// Listens until he is dropped.
struct Subscriber {
    url: String,
    calls: watch::Sender<usize>,
    listening: JoinHandle<()>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Subscriber {
    async fn start(manner: Manner) -> Subscriber {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let calls = watch::Sender::new(0);
        let counted = calls.clone();
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.send_modify(|calls| *calls += 1);
                tokio::spawn(answer(stream, manner));
            }
        });
        Subscriber { url, calls, listening }
    }

    async fn subscribe(&self, db: &Db) {
        let new = NewWebhook {
            id: uuid::Uuid::now_v7(),
            url: self.url.clone(),
            events: vec![WebhookEvent::OrderApproved],
            description: None,
            secret: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            created_by: "test".to_owned(),
        };
        db.write(move |tx| subscribers::create(tx, &new, Timestamp::from_micros(1))).await.unwrap();
    }
}

/// Until whoever called has had enough.
async fn answer(mut stream: TcpStream, manner: Manner) {
    let mut request = [0; 16 * 1_024];
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n";
    if !matches!(stream.read(&mut request).await, Ok(1..)) {
        return;
    }
    match manner {
        Manner::Hangs => while let Ok(1..) = stream.read(&mut request).await {},
        Manner::Trickles => {
            let mut ticks = tokio::time::interval(std::time::Duration::from_millis(200));
            for byte in head.bytes().cycle() {
                ticks.tick().await;
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        }
        Manner::Floods => {
            let piece = vec![b'x'; 64 * 1_024];
            let mut sent = stream.write_all(head.as_bytes()).await;
            for _ in 0..GIGABYTE / piece.len() {
                if sent.is_err() {
                    return;
                }
                sent = stream.write_all(&piece).await;
            }
        }
    }
}

/// Three subscribers who are each bad in their own way, and one who is not: he hears of everything while the others are still
/// being waited for, people buy as ever, and nobody's flood is kept.
#[tokio::test(flavor = "multi_thread")]
async fn subscribers_who_hang_trickle_or_flood_cost_the_others_nothing() {
    let mut shop = Cluster::start().await;
    let book = shop.book("Told to Everybody", 1_000).await;
    let mut bad = Vec::new();
    shop.kill(Order);
    let db = Db::open(shop.database(Order), DbOptions::default(), MIGRATIONS).await.unwrap();
    for manner in MANNERS {
        let subscriber = Subscriber::start(manner).await;
        subscriber.subscribe(&db).await;
        bad.push(subscriber);
    }
    db.close().await;
    shop.restart(Order).await;
    let caller = shop.operator();
    caller.buy(&Basket::of(&[(book, 1)])).await.order();
    for subscriber in &bad {
        eventually("everybody is called", async || *subscriber.calls.borrow() > 0).await;
    }
    let before = shop.memory_bytes(Order);
    for _ in 0..ORDERS {
        caller.buy(&Basket::of(&[(book, 1)])).await.order();
    }
    // Waits until the good one has heard of all of them.
    shop.check().await;
    let hanging = *bad[0].calls.borrow();
    assert!(hanging < ORDERS, "{hanging} calls: it took so long that he who hangs was called about every order");
    let grown = shop.memory_bytes(Order).saturating_sub(before);
    assert!(grown < MEMORY, "{grown} bytes more");
    eprintln!("{ORDERS} orders told beside three bad subscribers, {} KiB more memory", grown >> 10);
    shop.finish().await;
}
