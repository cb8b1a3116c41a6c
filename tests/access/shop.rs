use std::{collections::BTreeMap, time::Duration};

use clap::Parser;
use gateway_service::identity::admin;
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use service_kit::{
    http::Running,
    testing::{FreePort, TestDatabase},
};

/// Everything that has routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Gateway,
    Catalog,
    Order,
    Delivery,
    /// The sandbox provider.
    Payments,
}

pub use Part::{Catalog, Delivery, Gateway, Order, Payments};

impl Part {
    pub const ALL: [Part; 5] = [Gateway, Catalog, Order, Delivery, Payments];

    /// As its section of the matrix is called.
    pub fn name(self) -> &'static str {
        match self {
            Gateway => "gateway",
            Catalog => "catalog",
            Order => "order",
            Delivery => "delivery",
            Payments => "payments",
        }
    }
}

/// The password of everybody.
pub const PASSWORD: &str = "seven green lamps";
/// Who signs with it is believed that money has arrived.
pub const WEBHOOK_SECRET: &str = "secret of those who report money";
const SANDBOX_SECRET: &str = "between the bank and the shop";

/// A whole shop in this process, each service on a database of its own.
pub struct Shop {
    running: BTreeMap<Part, Running>,
    databases: BTreeMap<Part, TestDatabase>,
    http: reqwest::Client,
}

/// A request without its credential.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub enum Body {
    None,
    Json(Value),
    Form(String),
    /// JSON, to the byte.
    Text(String),
    /// Of this media type, to the byte.
    Bytes(String, Vec<u8>),
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
    pub text: String,
}

/// Headers that say who calls.
pub type Credential = Vec<(&'static str, String)>;

#[derive(Parser)]
struct Flags<C: clap::Args> {
    #[command(flatten)]
    config: C,
}

/// A service's configuration by its own command line, so that a new flag of it is none of our business.
fn config<C: clap::Args>(flags: &[(&str, String)]) -> C {
    let flags = flags.iter().map(|(name, value)| format!("--{name}={value}"));
    Flags::<C>::parse_from(["service".to_owned()].into_iter().chain(flags)).config
}

impl Shop {
    /// With one administrator, `root`, and nothing else in it.
    pub async fn open() -> Shop {
        let mut databases = BTreeMap::new();
        for part in Part::ALL {
            databases.insert(part, TestDatabase::create(part.name()).await);
        }
        let db = admin::open(databases[&Gateway].url()).await.unwrap();
        let root = account("root", Some("administrator"));
        admin::add_user(&db, serde_json::from_value(root).unwrap()).await.unwrap();
        db.close().await;
        #[expect(clippy::disallowed_methods, reason = "a plain client, to see answers as they are")]
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy();
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut shop = Shop { running: BTreeMap::new(), databases, http };
        shop.start().await;
        shop
    }

    /// They trust one another's keys by address, so every address is known before any of them starts.
    async fn start(&mut self) {
        let ports: BTreeMap<Part, FreePort> = Part::ALL.into_iter().map(|part| (part, FreePort::reserve())).collect();
        let flags = |part: Part, more: &[(&'static str, String)]| {
            let listen = ("listen", ports[&part].address().to_string());
            let stored = ("database-url", self.databases[&part].url().expose());
            [&[listen, stored, ("workers", "1".to_owned())], more].concat()
        };
        let [gateway, catalog, order, delivery, payments] = [
            ("gateway-url", ports[&Gateway].url()),
            ("catalog-url", ports[&Catalog].url()),
            ("order-url", ports[&Order].url()),
            ("delivery-url", ports[&Delivery].url()),
            ("payments-url", ports[&Payments].url()),
        ];
        let secret = ("sandbox-webhook-secret", SANDBOX_SECRET.to_owned());
        let receipts = ("webhook-secret", WEBHOOK_SECRET.to_owned());
        let outside = ("webhook-allowed-networks", "127.0.0.0/8".to_owned());
        let guests = ("guest-checkout", "true".to_owned());
        let started = [
            (Catalog, catalog_service::start(config(&flags(Catalog, &[gateway.clone(), order.clone()]))).await),
            (Delivery, delivery_service::start(config(&flags(Delivery, &[gateway.clone(), order.clone()]))).await),
            (Payments, lastcopy::payments::start(config(&flags(Payments, &[order.clone(), secret.clone()]))).await),
            (
                Order,
                order_service::start(config(&flags(
                    Order,
                    &[gateway, catalog.clone(), delivery.clone(), payments, secret, receipts, outside],
                )))
                .await,
            ),
            (Gateway, gateway_service::start(config(&flags(Gateway, &[catalog, order, delivery, guests]))).await),
        ];
        self.running = started.into_iter().map(|(part, running)| (part, running.unwrap())).collect();
    }

    /// Stops everything; the databases stay until this value goes.
    pub async fn close(mut self) {
        for part in [Gateway, Order, Delivery, Catalog, Payments] {
            self.running.remove(&part).unwrap().stop().await;
        }
    }

    /// The address of a path at the gateway.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running[&Gateway].url())
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub fn databases(&self) -> &BTreeMap<Part, TestDatabase> {
        &self.databases
    }

    /// The API document of a service.
    pub async fn document(&self, part: Part) -> Value {
        self.send(part, &Call::get("/openapi.json"), &[]).await.json
    }

    pub async fn send(&self, part: Part, call: &Call, credential: &[(&'static str, String)]) -> Answer {
        let url = format!("{}{}", self.running[&part].url(), call.path);
        let mut request = self.http.request(call.method.clone(), url);
        for (name, value) in call.headers.iter().chain(credential) {
            request = request.header(*name, value);
        }
        let request = match &call.body {
            Body::None => request,
            Body::Json(json) => request.json(json),
            Body::Form(form) => request.header("content-type", "application/x-www-form-urlencoded").body(form.clone()),
            Body::Text(text) => request.header("content-type", "application/json").body(text.clone()),
            Body::Bytes(kind, bytes) => request.header("content-type", kind).body(bytes.clone()),
        };
        Answer::read(request.send().await.unwrap()).await
    }

    /// A call to the gateway that must succeed.
    pub async fn ask(&self, call: &Call, credential: &[(&'static str, String)]) -> Value {
        let answer = self.send(Gateway, call, credential).await;
        assert!((200..300).contains(&answer.status), "{call:?}: {} {}", answer.status, answer.text);
        answer.json
    }
}

/// What somebody of this name is registered with; with a role by an administrator.
pub fn account(name: &str, role: Option<&str>) -> Value {
    let mut account =
        json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD, "name": name});
    if let Some(role) = role {
        account["role"] = role.into();
    }
    account
}

impl Call {
    pub fn new(method: Method, path: impl Into<String>) -> Call {
        Call { method, path: path.into(), headers: Vec::new(), body: Body::None }
    }

    pub fn get(path: impl Into<String>) -> Call {
        Call::new(Method::GET, path)
    }

    pub fn post(path: impl Into<String>, body: Value) -> Call {
        Call::new(Method::POST, path).json(body)
    }

    pub fn delete(path: impl Into<String>) -> Call {
        Call::new(Method::DELETE, path)
    }

    pub fn json(self, body: Value) -> Call {
        Call { body: Body::Json(body), ..self }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Call {
        self.headers.push((name, value.into()));
        self
    }
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A stream has no end.
        let streams = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let text = if streams { String::new() } else { response.text().await.unwrap() };
        Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or(""))
    }
}
