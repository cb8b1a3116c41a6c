use std::net::SocketAddr;

use lastcopy::payments::{Config, Pace, start};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    Client, ClientOptions,
    db::{DatabaseUrl, Db, DbError},
    http::Running,
    process::default_workers,
    testing::TestDatabase,
};
use shared_types::{
    Currency, OrderId, PaymentId, Secret,
    payments::{PaymentPage, PaymentStatus, PaymentView, TokenView},
};
use uuid::Uuid;

use crate::shop::Shop;

/// What the provider and the shops of these tests share.
pub const SECRET: &str = "a secret between bank and shop";

/// The provider, running on a ledger of its own.
pub struct Bank {
    running: Running,
    pub client: Client,
    database: TestDatabase,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub json: Value,
    bytes: Vec<u8>,
}

impl Answer {
    pub fn view(self) -> PaymentView {
        assert!(matches!(self.status, 200 | 201), "{self:?}");
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or("")
    }
}

pub fn pace() -> Pace {
    Pace {
        slow_ms: 50,
        silent_ms: 50,
        later_ms: 50,
        first_pause_ms: 20,
        longest_pause_ms: 40,
        webhook_first_ms: 30_000,
    }
}

pub fn client(base: &str) -> Client {
    Client::new(base, ClientOptions { connect_ms: 5_000, call_ms: 30_000 }).unwrap()
}

pub fn payment_id() -> PaymentId {
    OrderId::from_uuid(Uuid::now_v7()).payment(1)
}

impl Bank {
    pub async fn open(name: &str) -> Bank {
        Bank::on(TestDatabase::create(name).await, None, pace()).await
    }

    /// A bank that takes so many milliseconds where it decides later.
    pub async fn thinking(name: &str, later_ms: i64) -> Bank {
        Bank::on(TestDatabase::create(name).await, None, Pace { later_ms, ..pace() }).await
    }

    pub async fn with_shop(name: &str, shop: &Shop) -> Bank {
        Bank::at_a_pace(name, shop, pace()).await
    }

    pub async fn at_a_pace(name: &str, shop: &Shop, pace: Pace) -> Bank {
        Bank::on(TestDatabase::create(name).await, Some(shop.url()), pace).await
    }

    pub fn database_url(&self) -> &DatabaseUrl {
        self.database.url()
    }

    /// Stops the bank and opens it again on the same ledger.
    pub async fn reopened(self, shop: Option<&Shop>) -> Bank {
        self.running.stop().await;
        Bank::on(self.database, shop.map(Shop::url), pace()).await
    }

    async fn on(database: TestDatabase, order_url: Option<String>, pace: Pace) -> Bank {
        let config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database_url: database.url().clone(),
            workers: default_workers().min(2),
            sandbox_webhook_secret: order_url.as_ref().map(|_| Secret::new(SECRET)),
            order_url,
            currency: Currency::USD,
            pace,
        };
        let running = start(config).await.unwrap();
        let client = client(&running.url());
        Bank { running, client, database }
    }

    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        ask(&self.client, method, path, body).await
    }

    pub async fn token(&self, number: &str) -> String {
        token(&self.client, number).await
    }

    pub async fn charge(&self, id: PaymentId, amount: &str, token: &str) -> Answer {
        self.ask(Method::PUT, &format!("/payments/{id}"), Some(charge(amount, token))).await
    }

    pub async fn invoice(&self, id: PaymentId, amount: &str) -> Answer {
        let body = format!(r#"{{"amount": {amount}, "currency": "USD", "method": "invoice"}}"#);
        self.ask(Method::PUT, &format!("/payments/{id}"), Some(serde_json::from_str(&body).unwrap())).await
    }

    pub async fn post(&self, id: PaymentId, what: &str) -> Answer {
        self.ask(Method::POST, &format!("/payments/{id}/{what}"), None).await
    }

    pub async fn find(&self, id: PaymentId) -> Answer {
        self.ask(Method::GET, &format!("/payments/{id}"), None).await
    }

    pub async fn status(&self, id: PaymentId) -> PaymentStatus {
        self.find(id).await.view().status
    }

    /// Everything that the provider keeps, as text.
    pub async fn every_byte(&self) -> String {
        let db = Db::open_read_only(self.database.url()).await.unwrap();
        let rows = db.read(|tx| {
            let mut kept = String::new();
            for table in ["card_token", "payment", "webhook"] {
                kept += &format!("{:?}", tx.query(&format!("select * from {table}"), &[])?);
            }
            Ok::<_, DbError>(kept)
        });
        let kept = rows.await.unwrap();
        db.close().await;
        kept
    }

    /// The whole ledger, page by page.
    pub async fn ledger(&self) -> Vec<PaymentView> {
        let mut payments = Vec::new();
        let mut path = "/payments?limit=2".to_owned();
        loop {
            let page = self.ask(Method::GET, &path, None).await;
            let page: PaymentPage = serde_json::from_slice(&page.bytes).unwrap();
            payments.extend(page.items);
            match page.next_cursor {
                Some(cursor) => path = format!("/payments?limit=2&cursor={cursor}"),
                None => return payments,
            }
        }
    }
}

pub async fn ask(client: &Client, method: Method, path: &str, body: Option<Value>) -> Answer {
    let body = body.map(|body| serde_json::to_vec(&body).unwrap());
    let answer = client.send(method, path, &[], body).await.unwrap();
    let json = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    Answer { status: answer.status.as_u16(), json, bytes: answer.body.to_vec() }
}

pub async fn token(client: &Client, number: &str) -> String {
    let answer = ask(client, Method::POST, "/tokens", Some(json!({"number": number, "expiry": "12/30"}))).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let view: TokenView = serde_json::from_value(answer.json).unwrap();
    view.token.expose().to_owned()
}

/// The body of a charge. The amount goes as its digits, as a shop sends it.
pub fn charge(amount: &str, token: &str) -> Value {
    let text = format!(r#"{{"amount": {amount}, "currency": "USD", "method": "card", "token": "{token}"}}"#);
    serde_json::from_str(&text).unwrap()
}
