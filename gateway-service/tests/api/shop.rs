use std::{net::SocketAddr, time::Duration};

use gateway_service::identity::IdentityConfig;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    auth::{Caller, Service, Who},
    db::DatabaseUrl,
    http::Running,
    testing::{FreePort, ReplicaIssuer, TestDatabase},
};
use shared_types::{Currency, Secret};

/// Every service in this process, each on a database of its own.
pub struct Shop {
    pub gateway: Running,
    pub catalog: Running,
    pub order: Running,
    pub delivery: Option<Running>,
    http: reqwest::Client,
    databases: [TestDatabase; 4],
}

/// With it the tests do what whoever runs the shop may do.
pub const OPERATOR_KEY: &str = "operator-of-the-gateway-tests-0001";

/// Who signs with it is believed that money has arrived.
pub const WEBHOOK_SECRET: &str = "secret of those who report money";

/// Of every customer.
pub const PASSWORD: &str = "a long enough pass phrase";

/// How long answers are kept. Whatever a test sees change was dropped, not forgotten.
const KEPT_S: u64 = 3_600;

/// An answer of the gateway.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub json: Value,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or("")
    }
}

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

impl Shop {
    pub async fn open(name: &str) -> Shop {
        Shop::open_with(name, true, None, KEPT_S).await
    }

    pub async fn open_without_guests(name: &str) -> Shop {
        Shop::open_with(name, false, None, KEPT_S).await
    }

    /// As behind something that speaks https with its visitors.
    pub async fn open_on_https(name: &str) -> Shop {
        Shop::open_with(name, true, Some("https://shop.example"), KEPT_S).await
    }

    /// As one that asks the catalog each time.
    pub async fn open_keeping_nothing(name: &str) -> Shop {
        Shop::open_with(name, true, None, 0).await
    }

    #[expect(clippy::disallowed_methods, reason = "a plain client, to see heads and bodies as they are")]
    async fn open_with(name: &str, guests: bool, public_url: Option<&str>, kept_s: u64) -> Shop {
        let databases = [
            TestDatabase::create(&format!("{name}_catalog")).await,
            TestDatabase::create(&format!("{name}_order")).await,
            TestDatabase::create(&format!("{name}_delivery")).await,
            TestDatabase::create(&format!("{name}_gateway")).await,
        ];
        // They trust one another's keys by address, so every address is known before any of them starts.
        let [gateway_at, order_at, delivery_at] = [(); 3].map(|()| FreePort::reserve());
        let catalog = catalog_service::start(catalog_service::Config {
            listen: any_port(),
            gateway_url: gateway_at.url(),
            order_url: order_at.url(),
            tell_gateways: vec![gateway_at.url()],
            database_url: databases[0].url().clone(),
            workers: 1,
            currency: Currency::USD,
        });
        let catalog = catalog.await.unwrap();
        let delivery = delivery_service::start(delivery_service::Config {
            listen: delivery_at.address(),
            gateway_url: gateway_at.url(),
            database_url: databases[2].url().clone(),
            workers: 1,
            order_url: order_at.url(),
        });
        let delivery = delivery.await.unwrap();
        let order = order_service::start(order_service::Config {
            payments: order_service::PaymentsConfig {
                payments_url: "http://127.0.0.1:9".to_owned(),
                webhook_secret: Some(Secret::new(WEBHOOK_SECRET)),
                ..order_service::PaymentsConfig::default()
            },
            unpaid_minutes: 60,
            listen: order_at.address(),
            gateway_url: gateway_at.url(),
            database_url: databases[1].url().clone(),
            workers: 1,
            catalog_url: catalog.url(),
            delivery_url: delivery.url(),
            tell_gateways: vec![gateway_at.url()],
            currency: Currency::USD,
            notifications: Default::default(),
            webhooks: Default::default(),
            pace: order_service::Pace::default(),
        });
        let order = order.await.unwrap();
        let identity = IdentityConfig {
            guest_checkout: Some(guests),
            public_url: public_url.map(|url| url.parse().unwrap()),
            operator_key: Some(Secret::new(OPERATOR_KEY)),
            ..IdentityConfig::on(databases[3].url().clone())
        };
        let gateway = gateway_service::start(gateway_service::Config {
            listen: gateway_at.address(),
            workers: 1,
            catalog_url: catalog.url(),
            order_url: order.url(),
            delivery_url: delivery.url(),
            dialects: gateway_service::Dialects::default(),
            cache_ttl_seconds: kept_s,
            metrics_listen: Some(any_port()),
            shared: gateway_service::SharedConfig::default(),
            identity,
        });
        let gateway = gateway.await.unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        Shop { gateway, catalog, order, delivery: Some(delivery), http, databases }
    }

    /// Where the gateway keeps its accounts.
    pub fn accounts(&self) -> &DatabaseUrl {
        self.databases[3].url()
    }

    /// A call of the operator's.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let headers: Vec<_> = headers.iter().copied().chain([("x-api-key", OPERATOR_KEY)]).collect();
        self.send_as_is(method, path, &headers, body).await
    }

    /// A call with no other credential than its headers are.
    pub async fn send_as_is(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.gateway.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    /// A call of an employee's to the catalog by way of another gateway; its status.
    pub async fn past_the_gateway(&self, method: Method, path: &str, body: Value) -> u16 {
        let other = ReplicaIssuer::of(Service::Gateway, self.databases[3].url()).await;
        let employee = Who::Employee("01936f2e-7b1c-7cc3-98c4-dc0c0c07398f".parse().unwrap());
        let caller = Caller { act: Some(Service::Gateway), ..Caller::first_hand(employee) };
        let request = self.http.request(method, format!("{}{path}", self.catalog.url())).json(&body);
        let request = request.header("authorization", other.bearer(&caller, Service::Catalog));
        request.send().await.unwrap().status().as_u16()
    }

    /// What a monitor reads of the gateway.
    pub async fn numbers(&self) -> String {
        let inner = self.gateway.metrics_address().expect("an address of its own");
        self.http.get(format!("http://{inner}/metrics")).send().await.unwrap().text().await.unwrap()
    }

    /// A body as it is, to the byte, from nobody in particular.
    pub async fn send_bytes(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.gateway.url())).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// Registers a customer and signs him in; the `Authorization` of his calls.
    pub async fn customer(&self, name: &str) -> String {
        let sign_up =
            json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD, "name": name});
        let registered = self.send_as_is(Method::POST, "/api/v1/auth/register", &[], Some(sign_up)).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        let sign_in = json!({"username": name, "password": PASSWORD});
        let token = self.send_as_is(Method::POST, "/api/v1/auth/token", &[], Some(sign_in)).await;
        format!("Bearer {}", token.json["access_token"].as_str().unwrap())
    }

    /// The delivery service is gone.
    pub async fn stop_delivery(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            delivery.stop().await;
        }
    }

    /// Adds a book and answers its number.
    pub async fn book(&self, sku: &str, topic: &str, copies: i64) -> i64 {
        let book =
            json!({"sku": sku, "title": format!("Title {sku}"), "topic": topic, "price": 12.99, "stock": copies});
        let answer = self.post("/api/v1/books", book).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json["id"].as_i64().unwrap()
    }

    pub async fn on_hand(&self, book: i64) -> i64 {
        self.get(&format!("/api/v1/books/{book}")).await.json["on_hand"].as_i64().unwrap()
    }

    /// Orders that hold copies.
    pub async fn approved_orders(&self) -> usize {
        let page = self.get("/api/v1/orders?state=approved&limit=200").await;
        page.json["items"].as_array().unwrap().len()
    }

    pub async fn close(self) {
        for service in [Some(self.gateway), Some(self.order), self.delivery, Some(self.catalog)].into_iter().flatten() {
            service.stop().await;
        }
    }
}
