//! A thing of every kind, by the noun that stands before it in a path: `/orders/{id}` is about an order.

use std::{cell::Cell, collections::BTreeMap};

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    Clock,
    db::{Db, DbOptions},
    params,
    testing::eventually_some,
};

use crate::{
    callers::{Callers, Kind, text},
    listener::Listener,
    shop::{Call, Catalog, Gateway, Part, Payments, Shop, account},
};

/// What there is in the shop.
pub struct Things {
    book: i64,
    webhook_url: String,
    /// A webhook that was told of something, and its message.
    told: (String, String),
    /// Things that are only looked at, by noun and route.
    kept: BTreeMap<String, String>,
    /// The last of each noun.
    latest: BTreeMap<String, String>,
    names: Cell<u32>,
}

const ISBN: &str = "9780306406157";
const A_DAY_MS: i64 = 24 * 3_600_000;
const MANY: i64 = 1_000_000;
/// A UUID that nobody has.
const NOBODYS: &str = "01936f2e-7b1c-7cc3-98c4-dc0c0c073990";

/// The placeholders of a path, each with the noun before it.
pub fn placeholders(path: &str) -> Vec<(&str, String)> {
    let parts: Vec<&str> = path.split('/').collect();
    let pairs = parts.windows(2).filter(|pair| pair[1].starts_with('{'));
    pairs.map(|pair| (pair[0], pair[1].to_owned())).collect()
}

impl Things {
    pub async fn of(shop: &Shop, callers: &Callers, listener: &Listener) -> Things {
        let root = callers.at_gateway(Kind::Admin);
        let book = json!({"isbn": ISBN, "title": "Everybody's", "topic": "tests", "price": 12.5, "stock": MANY});
        let book = shop.ask(&Call::post("/api/v1/books", book), &root).await["id"].as_i64().unwrap();
        shop.ask(&Call::post("/api/v1/couriers", json!({"name": "bicycle-north"})), &root).await;
        let webhook_url = listener.url.clone();
        let mut things = Things {
            book,
            webhook_url,
            told: Default::default(),
            kept: BTreeMap::new(),
            latest: BTreeMap::new(),
            names: Cell::new(0),
        };
        things.told = Maker { things: &things, shop, callers }.told_webhook().await;
        things
    }

    /// A name that nobody has yet.
    pub fn fresh_name(&self) -> String {
        self.names.set(self.names.get() + 1);
        format!("person{}", self.names.get())
    }

    /// A purchase of one copy.
    pub fn purchase(&self) -> Call {
        let line = json!({"book_id": self.book, "quantity": 1});
        Call::post("/api/v1/checkout", json!({"lines": [line], "payment_method": "on_delivery"}))
    }

    /// An order as the bookstore's contract has it.
    pub fn store_order(&self) -> Value {
        let card = json!({"card_number": "4242424242424242", "expiry": "12/30"});
        json!({"customer_id": "c-42", "items": [{"isbn": ISBN, "quantity": 1}], "payment": card})
    }

    /// An example of the documents, about what there is here.
    pub fn put_into(&self, mut body: Value) -> Value {
        self.adapt(&mut body);
        body
    }

    fn adapt(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    match name.as_str() {
                        "book_id" | "product_id" => *member = self.book.into(),
                        "expected_price" => *member = json!(12.5),
                        "adjustment_id" => *member = format!("adjustment-{}", self.fresh_name()).into(),
                        "url" => *member = self.webhook_url.clone().into(),
                        "until" => *member = serde_json::to_value(Clock::system().now().plus_ms(A_DAY_MS)).unwrap(),
                        "isbn" => {
                            *member = Value::Null;
                        }
                        "event_id" => *member = PARKED.into(),
                        "subscriber" => *member = "nobody".into(),
                        _ => self.adapt(member),
                    }
                }
                if members.get("isbn").is_some_and(Value::is_null) {
                    members.remove("isbn");
                    members.insert("sku".to_owned(), self.fresh_name().into());
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.adapt(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The id of a thing of this kind that nobody has.
    pub fn nobodys(noun: &str) -> Option<&'static str> {
        match noun {
            "orders" | "webhooks" | "accounts" | "messages" => Some(NOBODYS),
            "deliveries" => Some("01936f2e-7b1c-7cc3-98c4-dc0c0c073990:d1"),
            "notifications" | "books" | "couriers" | "items" | "products" => Some("999999999"),
            "lines" => Some("1"),
            _ => None,
        }
    }

    /// What a call needs that its path does not name.
    pub async fn prepare(&self, shop: &Shop, callers: &Callers, part: Part, route: &str) {
        if route.ends_with("/replay") {
            let owner = if part == Gateway { Part::Order } else { part };
            Maker { things: self, shop, callers }.park(owner).await;
        }
    }

    /// A thing of the owner's, made for this call where it may be changed by it.
    pub async fn find(&mut self, shop: &Shop, callers: &Callers, route: &str, noun: &str, fresh: bool) -> String {
        let verb = route.rsplit('/').next().unwrap().to_owned();
        let kept = format!("{noun} of {route}");
        if let Some(thing) = self.kept.get(&kept).filter(|_| !fresh) {
            return thing.clone();
        }
        let maker = Maker { things: self, shop, callers };
        let thing = match noun {
            // The bookstore's contract names its books by ISBN.
            "books" if route.contains(" /api/books/") => ISBN.to_owned(),
            // Changed by SKU, looked at by number.
            "items" if fresh => maker.item().await,
            "books" | "by-id" | "info" | "purchase" | "items" | "products" => maker.book(fresh).await,
            "by-isbn" => ISBN.to_owned(),
            "search" => "tests".to_owned(),
            "orders" => maker.order(&verb).await,
            "lines" => "1".to_owned(),
            "deliveries" => maker.delivery().await,
            "couriers" => maker.courier().await,
            "notifications" => maker.notification().await,
            "webhooks" if route.contains("/messages") => self.told.0.clone(),
            "webhooks" => maker.webhook().await,
            "messages" => self.told.1.clone(),
            "parked-events" => "order".to_owned(),
            "repairs" => "drive_on".to_owned(),
            "{repair}" => maker.order(&verb).await,
            "accounts" => maker.account().await,
            "api-keys" => maker.key(self.latest.get(noun)).await,
            "applications" => maker.application(self.latest.get(noun)).await,
            "takings" => maker.taking(fresh).await,
            "receipts" => maker.receipt().await,
            "payments" => maker.payment().await,
            _ => panic!("{route}: tests/access/things.rs does not know what `{noun}` are; show it how to make one"),
        };
        self.kept.insert(kept, thing.clone());
        self.latest.insert(noun.to_owned(), thing.clone());
        thing
    }
}

/// What a payment by invoice is opened with.
pub fn invoice() -> Value {
    json!({"amount": 12.5, "currency": "USD", "method": "invoice"})
}

const PARKED: &str = "parked-for-nobody";

/// Makes things.
struct Maker<'a> {
    things: &'a Things,
    shop: &'a Shop,
    callers: &'a Callers,
}

impl Maker<'_> {
    async fn as_root(&self, call: &Call) -> Value {
        self.shop.ask(call, &self.callers.at_gateway(Kind::Admin)).await
    }

    async fn as_owner(&self, call: &Call) -> Value {
        self.shop.ask(call, &self.callers.at_gateway(Kind::Owner)).await
    }

    async fn book(&self, fresh: bool) -> String {
        if !fresh {
            return self.things.book.to_string();
        }
        let sku = self.things.fresh_name();
        let book = json!({"sku": sku, "title": "For this call", "topic": "tests", "price": 12.5, "stock": 10});
        self.as_root(&Call::post("/api/v1/books", book)).await["id"].to_string()
    }

    /// A book by its SKU.
    async fn item(&self) -> String {
        let sku = self.things.fresh_name();
        let book = json!({"sku": sku, "title": "For this call", "topic": "tests", "price": 12.5, "stock": 10});
        self.as_root(&Call::post("/api/v1/books", book)).await;
        sku
    }

    /// An order of the owner's, where it must be for what is done to it next.
    async fn order(&self, verb: &str) -> String {
        let lines = json!([{"book_id": self.things.book, "quantity": 1}]);
        let sold = matches!(verb, "refund" | "hand-over" | "deliver");
        if sold {
            return text(&self.as_owner(&self.things.purchase()).await, "id").to_owned();
        }
        let order = self.as_owner(&Call::post("/api/v1/orders", json!({"lines": lines}))).await;
        let id = text(&order, "id").to_owned();
        if matches!(verb, "approve" | "reject") {
            self.as_owner(&Call::new(Method::POST, format!("/api/v1/orders/{id}/submit"))).await;
        }
        id
    }

    async fn delivery(&self) -> String {
        let address = json!({"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"});
        let lines = json!([{"book_id": self.things.book, "quantity": 1}]);
        let body = json!({"lines": lines, "payment_method": "on_delivery", "address": address});
        let order = self.as_owner(&Call::post("/api/v1/checkout", body)).await;
        let path = format!("/api/v1/orders/{}", text(&order, "id"));
        eventually_some("the parcel is booked", async || {
            self.as_owner(&Call::get(&path)).await["delivery_id"].as_str().map(str::to_owned)
        })
        .await
    }

    async fn courier(&self) -> String {
        let courier = json!({"name": self.things.fresh_name()});
        self.as_root(&Call::post("/api/v1/couriers", courier)).await["id"].to_string()
    }

    async fn notification(&self) -> String {
        let lines = json!([{"book_id": self.things.book, "quantity": 1}]);
        let body = json!({"lines": lines, "payment_method": "on_delivery", "phone": "+254711223344"});
        self.as_owner(&Call::post("/api/v1/checkout", body)).await;
        eventually_some("a message is written", async || {
            let page = self.as_root(&Call::get("/api/v1/notifications?limit=1")).await;
            page["items"][0].get("id").map(Value::to_string)
        })
        .await
    }

    async fn webhook(&self) -> String {
        let body = json!({"url": self.things.webhook_url, "events": ["order.approved"]});
        text(&self.as_root(&Call::post("/api/v1/webhooks", body)).await["webhook"], "id").to_owned()
    }

    /// One that was told of a purchase, and the message.
    async fn told_webhook(&self) -> (String, String) {
        let webhook = self.webhook().await;
        self.as_owner(&self.things.purchase()).await;
        let message = eventually_some("a subscriber is told", async || {
            let page = self.as_root(&Call::get(format!("/api/v1/webhooks/{webhook}/messages?limit=1"))).await;
            page["items"][0].get("id").and_then(Value::as_str).map(str::to_owned)
        });
        let message = message.await;
        (webhook, message)
    }

    async fn account(&self) -> String {
        let body = account(&self.things.fresh_name(), Some("customer"));
        text(&self.as_root(&Call::post("/api/v1/accounts", body)).await, "id").to_owned()
    }

    /// An employee's; the one before it goes, for nobody has any number of them.
    async fn key(&self, before: Option<&String>) -> String {
        let emil = self.callers.at_gateway(Kind::Employee);
        if let Some(before) = before {
            self.shop.send(Gateway, &Call::delete(format!("/api/v1/api-keys/{before}")), &emil).await;
        }
        let wish = json!({"name": "till", "scopes": ["items:read"]});
        text(&self.shop.ask(&Call::post("/api/v1/api-keys", wish), &emil).await["api_key"], "id").to_owned()
    }

    /// As [`key`](Self::key), the owner's.
    async fn application(&self, before: Option<&String>) -> String {
        let owner = self.callers.at_gateway(Kind::Owner);
        if let Some(before) = before {
            self.shop.send(Gateway, &Call::delete(format!("/o/applications/{before}/")), &owner).await;
        }
        let wish = json!({"client_name": "Book club", "redirect_uris": ["https://club.example/callback"],
                          "scope": "items:read"});
        text(&self.as_owner(&Call::post("/o/applications/", wish)).await, "client_id").to_owned()
    }

    async fn taking(&self, fresh: bool) -> String {
        let id = format!("{}:1", uuid::Uuid::now_v7());
        if !fresh {
            let body = json!({"lines": [{"book_id": self.things.book, "quantity": 1}]});
            let call = Call::new(Method::PUT, format!("/takings/{id}")).json(body);
            let taken = self.shop.send(Catalog, &call, &self.callers.as_order(Catalog)).await;
            assert_eq!(taken.status, 201, "{taken:?}");
        }
        id
    }

    async fn payment(&self) -> String {
        let id = format!("{}:1", uuid::Uuid::now_v7());
        let call = Call::new(Method::PUT, format!("/payments/{id}")).json(invoice());
        let opened = self.shop.send(Payments, &call, &[]).await;
        assert_eq!(opened.status, 201, "{opened:?}");
        id
    }

    /// Money that came for an order and was never asked for.
    async fn receipt(&self) -> String {
        let (order, event) = (self.order("show").await, format!("evt_{}", uuid::Uuid::now_v7()));
        let wanted = event.clone();
        self.plant(Part::Order, move |tx| {
            tx.execute(
                "insert into receipt (event_id, order_id, amount_minor, currency, received_at_us)
                 values ($1, $2, 100, 'USD', 1)",
                &params![&wanted, &order],
            )
        })
        .await;
        event
    }

    /// An event that a subscriber refused for good.
    pub async fn park(&self, part: Part) {
        self.plant(part, |tx| {
            tx.execute("delete from outbox_delivery where subject = 'planted'", &[])?;
            tx.execute("delete from outbox_event where subject = 'planted'", &[])?;
            tx.execute("insert into outbox_subscriber (name) values ('nobody') on conflict (name) do nothing", &[])?;
            tx.execute(
                "insert into outbox_event (event_id, subject, body, time_us) values ($1, 'planted', '{}', 1)",
                &params![PARKED],
            )?;
            tx.execute(
                "insert into outbox_delivery (subscriber_id, position, subject, held_until_us, detail)
                 select s.subscriber_id, e.position, e.subject, 9223372036854775807, 'planted'
                 from outbox_subscriber s, outbox_event e where s.name = 'nobody' and e.subject = 'planted'",
                &[],
            )
        })
        .await;
    }

    async fn plant<F>(&self, part: Part, write: F)
    where
        F: Fn(&mut service_kit::db::Tx<'_>) -> Result<u64, service_kit::db::DbError> + Send + Sync + 'static,
    {
        let migrations = match part {
            Catalog => catalog_service::store::MIGRATIONS,
            Part::Order => order_service::store::MIGRATIONS,
            Part::Delivery => delivery_service::store::MIGRATIONS,
            Gateway | Payments => panic!("{part:?} has no outbox"),
        };
        let url = self.shop.databases()[&part].url();
        let db = Db::open_beside(url, DbOptions::default(), migrations).await.unwrap();
        db.write(write).await.unwrap();
        db.close().await;
    }
}
