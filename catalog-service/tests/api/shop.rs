use std::sync::atomic::{AtomicI64, Ordering};

use catalog_service::Config;
use reqwest::{Client, Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use service_kit::{
    auth::{self, Service, Who},
    db::{DatabaseUrl, Db, DbError, Tx},
    http::Running,
    testing::{Callers, TestDatabase},
};
use shared_types::AccountId;
use uuid::Uuid;

/// A catalog that runs. A test ends with [`finish`](Self::finish), which audits every copy.
pub struct Shop {
    running: Option<Running>,
    database: TestDatabase,
    caller: Caller,
    next_sku: AtomicI64,
}

/// Whoever calls the catalog. Clones call in parallel.
#[derive(Clone)]
pub struct Caller {
    pub base: String,
    http: Client,
    /// An employee through the gateway, unless a test says otherwise.
    bearer: Option<String>,
}

/// An answer, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
}

impl Answer {
    /// The status and, of a problem, its code.
    pub fn outcome(&self) -> (u16, &str) {
        (self.status, self.json["code"].as_str().unwrap_or_default())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The fields that a problem names.
    pub fn fields(&self) -> Vec<&str> {
        self.json["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect()
    }

    /// The titles in a page of books.
    pub fn titles(&self) -> Vec<&str> {
        assert_eq!(self.status, 200, "{}", self.json);
        self.json["items"].as_array().unwrap().iter().map(|book| book["title"].as_str().unwrap()).collect()
    }
}

/// The id of a taking of a new order.
pub fn taking_id() -> String {
    format!("{}:1", Uuid::now_v7())
}

/// One line of a taking.
pub fn line(book: i64, quantity: i64) -> Value {
    json!({"book_id": book, "quantity": quantity})
}

/// The `Authorization` of this caller's calls to the catalog.
pub fn bearer(who: Who) -> String {
    Callers::of_this_process().bearer(&auth::Caller::first_hand(who), Service::Catalog)
}

impl Caller {
    /// The same service, called by somebody else; `None`: by nobody who says who he is.
    pub fn called_by(&self, who: Option<Who>) -> Caller {
        Caller { bearer: who.map(bearer), ..self.clone() }
    }

    /// The same service, called with an API key that has these scopes.
    pub fn called_with(&self, scopes: &str) -> Caller {
        let key =
            auth::Caller { scopes: scopes.parse().unwrap(), ..auth::Caller::first_hand(Who::ApiKey("test".into())) };
        let bearer = Callers::of_this_process().bearer(&key, Service::Catalog);
        Caller { bearer: Some(bearer), ..self.clone() }
    }

    /// Takings are the order service's, everything else is the caller's.
    fn bearer_for(&self, path: &str) -> Option<String> {
        if path.starts_with("/takings") { Some(bearer(Who::Service(Service::Order))) } else { self.bearer.clone() }
    }

    pub async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        Caller { bearer: self.bearer_for(path), ..self.clone() }.call_as_is(method, path, headers, body).await
    }

    /// As this very caller, whatever the path.
    pub async fn call_as_is(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", bearer);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}: {text}");
        Answer { status: status.as_u16(), headers, json: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], None).await
    }

    /// The body of an answer, byte for byte.
    pub async fn text(&self, path: &str) -> String {
        self.http
            .get(format!("{}{path}", self.base))
            .header("authorization", self.bearer.clone().unwrap())
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// What the service counts under this name.
    pub async fn number_of(&self, counter: &str) -> String {
        let page = self.text("/metrics").await;
        let number = page.lines().find_map(|line| line.strip_prefix(counter)?.strip_prefix(' '));
        number.unwrap_or_else(|| panic!("{counter} is not in {page}")).to_owned()
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, &[], Some(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, &[], Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, &[], None).await
    }

    pub async fn take(&self, taking: &str, lines: &[Value]) -> Answer {
        self.call(Method::PUT, &format!("/takings/{taking}"), &[], Some(&json!({"lines": lines}))).await
    }

    pub async fn give_back(&self, taking: &str) -> Answer {
        self.call(Method::POST, &format!("/takings/{taking}/give-back"), &[], None).await
    }

    pub async fn book(&self, book: i64) -> Value {
        let answer = self.get(&format!("/books/{book}")).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json
    }

    pub async fn on_hand(&self, book: i64) -> i64 {
        self.book(book).await["on_hand"].as_i64().unwrap()
    }
}

impl std::ops::Deref for Shop {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Shop {
    pub async fn open(name: &str) -> Shop {
        Shop::open_on(TestDatabase::create(name).await).await
    }

    pub async fn open_on(database: TestDatabase) -> Shop {
        let running = start(&database, "USD").await.unwrap();
        let employee = bearer(Who::Employee(AccountId::from_uuid(Uuid::nil())));
        let caller = Caller { base: running.url(), http: http_client(), bearer: Some(employee) };
        Shop { running: Some(running), database, caller, next_sku: AtomicI64::new(1) }
    }

    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// A new book with so many copies, at 10.00.
    pub async fn new_book(&self, stock: i64) -> i64 {
        let n = self.next_sku.fetch_add(1, Ordering::Relaxed);
        let book = json!({"sku": format!("SKU-{n}"), "title": format!("Book {n}"), "topic": "tests", "price": 10, "stock": stock});
        self.add(book).await
    }

    /// A new book of these fields; answers its number.
    pub async fn add(&self, book: Value) -> i64 {
        let answer = self.post("/books", book).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.json["id"].as_i64().unwrap()
    }

    /// Where its books are kept, to look at them past the service.
    pub fn database_url(&self) -> &DatabaseUrl {
        self.database.url()
    }

    /// Audits every copy and stops.
    pub async fn finish(mut self) {
        self.audit().await;
        self.running.take().unwrap().stop().await;
    }

    /// Stops without a word, and starts again on the same database.
    pub async fn restart(mut self) -> Shop {
        self.running.take().unwrap().stop().await;
        let database = std::mem::replace(&mut self.database, TestDatabase::create("unused").await);
        Shop::open_on(database).await
    }

    /// Looks into the database past the service: every count must agree with every other.
    async fn audit(&self) {
        let db = Db::open_read_only(self.database.url()).await.unwrap();
        let wrong: Vec<i64> = db.read(|tx: &mut Tx<'_>| unaccounted(tx)).await.unwrap();
        db.close().await;
        assert!(wrong.is_empty(), "copies of these books are unaccounted for: {wrong:?}");
    }
}

/// Books of which a copy was sold twice, lost or made up: by their counters, their takings or their ledger.
fn unaccounted(tx: &mut Tx<'_>) -> Result<Vec<i64>, DbError> {
    let rows = tx.query(
        "select book_id from book where on_hand < 0 or received + adjusted <> on_hand + taken \
         or taken <> (select cast(coalesce(sum(quantity), 0) as bigint) from taking_line \
             where taking_line.book_id = book.book_id and taking_id in (select taking_id from taking where state = 'taken')) \
         or on_hand <> (select cast(coalesce(sum(delta), 0) as bigint) from stock_ledger \
             where stock_ledger.book_id = book.book_id) \
         order by book_id",
        &[],
    )?;
    rows.iter().map(|row| row.get("book_id")).collect()
}

impl Drop for Shop {
    fn drop(&mut self) {
        assert!(self.running.is_none() || std::thread::panicking(), "a test ends with `finish`");
    }
}

/// Starts a catalog on any free port.
pub async fn start(database: &TestDatabase, currency: &str) -> Result<Running, service_kit::http::StartError> {
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        database_url: database.url().clone(),
        workers: 2,
        currency: currency.parse().unwrap(),
        tell_gateways: Vec::new(),
        gateway_url: Callers::of_this_process().url(),
        order_url: Callers::of_this_process().url(),
    };
    catalog_service::start(config).await
}

#[expect(clippy::disallowed_methods, reason = "tests look at headers and statuses that the service client hides")]
fn http_client() -> Client {
    Client::builder().timeout(std::time::Duration::from_secs(60)).build().unwrap()
}
