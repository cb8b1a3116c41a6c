use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    browser::{Browser, FORM, encode, form},
    shop::{Answer, Person, Shop},
};

pub const CALLBACK: &str = "https://club.example/callback";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A registered application.
pub struct App<'a> {
    pub shop: &'a Shop,
    pub id: String,
    pub secret: Option<String>,
}

pub fn wish() -> Value {
    json!({"client_name": "Book club", "redirect_uris": [CALLBACK], "scope": "items:read orders:read"})
}

impl<'a> App<'a> {
    pub async fn register(shop: &'a Shop, owner: &Person<'_>, wish: Value) -> App<'a> {
        let made = owner.post("/o/applications/", wish).await;
        assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{}", made.text);
        let text = |name: &str| made.json[name].as_str().map(str::to_owned);
        App { shop, id: text("client_id").unwrap(), secret: text("client_secret") }
    }

    /// The authorization request, with these parameters instead of the usual ones; an empty one is left out.
    pub fn request(&self, other: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let usual = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", CALLBACK),
            ("scope", "items:read orders:read"),
            ("state", "x y&z"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let chosen =
            |(name, value)| (name, other.iter().find(|(known, _)| *known == name).map_or(value, |(_, value)| *value));
        let mut fields: Vec<(&str, &str)> =
            usual.into_iter().map(chosen).filter(|(_, value)| !value.is_empty()).collect();
        fields.extend(other.iter().filter(|(name, _)| !usual.iter().any(|(known, _)| known == name)));
        format!("/o/authorize/?{}", encode(&fields))
    }

    /// The code that `name` lets this application have.
    pub async fn code(&self, name: &str) -> String {
        let mut browser = Browser::new(self.shop);
        let page = browser.up_to_consent(&self.request(&[]), name).await;
        let mut consent = form(&page.text);
        consent.set("decision", "allow");
        let answer = browser.submit(&consent).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        parameter(answer.header("location"), "code").unwrap()
    }

    /// Tokens of `name` for this application.
    pub async fn tokens(&self, name: &str) -> Value {
        let answer = self.redeem(&self.code(name).await).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }

    pub async fn redeem(&self, code: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.post("/o/token/", fields).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.shop.http().post(self.shop.url(path)).header("content-type", FORM);
        let request = match &self.secret {
            Some(secret) => request.basic_auth(&self.id, Some(secret)).body(encode(fields)),
            None => request.body(encode(&[fields, &[("client_id", self.id.as_str())]].concat())),
        };
        Answer::read(request.send().await.unwrap()).await
    }
}

/// A parameter of an address's query.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(address).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The code of an OAuth2 error, and its status.
pub fn error(answer: &Answer) -> (u16, &str) {
    assert_eq!(answer.header("content-type"), "application/json", "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.json["error_description"].is_string());
    (answer.status, answer.json["error"].as_str().unwrap_or(""))
}

/// A member of an answer.
pub fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

impl App<'_> {
    pub async fn introspect(&self, token: &str) -> Answer {
        self.post("/o/introspect/", &[("token", token)]).await
    }

    pub async fn is_active(&self, token: &str) -> bool {
        let answer = self.introspect(token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let active = answer.json["active"].as_bool().unwrap();
        assert!(active || answer.json == json!({"active": false}), "{}", answer.text);
        active
    }
}
