//! A shop with somebody of every kind in it, and a thing of every kind to ask about.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::Clock;
use sha2::Sha256;

use crate::{
    callers::{Callers, GUEST_TOKEN},
    listener::Listener,
    shop::{Body, Call, Gateway, PASSWORD, Part, Shop, WEBHOOK_SECRET, account},
    things::{Things, invoice, placeholders},
};

/// The shop, its callers and its things.
pub struct Stage {
    pub shop: Shop,
    pub callers: Callers,
    things: Things,
    /// The examples of requests in the documents, by service and route.
    examples: std::collections::BTreeMap<(Part, String), Value>,
    listener: Listener,
}

impl Stage {
    /// Opens a shop and lets everybody come.
    pub async fn set() -> Stage {
        let shop = Shop::open().await;
        let mut callers = Callers::come_to(&shop).await;
        let listener = Listener::start().await;
        let things = Things::of(&shop, &callers, &listener).await;
        let bought = shop.send(Gateway, &things.purchase(), &[]).await;
        assert_eq!(bought.status, 201, "{bought:?}");
        callers.meet_guest(bought.header(GUEST_TOKEN));
        let mut examples = std::collections::BTreeMap::new();
        for part in Part::ALL {
            examples.extend(examples_of(part, &shop.document(part).await));
        }
        Stage { shop, callers, things, examples, listener }
    }

    pub async fn close(self) {
        self.shop.close().await;
        drop(self.listener);
    }

    /// A good call of this route, about things of the owner's that nobody has touched yet.
    pub async fn call(&mut self, part: Part, route: &str) -> Call {
        let (method, path) = route.split_once(' ').unwrap();
        let mut filled = path.to_owned();
        for (noun, placeholder) in placeholders(path) {
            let fresh = method != "GET";
            let id = self.things.find(&self.shop, &self.callers, route, noun, fresh).await;
            filled = filled.replacen(&placeholder, &id, 1);
        }
        self.things.prepare(&self.shop, &self.callers, part, route).await;
        let call = Call::new(method.parse::<Method>().unwrap(), filled);
        self.with_body(part, route, call).await
    }

    /// The same about things that nobody has; none where the route names no thing.
    pub fn call_about_nothing(&self, part: Part, route: &str) -> Option<Call> {
        let (method, path) = route.split_once(' ').unwrap();
        let mut filled = path.to_owned();
        for (noun, placeholder) in placeholders(path) {
            filled = filled.replacen(&placeholder, Things::nobodys(noun)?, 1);
        }
        let call = Call::new(method.parse::<Method>().unwrap(), filled.clone());
        let body = self.examples.get(&(part, route.to_owned())).map(|example| self.things.put_into(example.clone()));
        (filled != path).then(|| body.map_or(call.clone(), |body| call.json(body)))
    }

    /// Statuses that a route ends with for whoever is let in, although nothing is done: the reason stands beside each.
    pub fn ends(part: Part, route: &str) -> &'static [u16] {
        match (part, route) {
            // A form counts only from our page, in the browser that was shown it: no credential changes that.
            (Gateway, "POST /o/authorize/" | "POST /o/sign-in/" | "POST /o/sign-out/") => &[400, 403],
            // The application has said who it is in the form; another credential beside it is one too many (RFC 6749 §2.3).
            (Gateway, "POST /o/token/" | "POST /o/revoke_token/" | "POST /o/introspect/") => &[400],
            // The token that counts here comes by mail, to the account's owner.
            (Gateway, "POST /api/v1/auth/password-reset/confirm") => &[422],
            _ => &[],
        }
    }

    /// Whether the route ends sign-ins of whoever calls it.
    pub fn ends_sign_ins(&self, route: &str) -> bool {
        route.contains("/auth/sign-out") || route.ends_with("/auth/password")
    }

    /// The body that the document shows, about our things; what the document cannot show is made here.
    async fn with_body(&mut self, part: Part, route: &str, call: Call) -> Call {
        let name = self.things.fresh_name();
        match (part, route) {
            (Gateway | Part::Order, "POST /webhooks/payment") => report(call),
            (Gateway, "POST /api/v1/auth/register") => call.json(account(&name, None)),
            (Gateway, "POST /api/v1/accounts") => call.json(account(&name, Some("employee"))),
            (Gateway, "POST /api/v1/auth/token") => call.json(json!({"username": "ana", "password": PASSWORD})),
            (Gateway, "POST /api/v1/auth/password") => {
                call.json(json!({"current_password": PASSWORD, "new_password": PASSWORD}))
            }
            (Gateway, "GET /o/authorize/") => Call { path: self.callers.authorization(), ..call },
            (Gateway, "POST /o/token/") => {
                self.callers.as_program("/o/token/", &[("grant_type", "client_credentials")])
            }
            (Gateway, "POST /o/revoke_token/" | "POST /o/introspect/") => {
                self.callers.as_program(&call.path, &[("token", "lca_nobodys")])
            }
            (Gateway, "POST /o/authorize/" | "POST /o/sign-in/" | "POST /o/sign-out/") => {
                Call { body: Body::Form("decision=allow".to_owned()), ..call }
            }
            (Gateway, "POST /api/orders") => call.json(self.things.store_order()),
            (Gateway, "POST /api/delivery") => {
                let sold = format!("{route}/deliver");
                let order = self.things.find(&self.shop, &self.callers, &sold, "orders", true).await;
                call.json(json!({"order_id": order, "address": "12 Quay Street, Porto"}))
            }
            (Gateway | Part::Order, "POST /events") => call.json(json!([])),
            (Part::Payments, "PUT /payments/{payment_id}") => call.json(invoice()),
            _ => match self.examples.get(&(part, route.to_owned())) {
                Some(example) => call.json(self.things.put_into(example.clone())),
                None => call,
            },
        }
    }
}

/// A report that means nothing here, by somebody who is believed.
fn report(call: Call) -> Call {
    let now_s = Clock::system().now().micros() / 1_000_000;
    let body = format!(
        "{{\"id\": \"evt_{}\", \"type\": \"payment.thought_about\", \"created\": {now_s}, \
         \"data\": {{\"order_id\": \"{}\", \"currency\": \"USD\"}}}}",
        uuid::Uuid::now_v7(),
        uuid::Uuid::now_v7()
    );
    signed(Call { body: Body::Text(body), ..call })
}

/// The call as somebody signs it who is believed.
pub fn signed(mut call: Call) -> Call {
    let now_s = Clock::system().now().micros() / 1_000_000;
    let body: &[u8] = match &call.body {
        Body::Text(text) => text.as_bytes(),
        Body::Bytes(_, bytes) => bytes,
        body @ (Body::None | Body::Json(_) | Body::Form(_)) => panic!("{body:?} is not signed"),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    mac.update(format!("{now_s}.").as_bytes());
    mac.update(body);
    let signed: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    call.headers.retain(|(name, _)| *name != "x-signature");
    call.header("x-signature", format!("t={now_s},v1={signed}"))
}

fn examples_of(part: Part, document: &Value) -> Vec<((Part, String), Value)> {
    let mut examples = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let example = operation.pointer("/requestBody/content/application~1json/example");
            examples.extend(example.map(|body| ((part, format!("{} {path}", method.to_uppercase())), body.clone())));
        }
    }
    examples
}
