use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::Parser;
use gateway_service::{
    identity::{
        Identity, IdentityConfig, admin,
        notify::{FirstPassword, Notifier, ResetNotice},
    },
    layers::Layers,
};
use paperclip::actix::web::ServiceConfig;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use service_kit::{
    Clock,
    http::{Background, Running, ServiceInfo, serve_behind},
    testing::TestDatabase,
};

/// The password of everybody in these tests.
pub const PASSWORD: &str = "seven green lamps";

/// Identity in this process, on a database of its own.
pub struct Shop {
    running: Running,
    identity: Arc<Identity>,
    http: reqwest::Client,
    mailbox: Mailbox,
    database: TestDatabase,
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    identity: IdentityConfig,
}

/// Messages that were sent.
#[derive(Clone, Default)]
struct Mailbox(Arc<Mutex<Vec<ResetNotice>>>, Arc<Mutex<Vec<FirstPassword>>>);

impl Notifier for Mailbox {
    fn password_reset(&self, notice: &ResetNotice) -> Result<(), String> {
        self.0.lock().unwrap().push(notice.clone());
        Ok(())
    }

    fn first_passwords(&self, made: &[FirstPassword]) {
        self.1.lock().unwrap().extend_from_slice(made);
    }
}

impl Shop {
    /// A shop with one administrator, `root`.
    pub async fn open(name: &str) -> Shop {
        let database = TestDatabase::create(name).await;
        let db = admin::open(database.url()).await.unwrap();
        let root = json!({"username": "root", "email": "root@example.com", "password": PASSWORD, "name": "Root",
                          "role": "administrator"});
        admin::add_user(&db, serde_json::from_value(root).unwrap()).await.unwrap();
        db.close().await;
        Shop::on(database).await
    }

    /// A shop on a database that others prepared.
    pub async fn on(database: TestDatabase) -> Shop {
        Shop::start(database, Clock::system(), &[]).await
    }

    /// The same shop after a restart, with a clock that is so much ahead.
    pub async fn reopen_later(self, ms: i64) -> Shop {
        self.running.stop().await;
        Shop::start(self.database, Clock::shifted(ms), &[]).await
    }

    /// The same shop after a restart with these flags.
    pub async fn reopen_with(self, flags: &[&str]) -> Shop {
        self.running.stop().await;
        Shop::start(self.database, Clock::system(), flags).await
    }

    async fn start(database: TestDatabase, clock: Clock, flags: &[&str]) -> Shop {
        let url = database.url().expose();
        let config = Flags::parse_from(["gateway", "--database-url", &url].iter().chain(flags)).identity;
        let (mailbox, mut background) = (Mailbox::default(), Background::default());
        let sender = Arc::new(mailbox.clone());
        let identity = Identity::open_with(&config, clock, sender, &mut background).await.unwrap();
        let of_the_test = Arc::clone(&identity);
        let info = ServiceInfo { name: "gateway", title: "Identity", description: "Identity alone." };
        let checks = vec![identity.check()];
        let address = "127.0.0.1:0".parse().unwrap();
        let layers = Layers::new(Arc::clone(&identity), &config.rates, None, None);
        let routes = move |config: &mut ServiceConfig| identity.routes(config);
        let running = serve_behind(layers, info, address, 2, checks, background, routes).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "a client with a deadline, that keeps headers as they are")]
        let builder = reqwest::Client::builder().timeout(Duration::from_secs(60));
        let http = builder.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Shop { running, identity: of_the_test, http, mailbox, database }
    }

    /// Stops the service; its database stays.
    pub async fn close(self) -> TestDatabase {
        self.running.stop().await;
        self.database
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    /// The service's own value, for what has no route.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A caller who says nothing about himself.
    pub fn nobody(&self) -> Person<'_> {
        Person { shop: self, token: None, key: None }
    }

    /// A program that sends this API key.
    pub fn program(&self, key: &str) -> Person<'_> {
        Person { shop: self, token: None, key: Some(key.to_owned()) }
    }

    /// Whoever has this token.
    pub fn holder(&self, token: &str) -> Person<'_> {
        Person { shop: self, token: Some(token.to_owned()), key: None }
    }

    pub async fn administrator(&self) -> Person<'_> {
        self.signed_in("root").await
    }

    /// A customer of this name, registered and signed in.
    pub async fn customer(&self, name: &str) -> Person<'_> {
        let registered = self.nobody().post("/api/v1/auth/register", registration(name)).await;
        assert_eq!(registered.status, 201, "{}", registered.json);
        self.signed_in(name).await
    }

    /// An employee of this name, made by the administrator and signed in.
    pub async fn employee(&self, name: &str) -> Person<'_> {
        let mut account = registration(name);
        account["role"] = "employee".into();
        let made = self.administrator().await.post("/api/v1/accounts", account).await;
        assert_eq!(made.status, 201, "{}", made.json);
        self.signed_in(name).await
    }

    pub async fn signed_in(&self, name: &str) -> Person<'_> {
        let answer = self.try_password(name, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        self.holder(answer.json["access_token"].as_str().unwrap())
    }

    pub async fn try_password(&self, name: &str, password: &str) -> Answer {
        self.nobody().post("/api/v1/auth/token", json!({"username": name, "password": password})).await
    }

    /// The accounts that this start told the passwords of.
    pub fn first_passwords(&self) -> Vec<(&'static str, String)> {
        let told = self.mailbox.1.lock().unwrap();
        told.iter().map(|one| (one.username, one.password.expose().to_owned())).collect()
    }

    /// The reset tokens that were sent to this address, in their order.
    pub fn reset_tokens(&self, email: &str) -> Vec<String> {
        let sent = self.mailbox.0.lock().unwrap();
        let to_him = sent.iter().filter(|notice| notice.email.as_str() == email);
        to_him.map(|notice| notice.token.expose().to_owned()).collect()
    }
}

/// What a customer of this name fills in.
pub fn registration(name: &str) -> Value {
    json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD, "name": name})
}

/// Somebody who calls.
pub struct Person<'a> {
    shop: &'a Shop,
    pub token: Option<String>,
    key: Option<String>,
}

/// What he is answered.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
    pub text: String,
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> Answer {
        let (status, headers): (StatusCode, _) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: status.as_u16(), headers, json, text }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> (u16, &str) {
        (self.status, self.json["code"].as_str().unwrap_or(""))
    }
}

impl Person<'_> {
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// His own account.
    pub async fn me(&self) -> Answer {
        self.get("/api/v1/auth/me").await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.shop.http.request(method, self.shop.url(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = &self.key {
            request = request.header("x-api-key", key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::read(request.send().await.unwrap()).await
    }
}
