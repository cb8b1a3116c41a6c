//! A gateway before a catalog of one book, in the hands of the test.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

use gateway_service::{
    identity::{IdentityConfig, admin},
    layers::RateConfig,
};
use paperclip::actix::{api_v2_operation, web};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    Client, ClientOptions,
    auth::{Caller, Jwks, Scopes, Service, Who},
    db::DbError,
    http::{Background, Fail, Reply, Running, S404, ServiceInfo, serve},
    testing::{Callers, TestDatabase},
};
use shared_types::{Code, Problem, Secret};
use tokio::{sync::watch, task::JoinHandle};

use crate::shop::OPERATOR_KEY;

const INFO: ServiceInfo = ServiceInfo { name: "catalog", title: "Fake", description: "One book." };
const BOOK: &str = "/api/v1/books/1";

pub struct Shelf {
    gateway: Running,
    catalog: Running,
    book: Arc<Book>,
    database: TestDatabase,
}

/// The one book: its version is all there is to it, and none is 0.
struct Book {
    version: AtomicI64,
    asked: AtomicUsize,
    held: watch::Sender<bool>,
}

/// An event that says that this book has this version now.
pub fn changed(book: i64, version: i64) -> Value {
    json!({
        "specversion": "1.0", "id": format!("{book}.{version}"), "source": "lastcopy/catalog",
        "type": "lastcopy.book.changed", "subject": format!("book/{book}"), "time": "2026-11-18T11:06:40.123456Z",
        "datacontenttype": "application/json",
        "data": {"books": [{"book_id": book, "version": version, "what": "stock"}]}
    })
}

/// Looks at the book, and answers what it saw when it is let go.
#[api_v2_operation(skip)]
async fn show(book: web::Data<Book>) -> Result<Reply<Value>, Fail<(S404,)>> {
    let version = book.version.load(Ordering::SeqCst);
    book.asked.fetch_add(1, Ordering::SeqCst);
    // An error means that the test is over.
    book.held.subscribe().wait_for(|held| !held).await.ok();
    if version == 0 {
        return Err(Problem::new(Code::BookNotFound, "there is no book").into());
    }
    Ok(Reply::ok(json!({"id": 1, "version": version})).etag(version))
}

#[api_v2_operation(skip)]
async fn keys() -> Reply<Jwks> {
    Reply::ok(Callers::of_this_process().keys())
}

impl Shelf {
    pub async fn open(cache_ttl_s: u64) -> Shelf {
        Shelf::open_counting(cache_ttl_s, 0).await
    }

    /// One that lets in so many requests a second from one address; 0: as many as come.
    pub async fn open_counting(cache_ttl_s: u64, rate_per_address: u32) -> Shelf {
        let database = TestDatabase::create("shelf").await;
        let book =
            Arc::new(Book { version: AtomicI64::new(1), asked: AtomicUsize::new(0), held: watch::Sender::new(false) });
        let shown = web::Data::from(Arc::clone(&book));
        let routes = move |config: &mut web::ServiceConfig| {
            config
                .app_data(shown.clone())
                .service(web::resource("/books/{id}").route(web::get().to(show)))
                .service(web::resource("/.well-known/jwks.json").route(web::get().to(keys)));
        };
        let any_port = "127.0.0.1:0".parse().unwrap();
        let catalog = serve(INFO, any_port, 1, Vec::new(), Background::default(), routes).await.unwrap();
        let gateway = gateway_service::start(gateway_service::Config {
            listen: any_port,
            workers: 2,
            catalog_url: catalog.url(),
            order_url: catalog.url(),
            delivery_url: catalog.url(),
            dialects: gateway_service::Dialects::default(),
            cache_ttl_seconds: cache_ttl_s,
            metrics_listen: None,
            identity: IdentityConfig {
                operator_key: Some(Secret::new(OPERATOR_KEY)),
                rates: RateConfig { rate_per_address, ..RateConfig::default() },
                ..IdentityConfig::on(database.url().clone())
            },
        });
        Shelf { gateway: gateway.await.unwrap(), catalog, book, database }
    }

    pub fn set_version(&self, version: i64) {
        self.book.version.store(version, Ordering::SeqCst);
    }

    /// Reads of the catalog.
    pub fn asked(&self) -> usize {
        self.book.asked.load(Ordering::SeqCst)
    }

    /// From now on a read has seen what it says, and does not say it yet.
    pub fn hold(&self) {
        self.book.held.send_replace(true);
    }

    pub fn release(&self) {
        self.book.held.send_replace(false);
    }

    /// Reads through the gateway, beside the test; answers the version.
    pub fn start_reading(&self) -> JoinHandle<i64> {
        let client = self.client();
        tokio::spawn(async move {
            let answer = client.send(Method::GET, BOOK, &[], None).await.unwrap();
            let book: Value = serde_json::from_slice(&answer.body).unwrap();
            book["version"].as_i64().unwrap()
        })
    }

    pub async fn read(&self) -> i64 {
        self.start_reading().await.unwrap()
    }

    pub async fn status_if_none_match(&self, tag: &str) -> u16 {
        self.client().send(Method::GET, BOOK, &[("if-none-match", tag)], None).await.unwrap().status.as_u16()
    }

    /// The catalog tells the gateway, which has heard it when this returns.
    pub async fn tell(&self, event: &Value) {
        let catalog = bearer(Who::Service(Service::Catalog), Service::Gateway);
        assert_eq!(self.tell_as(Some(("authorization", &catalog)), event).await, 200);
    }

    pub async fn tell_as(&self, credential: Option<(&str, &str)>, event: &Value) -> u16 {
        let mut headers = vec![("content-type", "application/cloudevents-batch+json")];
        headers.extend(credential);
        let body = json!([event]).to_string().into_bytes();
        let answer = self.client().send(Method::POST, "/events", &headers, Some(body)).await.unwrap();
        answer.status.as_u16()
    }

    /// Lines of the audit log.
    pub async fn audited(&self) -> i64 {
        let db = admin::open(self.database.url()).await.unwrap();
        let count = db.read(|tx| tx.query_one("select count(*) as lines from audit_entry", &[])?.get("lines")).await;
        db.close().await;
        count.unwrap_or_else(|error: DbError| panic!("{error}"))
    }

    /// Tokens that are good elsewhere, or for somebody else's wishes.
    pub fn strangers(&self) -> Vec<String> {
        let administrator = Who::Administrator("01936f2e-7b1c-7cc3-98c4-dc0c0c07398f".parse().unwrap());
        vec![
            bearer(Who::Service(Service::Catalog), Service::Order),
            bearer(administrator, Service::Gateway),
            bearer(Who::Service(Service::Delivery), Service::Gateway),
        ]
    }

    /// Opens the stream of what happens.
    #[expect(clippy::disallowed_methods, reason = "a stream has no deadline")]
    pub async fn listen(&self, last: Option<&str>) -> reqwest::Response {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.get(format!("{}/api/v1/events", self.gateway.url()));
        let request = last.into_iter().fold(request, |request, last| request.header("last-event-id", last));
        request.send().await.unwrap()
    }

    fn client(&self) -> Client {
        Client::new(&self.gateway.url(), ClientOptions { call_ms: 60_000, ..ClientOptions::default() }).unwrap()
    }

    pub async fn close(self) {
        self.release();
        self.gateway.stop().await;
        self.catalog.stop().await;
    }
}

fn bearer(who: Who, aud: Service) -> String {
    let caller = Caller { who, scopes: Scopes::NONE, act: None, client_id: None };
    Callers::of_this_process().bearer(&caller, aud)
}
