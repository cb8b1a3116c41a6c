//! Gateways before a catalog of one book, in the hands of the test.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
};

use gateway_service::{
    SharedConfig,
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
    http::{Background, Fail, Reply, Running, S404, S409, ServiceInfo, serve},
    testing::{Callers, TestDatabase},
};
use shared_types::{Code, Problem, Secret};
use tokio::{sync::watch, task::JoinHandle};

use crate::shop::OPERATOR_KEY;

const INFO: ServiceInfo = ServiceInfo { name: "catalog", title: "Fake", description: "One book." };
const BOOK: &str = "/api/v1/books/1";

pub struct Shelf {
    gateways: Vec<Running>,
    catalog: Option<Running>,
    book: Arc<Book>,
    /// One each: what they share is not in a database.
    databases: Vec<TestDatabase>,
}

/// What a test wants of its gateways.
pub struct Wish {
    pub gateways: usize,
    pub cache_ttl_s: u64,
    /// Requests a second from one address; 0: as many as come.
    pub rate_per_address: u32,
    pub shared: SharedConfig,
}

/// The one book: its version is all there is to it, and none is 0.
struct Book {
    version: AtomicI64,
    asked: AtomicUsize,
    /// Requests of several readers together, and whether the catalog knows what they want.
    asked_together: AtomicUsize,
    knows_together: AtomicBool,
    /// Purchases that wait for their answer, and the most there ever were.
    waiting: AtomicUsize,
    most_waiting: AtomicUsize,
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

/// The same for several who want to know.
#[api_v2_operation(skip)]
async fn show_together(book: web::Data<Book>, ids: web::Path<String>) -> Result<Reply<Value>, Fail<(S404,)>> {
    book.asked_together.fetch_add(1, Ordering::SeqCst);
    if !book.knows_together.load(Ordering::SeqCst) {
        return Err(Problem::new(Code::RouteNotFound, "there is nothing").into());
    }
    let version = book.version.load(Ordering::SeqCst);
    book.asked.fetch_add(ids.split(',').count(), Ordering::SeqCst);
    // An error means that the test is over.
    book.held.subscribe().wait_for(|held| !held).await.ok();
    let result = |id: &str| json!({"id": id.parse::<i64>().unwrap(), "book": {"id": 1, "version": version}});
    Ok(Reply::ok(json!({"results": ids.split(',').map(result).collect::<Vec<_>>()})))
}

/// Makes the next version of the book.
#[api_v2_operation(skip)]
async fn change(book: web::Data<Book>) -> Reply<Value> {
    let version = book.version.fetch_add(1, Ordering::SeqCst) + 1;
    Reply::ok(json!({"id": 1, "version": version}))
}

/// Sells nothing, and says so when it is let go.
#[api_v2_operation(skip)]
async fn sell(book: web::Data<Book>) -> Result<Reply<Value>, Fail<(S409,)>> {
    let waiting = book.waiting.fetch_add(1, Ordering::SeqCst) + 1;
    book.most_waiting.fetch_max(waiting, Ordering::SeqCst);
    // An error means that the test is over.
    book.held.subscribe().wait_for(|held| !held).await.ok();
    book.waiting.fetch_sub(1, Ordering::SeqCst);
    Err(Problem::new(Code::SoldOut, "there is none").into())
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
        Shelf::open_as(&Wish { gateways: 1, cache_ttl_s, rate_per_address, shared: SharedConfig::default() }).await
    }

    /// Several gateways, by number from 0.
    pub async fn open_as(wish: &Wish) -> Shelf {
        Shelf::try_open(wish).await.unwrap()
    }

    /// The same; or why a gateway does not start.
    pub async fn try_open(wish: &Wish) -> Result<Shelf, String> {
        let [asked, asked_together, waiting, most_waiting] = [(); 4].map(|()| AtomicUsize::new(0));
        let knows_together = AtomicBool::new(true);
        let (version, held) = (AtomicI64::new(1), watch::Sender::new(false));
        let book = Arc::new(Book { version, asked, asked_together, knows_together, waiting, most_waiting, held });
        let shown = web::Data::from(Arc::clone(&book));
        let routes = move |config: &mut web::ServiceConfig| {
            config
                .app_data(shown.clone())
                .service(web::resource("/books/by-id/{ids}").route(web::get().to(show_together)))
                .service(web::resource("/books/{id}").route(web::get().to(show)).route(web::patch().to(change)))
                .service(web::resource("/checkout").route(web::post().to(sell)))
                .service(web::resource("/.well-known/jwks.json").route(web::get().to(keys)));
        };
        let any_port = "127.0.0.1:0".parse().unwrap();
        let catalog = serve(INFO, any_port, 1, Vec::new(), Background::default(), routes).await.unwrap();
        let (mut gateways, mut databases) = (Vec::new(), Vec::new());
        for _ in 0..wish.gateways {
            let database = TestDatabase::create("shelf").await;
            let identity = IdentityConfig {
                operator_key: Some(Secret::new(OPERATOR_KEY)),
                rates: RateConfig { rate_per_address: wish.rate_per_address, ..RateConfig::default() },
                ..IdentityConfig::on(database.url().clone())
            };
            let gateway = gateway_service::start(gateway_service::Config {
                listen: any_port,
                workers: 2,
                catalog_url: catalog.url(),
                order_url: catalog.url(),
                delivery_url: catalog.url(),
                dialects: gateway_service::Dialects::default(),
                cache_ttl_seconds: wish.cache_ttl_s,
                metrics_listen: None,
                shared: wish.shared.clone(),
                identity,
            });
            gateways.push(gateway.await.map_err(|error| error.to_string())?);
            databases.push(database);
        }
        Ok(Shelf { gateways, catalog: Some(catalog), book, databases })
    }

    pub fn set_version(&self, version: i64) {
        self.book.version.store(version, Ordering::SeqCst);
    }

    /// Requests in which several asked the catalog together.
    pub fn asked_together(&self) -> usize {
        self.book.asked_together.load(Ordering::SeqCst)
    }

    /// From now on the catalog is one that knows of no such requests.
    pub fn forget_together(&self) {
        self.book.knows_together.store(false, Ordering::SeqCst);
    }

    /// Reads of the catalog.
    pub fn asked(&self) -> usize {
        self.book.asked.load(Ordering::SeqCst)
    }

    /// The most purchases that ever waited for their answer together.
    pub fn most_waiting(&self) -> usize {
        self.book.most_waiting.load(Ordering::SeqCst)
    }

    /// A purchase, beside the test: its status, its code, and in how many seconds to come again.
    pub fn start_buying(&self) -> JoinHandle<(u16, Code, Option<i64>)> {
        let client = self.client(0);
        let wish = json!({"lines": [{"book_id": 1, "quantity": 1}], "payment_method": "on_delivery"});
        tokio::spawn(async move {
            let headers = [("x-api-key", OPERATOR_KEY), ("content-type", "application/json")];
            let body = wish.to_string().into_bytes();
            let answer = client.send(Method::POST, "/api/v1/checkout", &headers, Some(body)).await.unwrap();
            let problem: Problem = serde_json::from_slice(&answer.body).unwrap();
            (answer.status.as_u16(), problem.code, answer.retry_after_s())
        })
    }

    /// A purchase by somebody who says that he waits so long; its status.
    pub async fn buy_within(&self, patience_ms: u32) -> u16 {
        self.buy_as(OPERATOR_KEY, patience_ms).await.0
    }

    /// A purchase with this key: its status, and whether the connection ends with it.
    pub async fn buy_as(&self, key: &str, patience_ms: u32) -> (u16, bool) {
        #[expect(clippy::disallowed_methods, reason = "a plain client, which names the deadline that the test wants")]
        let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(60)).no_proxy().build().unwrap();
        let wish = r#"{"lines": [{"book_id": 1, "quantity": 1}], "payment_method": "on_delivery"}"#;
        let asked = http.post(format!("{}/api/v1/checkout", self.url())).body(wish);
        let asked = asked.header("content-type", "application/json").header("x-api-key", key);
        let answer = asked.header("x-deadline-ms", patience_ms).send().await.unwrap();
        let closes = answer.headers().get("connection").is_some_and(|said| said.as_bytes() == b"close");
        (answer.status().as_u16(), closes)
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
        self.start_reading_at(0)
    }

    pub fn start_reading_at(&self, gateway: usize) -> JoinHandle<i64> {
        let client = self.client(gateway);
        tokio::spawn(async move {
            let answer = client.send(Method::GET, BOOK, &[], None).await.unwrap();
            let book: Value = serde_json::from_slice(&answer.body).unwrap();
            book["version"].as_i64().unwrap()
        })
    }

    pub async fn read(&self) -> i64 {
        self.read_at(0).await
    }

    pub async fn read_at(&self, gateway: usize) -> i64 {
        self.start_reading_at(gateway).await.unwrap()
    }

    /// Somebody makes the next version of the book by way of this gateway.
    pub async fn change_at(&self, gateway: usize) {
        let headers = [("x-api-key", OPERATOR_KEY), ("content-type", "application/json")];
        let body = json!({"price": 3.5}).to_string().into_bytes();
        let answer = self.client(gateway).send(Method::PATCH, BOOK, &headers, Some(body)).await.unwrap();
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    }

    /// The status and the body of an answer.
    pub async fn get_at(&self, gateway: usize, path: &str) -> (u16, Value) {
        let answer = self.client(gateway).send(Method::GET, path, &[], None).await.unwrap();
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    pub async fn status_if_none_match(&self, tag: &str) -> u16 {
        self.client(0).send(Method::GET, BOOK, &[("if-none-match", tag)], None).await.unwrap().status.as_u16()
    }

    /// The catalog tells the gateway, which has heard it when this returns.
    pub async fn tell(&self, event: &Value) {
        self.tell_at(0, event).await;
    }

    pub async fn tell_at(&self, gateway: usize, event: &Value) {
        let catalog = bearer(Who::Service(Service::Catalog), Service::Gateway);
        assert_eq!(self.tell_at_as(gateway, Some(("authorization", &catalog)), event).await, 200);
    }

    pub async fn tell_as(&self, credential: Option<(&str, &str)>, event: &Value) -> u16 {
        self.tell_at_as(0, credential, event).await
    }

    async fn tell_at_as(&self, gateway: usize, credential: Option<(&str, &str)>, event: &Value) -> u16 {
        let mut headers = vec![("content-type", "application/cloudevents-batch+json")];
        headers.extend(credential);
        let body = json!([event]).to_string().into_bytes();
        let answer = self.client(gateway).send(Method::POST, "/events", &headers, Some(body)).await.unwrap();
        answer.status.as_u16()
    }

    /// Lines of the audit log.
    pub async fn audited(&self) -> i64 {
        let db = admin::open(self.databases[0].url()).await.unwrap();
        let count = db.read(|tx| tx.query_one("select count(*) as lines from audit_entry", &[])?.get("lines")).await;
        db.close().await;
        count.unwrap_or_else(|error: DbError| panic!("{error}"))
    }

    /// How every change that was asked for ended, by the audit log, and what stands beside it.
    pub async fn endings(&self) -> Vec<(String, String)> {
        let db = admin::open(self.databases[0].url()).await.unwrap();
        let read = |tx: &mut service_kit::db::Tx<'_>| {
            let lines = "select outcome, detail from audit_entry where detail is not null order by entry_id";
            let lines = tx.query(lines, &[])?;
            lines.iter().map(|line| Ok((line.get("outcome")?, line.get("detail")?))).collect()
        };
        let endings = db.read(read).await;
        db.close().await;
        endings.unwrap_or_else(|error: DbError| panic!("{error}"))
    }

    /// Nobody behind the gateway answers any more.
    pub async fn shut(&mut self) {
        self.catalog.take().unwrap().stop().await;
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

    pub fn url(&self) -> String {
        self.gateways[0].url()
    }

    fn client(&self, gateway: usize) -> Client {
        // A crowd that connects at once takes its time.
        Client::new(&self.gateways[gateway].url(), ClientOptions { connect_ms: 60_000, call_ms: 60_000 }).unwrap()
    }

    pub async fn close(self) {
        self.release();
        for gateway in self.gateways {
            gateway.stop().await;
        }
        if let Some(catalog) = self.catalog {
            catalog.stop().await;
        }
    }
}

fn bearer(who: Who, aud: Service) -> String {
    let caller = Caller { who, scopes: Scopes::NONE, act: None, client_id: None };
    Callers::of_this_process().bearer(&caller, aud)
}
