use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use delivery_service::{Config, start};
use paperclip::{
    actix::{api_v2_operation, web},
    v2::schema::Apiv2Schema,
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::{
    auth::{Caller, JWKS_PATH, Jwks, Service, Who},
    db::{Db, DbError, DbOptions},
    http::{Background, Body, Fail, Reply, Running, ServiceInfo, serve},
    outbox,
    testing::{Callers, TestDatabase},
};
use shared_types::{
    AccountId,
    events::{BatchAnswer, CloudEvent, EventOutcome, EventResult},
};
use uuid::Uuid;

/// The delivery service, running on a database of its own.
pub struct Stage {
    pub running: Running,
    http: reqwest::Client,
    database: TestDatabase,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub json: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or("")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Stage {
    pub async fn set(name: &str) -> Stage {
        Stage::with_order_service(name, None).await
    }

    pub async fn with_order_service(name: &str, order_url: Option<String>) -> Stage {
        let database = TestDatabase::create(name).await;
        let running = start(config(&database, order_url)).await.unwrap();
        Stage { running, http: http(), database }
    }

    /// Somebody listens who never picks anything up: every event stays where a test can see it.
    pub async fn listened_to(name: &str) -> Stage {
        let database = TestDatabase::create(name).await;
        let db = Db::open(database.url(), DbOptions::default(), &[]).await.unwrap();
        db.write(|tx| outbox::subscribe(tx, "test")).await.unwrap();
        db.close().await;
        let running = start(config(&database, None)).await.unwrap();
        Stage { running, http: http(), database }
    }

    /// The ids of all events that were told.
    pub async fn events(&self) -> BTreeSet<String> {
        let db = Db::open_read_only(self.database.url()).await.unwrap();
        let told = db.read(|tx| {
            let rows = tx.query("select event_id from outbox_event", &[])?;
            rows.iter().map(|row| row.get("event_id")).collect::<Result<_, DbError>>()
        });
        let told = told.await.unwrap();
        db.close().await;
        told
    }

    /// Stops the service and starts it again on the same database.
    pub async fn restarted(self, order_url: Option<String>) -> Stage {
        let Stage { running, http, database } = self;
        running.stop().await;
        let running = start(config(&database, order_url)).await.unwrap();
        Stage { running, http, database }
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        self.send_as(who(&method, path), method, path, headers, body).await
    }

    /// As [`send`](Self::send), by this very caller.
    pub async fn send_as(
        &self,
        who: Who,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.running.url()));
        request = request.header("authorization", bearer(who));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, &[], Some(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, &[], Some(body)).await
    }

    pub async fn cancel(&self, id: &str) -> Answer {
        self.send(Method::POST, &format!("/deliveries/{id}/cancel"), &[], None).await
    }

    pub async fn book(&self, id: &str) -> Answer {
        self.put(&format!("/deliveries/{id}"), &parcel()).await
    }

    pub async fn advance(&self, id: &str, status: &str) -> Answer {
        self.post(&format!("/deliveries/{id}/moves"), &json!({"status": status})).await
    }

    /// Books a new delivery and moves it through these statuses.
    pub async fn delivery_after(&self, statuses: &[&str]) -> String {
        let id = fresh_id();
        assert_eq!(self.book(&id).await.status, 201);
        for status in statuses {
            // Its order cancels a delivery; nobody moves it there.
            let answer = if *status == "canceled" { self.cancel(&id).await } else { self.advance(&id, status).await };
            assert_eq!(answer.status, 200, "{statuses:?}: {status}");
        }
        id
    }

    pub async fn strike(self) {
        self.running.stop().await;
    }
}

/// Parcels are booked and canceled by the order service, everything else is an employee's.
fn who(method: &Method, path: &str) -> Who {
    let books = *method == Method::PUT && !path.ends_with("/courier");
    let books_several = *method == Method::POST && path == "/deliveries";
    if books || books_several || path.ends_with("/cancel") {
        Who::Service(Service::Order)
    } else {
        Who::Employee(AccountId::from_uuid(Uuid::nil()))
    }
}

/// The `Authorization` of this caller's calls to the delivery service.
pub fn bearer(who: Who) -> String {
    Callers::of_this_process().bearer(&Caller::first_hand(who), Service::Delivery)
}

fn config(database: &TestDatabase, order_url: Option<String>) -> Config {
    let issuers = Callers::of_this_process().url();
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        database_url: database.url().clone(),
        workers: 2,
        gateway_url: issuers.clone(),
        // Without an order service there are its keys all the same.
        order_url: order_url.unwrap_or(issuers),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test reads statuses and headers; it hangs at worst")]
fn http() -> reqwest::Client {
    reqwest::Client::new()
}

/// An id that no order chose before.
pub fn fresh_id() -> String {
    format!("{}:d1", Uuid::now_v7())
}

pub fn parcel() -> Value {
    json!({"address": {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto", "country": "PT"}})
}

/// An order service that writes down what it is told.
pub struct FakeOrder {
    pub running: Running,
    told: Told,
}

type Told = Arc<Mutex<Vec<CloudEvent>>>;

#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Batch(Vec<CloudEvent>);

impl Apiv2Schema for Batch {}

/// Takes events.
#[api_v2_operation]
async fn events(told: web::Data<Told>, batch: Body<Batch>) -> Result<Reply<BatchAnswer>, Fail> {
    let mut told = told.lock().unwrap();
    let results = batch.0.0.into_iter().map(|event| {
        let result = EventResult { id: event.id.clone(), outcome: EventOutcome::Handled, detail: None };
        told.push(event);
        result
    });
    Ok(Reply::ok(BatchAnswer { results: results.collect() }))
}

/// With them the service under test believes what the order service says.
#[api_v2_operation]
async fn keys() -> Result<Reply<Jwks>, Fail> {
    Ok(Reply::ok(Callers::of_this_process().keys()))
}

impl FakeOrder {
    pub async fn start_at(address: SocketAddr) -> FakeOrder {
        let told = Told::default();
        let shared = web::Data::new(Arc::clone(&told));
        let info = ServiceInfo { name: "order", title: "Fake", description: "Writes down what it is told." };
        let routes = move |config: &mut web::ServiceConfig| {
            config.app_data(shared.clone()).service(web::resource("/events").route(web::post().to(events)));
            config.service(web::resource(JWKS_PATH).route(web::get().to(keys)));
        };
        let running = serve(info, address, 1, Vec::new(), Background::default(), routes).await.unwrap();
        FakeOrder { running, told }
    }

    pub async fn start() -> FakeOrder {
        FakeOrder::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub fn url(&self) -> String {
        self.running.url()
    }

    pub fn told(&self) -> Vec<CloudEvent> {
        self.told.lock().unwrap().clone()
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }
}
