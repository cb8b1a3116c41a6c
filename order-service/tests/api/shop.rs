use std::time::Duration;

use order_service::{Config, InvoiceProvider, NotificationConfig, Pace, PaymentsConfig, WebhookConfig};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    auth::{Caller, Service, Who},
    http::Running,
    testing::{Callers, TestDatabase, eventually},
};
use shared_types::{AccountId, Currency, Secret};

use crate::neighbours::Neighbours;

/// Those who report money are replacing their secret.
pub const REPORTERS_SECRETS: &str = "tomorrow's secret,yesterday's secret";
pub const SANDBOX_SECRET: &str = "the sandbox's secret";
pub const STRIPE_SECRET: &str = "whsec_of_stripe";

/// The service under test with its neighbours and its database.
pub struct Shop {
    pub neighbours: Neighbours,
    pub database: TestDatabase,
    pub running: Running,
    pub http: reqwest::Client,
    pace: Pace,
    messages: Messages,
}

/// Who is told what, and by whom.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    pub notifications: NotificationConfig,
    pub webhooks: WebhookConfig,
}

/// An answer of the service.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub link: Option<String>,
    pub json: Value,
}

impl Answer {
    /// The order's id, from a view or from what a problem is about.
    pub fn order_id(&self) -> String {
        let about = self.json["resource"].as_str().and_then(|path| path.strip_prefix("/orders/"));
        self.json["id"].as_str().or(about).unwrap().to_owned()
    }

    /// What of a problem does not belong to this request alone.
    pub fn without_request_id(mut self) -> Answer {
        if let Some(json) = self.json.as_object_mut() {
            json.remove("request_id");
        }
        self
    }
}

/// Deadlines that are not met by chance, pauses that a test can wait for.
pub fn patient() -> Pace {
    Pace {
        answer_ms: 20_000,
        call_ms: 10_000,
        first_pause_ms: 5,
        longest_pause_ms: 40,
        poll_ms: 50,
        look_ms: 100,
        lease_ms: 20_000,
    }
}

/// The ordinary pace of a test, but nobody waits long for a decision or an answer.
pub fn hasty() -> Pace {
    Pace { answer_ms: 150, call_ms: 100, lease_ms: 500, ..patient() }
}

impl Shop {
    pub async fn open(name: &str) -> Shop {
        Shop::open_with(name, patient()).await
    }

    pub async fn open_with(name: &str, pace: Pace) -> Shop {
        Shop::open_on(TestDatabase::create(name).await, pace).await
    }

    /// A shop whose orders have to be paid at once.
    pub async fn open_at_once_due(name: &str) -> Shop {
        let billing = (0, InvoiceProvider::Sandbox);
        Shop::open_all(TestDatabase::create(name).await, hasty(), Messages::default(), billing).await
    }

    /// A shop whose invoices are sent by its bank.
    pub async fn open_with_invoices(name: &str) -> Shop {
        let billing = (60, InvoiceProvider::Sandbox);
        Shop::open_all(TestDatabase::create(name).await, patient(), Messages::default(), billing).await
    }

    pub async fn open_on(database: TestDatabase, pace: Pace) -> Shop {
        Shop::open_telling(database, pace, Messages::default()).await
    }

    pub async fn open_telling(database: TestDatabase, pace: Pace, messages: Messages) -> Shop {
        Shop::open_all(database, pace, messages, BILLING).await
    }

    #[expect(clippy::disallowed_methods, reason = "a plain client, to see heads and bodies as they are")]
    async fn open_all(database: TestDatabase, pace: Pace, messages: Messages, billing: Billing) -> Shop {
        let neighbours = Neighbours::start();
        let running = start_all(&database, &neighbours, pace.clone(), messages.clone(), billing).await;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        Shop { neighbours, database, running, http, pace, messages }
    }

    /// Ends the service and starts it again on what it wrote.
    pub async fn restart(self) -> Shop {
        let Shop { neighbours, database, running, http, pace, messages } = self;
        running.stop().await;
        let running = start_telling(&database, &neighbours, pace.clone(), messages.clone()).await;
        Shop { neighbours, database, running, http, pace, messages }
    }

    pub async fn close(self) {
        self.running.stop().await;
        self.neighbours.stop().await;
    }

    pub async fn send(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> Answer {
        send(&self.http, &self.running.url(), method, path, key, body).await
    }

    /// Likewise, by somebody else.
    pub async fn send_as(
        &self,
        who: &Who,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        send_as(who.clone(), &self.http, &self.running.url(), method, path, key, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    pub async fn checkout(&self, body: &Value) -> Answer {
        self.send(Method::POST, "/checkout", None, Some(body)).await
    }

    pub async fn checkout_with(&self, key: &str, body: &Value) -> Answer {
        self.send(Method::POST, "/checkout", Some(key), Some(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, None, Some(body)).await
    }

    pub async fn cancel(&self, order: &str) -> Answer {
        self.send(Method::POST, &format!("/orders/{order}/cancel"), None, None).await
    }

    pub async fn order(&self, order: &str) -> Value {
        self.get(&format!("/orders/{order}")).await.json
    }

    /// The commands of an order's history, in order.
    pub async fn history(&self, order: &str) -> Vec<String> {
        let history = self.get(&format!("/orders/{order}/history")).await;
        let items = history.json["items"].as_array().unwrap().clone();
        items.iter().map(|entry| entry["command"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until nothing is left to do for an order; answers it.
    pub async fn settled(&self, order: &str) -> Value {
        eventually("the order is at rest", async || self.order(order).await["settled"] == true).await;
        self.order(order).await
    }
}

pub async fn start(database: &TestDatabase, neighbours: &Neighbours, pace: Pace) -> Running {
    start_telling(database, neighbours, pace, Messages::default()).await
}

pub async fn start_telling(
    database: &TestDatabase,
    neighbours: &Neighbours,
    pace: Pace,
    messages: Messages,
) -> Running {
    start_all(database, neighbours, pace, messages, BILLING).await
}

/// Minutes until an order has to be paid, and who sends invoices.
type Billing = (u32, InvoiceProvider);
const BILLING: Billing = (60, InvoiceProvider::Receipts);

async fn start_all(
    database: &TestDatabase,
    neighbours: &Neighbours,
    pace: Pace,
    messages: Messages,
    (unpaid_minutes, invoice_provider): Billing,
) -> Running {
    let Messages { notifications, webhooks } = messages;
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        database_url: database.url().clone(),
        workers: 2,
        catalog_url: neighbours.address.clone(),
        gateway_url: Callers::of_this_process().url(),
        delivery_url: neighbours.address.clone(),
        tell_gateways: Vec::new(),
        payments: PaymentsConfig {
            payments_url: neighbours.address.clone(),
            webhook_secret: Some(Secret::new(REPORTERS_SECRETS)),
            sandbox_webhook_secret: Some(Secret::new(SANDBOX_SECRET)),
            stripe_webhook_secret: Some(Secret::new(STRIPE_SECRET)),
            invoice_provider,
            ..PaymentsConfig::default()
        },
        unpaid_minutes,
        currency: Currency::USD,
        notifications,
        webhooks,
        pace,
    };
    order_service::start(config).await.unwrap()
}

/// Who calls where a test names nobody.
pub fn employee() -> Who {
    Who::Employee(AccountId::from_uuid(uuid::Uuid::nil()))
}

/// The `Authorization` of this caller's calls to the order service.
pub fn bearer(who: Who) -> String {
    Callers::of_this_process().bearer(&Caller::first_hand(who), Service::Order)
}

pub async fn send(
    http: &reqwest::Client,
    url: &str,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: Option<&Value>,
) -> Answer {
    // Events are the delivery service's to tell, everything else is asked by an employee.
    let who = if path == "/events" { Who::Service(Service::Delivery) } else { employee() };
    send_as(who, http, url, method, path, key, body).await
}

/// As [`send`], by this very caller.
pub async fn send_as(
    who: Who,
    http: &reqwest::Client,
    url: &str,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: Option<&Value>,
) -> Answer {
    let mut request = http.request(method, format!("{url}{path}")).header("authorization", bearer(who));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (status, location, link) = (response.status().as_u16(), header("location"), header("link"));
    let json = response.json().await.unwrap_or(Value::Null);
    Answer { status, location, link, json }
}

/// A purchase for the counter: no address, so it is at rest as soon as it is approved.
pub fn collect(lines: &[(i64, i64)]) -> Value {
    let lines: Vec<Value> =
        lines.iter().map(|(book, quantity)| json!({"book_id": book, "quantity": quantity})).collect();
    json!({"lines": lines, "payment_method": "on_delivery"})
}

/// A purchase that is sent home.
pub fn deliver(lines: &[(i64, i64)]) -> Value {
    let mut body = collect(lines);
    body["address"] = json!({"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"});
    body
}
