//! Whoever calls the gateway, and what he remembers of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    auth::{self, Scopes, Service, Who},
    context::DEADLINE_HEADER,
    testing::ReplicaIssuer,
};
use shared_types::{
    AccountId, BookId, Code, OrderId,
    books::{BookPage, BookView},
    orders::{OrderPage, OrderState, OrderView},
    takings::RefusalReason,
};

use super::patiently;

/// Longer than any answer takes that comes at all.
const CALL_DEADLINE: Duration = Duration::from_secs(15);
/// What a caller tells the gateway of his patience: by then he has an answer, be it that there is none.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What all callers of one shop remember, to be held against the shop in the end.
#[derive(Debug, Default)]
pub struct Memory {
    /// Every order that somebody was told of with a 2xx: none of them may ever be missing.
    pub promises: Mutex<Vec<OrderId>>,
    /// Copies that each book has had, sold or not.
    pub received: Mutex<BTreeMap<BookId, i64>>,
    /// The longest that somebody waited for an answer of the gateway, or for none.
    pub longest_wait: Mutex<(Duration, String)>,
}

/// How somebody says who he is.
#[derive(Clone)]
pub enum Credential {
    None,
    ApiKey(&'static str),
    /// A service for itself, with its own keys, at the one that it calls.
    Service(Arc<ReplicaIssuer>, Service, Service),
    /// An employee for whom a service asks another.
    Employee(Arc<ReplicaIssuer>, Service, Service),
    /// A token as it is.
    Bearer(String),
}

impl Credential {
    /// Its header. A token of ours is made anew for every call, so that none expires.
    fn header(&self) -> Option<(&'static str, String)> {
        match self {
            Credential::None => None,
            Credential::ApiKey(key) => Some(("x-api-key", (*key).to_owned())),
            Credential::Bearer(bearer) => Some(("authorization", bearer.clone())),
            Credential::Service(issuer, from, to) => {
                let caller = auth::Caller { scopes: Scopes::NONE, ..auth::Caller::first_hand(Who::Service(*from)) };
                Some(("authorization", issuer.bearer(&caller, *to)))
            }
            Credential::Employee(issuer, from, to) => {
                let who = Who::Employee(AccountId::from_uuid(uuid::Uuid::now_v7()));
                let caller = auth::Caller { act: Some(*from), ..auth::Caller::first_hand(who) };
                Some(("authorization", issuer.bearer(&caller, *to)))
            }
        }
    }
}

/// A caller of the gateway. Clones share the connections, as tabs of one browser do.
#[derive(Clone)]
pub struct Caller {
    /// The address under which the resources are.
    base: String,
    credential: Credential,
    http: reqwest::Client,
    memory: Arc<Memory>,
}

/// An answer with its body read to the end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// What somebody wants to buy, under one idempotency key however often he asks.
#[derive(Debug, Clone)]
pub struct Basket {
    key: String,
    body: Value,
}

/// How a purchase ended.
#[derive(Debug)]
pub enum Bought {
    Yes(Box<OrderView>),
    /// Nothing was sold, for this reason.
    No(Code),
}

impl Basket {
    /// So many copies of each book, to be collected.
    pub fn of(lines: &[(BookId, i64)]) -> Basket {
        let key = uuid::Uuid::now_v7().to_string();
        let lines: Vec<Value> =
            lines.iter().map(|(book, copies)| json!({"book_id": book, "quantity": copies})).collect();
        // The key is the buyer's reference too, by which two orders for one key would be found.
        let body =
            json!({"lines": lines, "payment_method": "on_delivery", "customer_ref": key, "phone": "+254711223344"});
        Basket { key, body }
    }

    /// To be delivered.
    pub fn delivered(mut self) -> Basket {
        self.body["address"] = json!({"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"});
        self
    }

    /// Paid by this card.
    pub fn by_card(mut self, number: &str) -> Basket {
        self.body["payment_method"] = json!("card");
        self.body["card"] = json!({"number": number, "expiry": "12/30", "cvc": "123"});
        self
    }

    /// By which the order is found among all orders.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// For this price of the first line, or not at all.
    pub fn at_price(mut self, price: &Value) -> Basket {
        self.body["lines"][0]["expected_price"] = price.clone();
        self
    }
}

impl Answer {
    /// Whether it says anything about what was asked. A connection that was opened and not used is closed with 408, and
    /// whoever uses it at that moment may use another one.
    fn is_definite(&self) -> bool {
        self.status < 500 && ![408, 429].contains(&self.status)
    }

    pub fn code(&self) -> Option<Code> {
        serde_json::from_value(self.body["code"].clone()).ok()
    }

    /// The body, where the status is the one expected.
    pub fn expect<T: serde::de::DeserializeOwned>(self, status: u16) -> T {
        self.expect_one_of(&[status])
    }

    /// The body, where the status is one of those expected.
    pub fn expect_one_of<T: serde::de::DeserializeOwned>(self, statuses: &[u16]) -> T {
        assert!(statuses.contains(&self.status), "{self:?}");
        serde_json::from_value(self.body).unwrap()
    }
}

impl Bought {
    /// The order of a purchase that must have succeeded.
    pub fn order(self) -> OrderView {
        match self {
            Bought::Yes(order) => *order,
            Bought::No(code) => panic!("refused: {code:?}"),
        }
    }
}

impl Caller {
    #[expect(clippy::disallowed_methods, reason = "what a client sees is told by a client of no service's making")]
    pub fn new(base: String, credential: Credential, memory: Arc<Memory>) -> Caller {
        let http = reqwest::Client::builder().timeout(CALL_DEADLINE).no_proxy().build().unwrap();
        Caller { base, credential, http, memory }
    }

    /// One call, one answer, or none.
    pub async fn call(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> Option<Answer> {
        let (began, what) = (Instant::now(), format!("{method} {path}"));
        let answer = self.exchange(method, path, key, body).await;
        if let Credential::None | Credential::ApiKey(_) = self.credential {
            let mut longest = self.memory.longest_wait.lock().unwrap();
            *longest = std::mem::take(&mut *longest).max((began.elapsed(), what));
        }
        answer
    }

    async fn exchange(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> Option<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        request = request.header(DEADLINE_HEADER, PATIENCE.as_millis().to_string());
        if let Some((name, value)) = self.credential.header() {
            request = request.header(name, value);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.ok()?;
        Some(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// Asks until there is a definite answer. Only for calls that may be repeated.
    pub async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> Answer {
        let what = format!("an answer to {method} {path}");
        patiently(&what, || async {
            let answer = self.call(method.clone(), path, key, body).await?;
            answer.is_definite().then_some(answer)
        })
        .await
    }

    /// Sends a webhook, to the byte, until there is a definite answer.
    pub async fn tell(&self, signature: &str, body: &str) -> Answer {
        patiently("an answer to a webhook", || async {
            let request = self.http.post(format!("{}/webhooks/payment", self.base));
            let request = request.header("content-type", "application/json").header("x-signature", signature);
            let response = request.body(body.to_owned()).send().await.ok()?;
            let status = response.status().as_u16();
            let body = serde_json::from_slice(&response.bytes().await.ok()?).unwrap_or(Value::Null);
            (status < 500).then_some(Answer { status, body })
        })
        .await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, None).await
    }

    /// Asks with a body, or without for `null`, until there is a definite answer.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.ask(method, path, None, Some(body).filter(|body| !body.is_null())).await
    }

    /// Sends the basket once. What was promised is remembered; `None`: no answer, or none that decides anything.
    pub async fn try_to_buy(&self, basket: &Basket) -> Option<Answer> {
        let answer = self.send_once(basket).await?;
        if (200..300).contains(&answer.status) {
            let order: OrderView = serde_json::from_value(answer.body.clone()).unwrap();
            self.memory.promises.lock().unwrap().push(order.id);
        }
        answer.is_definite().then_some(answer)
    }

    /// Sends the basket once; whatever the answer is.
    pub async fn send_once(&self, basket: &Basket) -> Option<Answer> {
        self.call(Method::POST, "/checkout", Some(&basket.key), Some(&basket.body)).await
    }

    /// Sends the basket until it is decided, however the order fares meanwhile.
    pub async fn buy(&self, basket: &Basket) -> Bought {
        let what = format!("the purchase {} is decided", basket.key);
        let answer = patiently(&what, || self.try_to_buy(basket)).await;
        match answer.status {
            200 | 201 => Bought::Yes(Box::new(serde_json::from_value(answer.body).unwrap())),
            202 => self.await_decision(serde_json::from_value(answer.body).unwrap()).await,
            400.. => Bought::No(answer.code().unwrap_or_else(|| panic!("no problem of ours: {answer:?}"))),
            _ => panic!("no answer to a purchase: {answer:?}"),
        }
    }

    async fn await_decision(&self, order: OrderView) -> Bought {
        let path = format!("/orders/{}", order.id);
        let order = patiently("the order is settled", || async {
            let order: OrderView = self.get(&path).await.expect(200);
            order.settled.then_some(order)
        })
        .await;
        match order.refused.first().map(|line| line.reason) {
            None if order.state == OrderState::Approved => Bought::Yes(Box::new(order)),
            None => Bought::No(Code::InvalidTransition),
            Some(RefusalReason::SoldOut) => Bought::No(Code::SoldOut),
            Some(RefusalReason::Gone) => Bought::No(Code::BookGone),
            Some(RefusalReason::PriceChanged) => Bought::No(Code::PriceChanged),
        }
    }

    /// The order that was written for this basket, as soon as it is.
    pub async fn find_order(&self, basket: &Basket) -> OrderId {
        patiently("the order is written", || async {
            let page: OrderPage = self.get("/orders?limit=200").await.expect(200);
            let mine = |order: &OrderView| order.customer_ref.as_deref() == Some(basket.key());
            page.items.into_iter().find(mine).map(|order| order.id)
        })
        .await
    }

    /// A new book with so many copies, for 12.50. A creation without an answer is looked up before it is repeated.
    pub async fn add_book(&self, title: &str, copies: i64) -> BookId {
        let sku = format!("sku-{}", uuid::Uuid::now_v7());
        let body = json!({"title": title, "topic": "tests", "sku": sku, "price": 12.5, "stock": copies});
        let created = patiently("the book is there", || async {
            let answer = self.call(Method::POST, "/books", None, Some(&body)).await;
            if let Some(answer) = answer.filter(Answer::is_definite) {
                assert!(answer.status == 201 || answer.code() == Some(Code::SkuTaken), "{answer:?}");
            }
            self.find_book(&sku).await
        });
        self.note_received(created.await, copies)
    }

    /// The book with this SKU.
    pub async fn find_book(&self, sku: &str) -> Option<BookId> {
        let page: BookPage = self.get(&format!("/books?sku={sku}")).await.expect(200);
        page.items.first().map(|book| book.id)
    }

    /// So many copies have come (or, negative, gone) by another way than a purchase.
    pub fn note_received(&self, book: BookId, copies: i64) -> BookId {
        *self.memory.received.lock().unwrap().entry(book).or_default() += copies;
        book
    }

    pub async fn book(&self, book: BookId) -> BookView {
        self.get(&format!("/books/{book}")).await.expect(200)
    }

    /// Copies that can be bought.
    pub async fn on_hand(&self, book: BookId) -> i64 {
        self.book(book).await.on_hand.unwrap()
    }
}
