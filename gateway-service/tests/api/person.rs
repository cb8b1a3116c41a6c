use gateway_service::identity::admin;
use reqwest::Method;
use serde_json::{Value, json};
use shared_types::identity::Role;

use crate::shop::{Answer, Shop};

const PASSWORD: &str = "correct horse battery staple";
/// Where messages to everybody here go.
pub const PHONE: &str = "+254711223344";

/// Somebody with an account, signed in.
pub struct Person<'a> {
    shop: &'a Shop,
    bearer: String,
    pub account: String,
}

impl Person<'_> {
    /// Somebody of this name and role.
    pub async fn enters<'a>(shop: &'a Shop, name: &str, role: Role) -> Person<'a> {
        let account = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD,
                             "name": name, "phone": PHONE, "role": role});
        let db = admin::open(shop.accounts()).await.unwrap();
        let added = admin::add_user(&db, serde_json::from_value(account).unwrap()).await.unwrap();
        db.close().await;
        let signing_in = Some(json!({"username": name, "password": PASSWORD}));
        let signed_in = shop.send_as_is(Method::POST, "/api/v1/auth/token", &[], signing_in).await;
        let bearer = format!("Bearer {}", signed_in.json["access_token"].as_str().unwrap());
        Person { shop, bearer, account: added.id.to_string() }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.shop.send_as_is(method, path, &[("authorization", &self.bearer)], body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body).filter(|body| !body.is_null())).await
    }
}
