//! Unique secrets everywhere, a shop that logs all it can, and then: is any of them in a log, in an error's answer, in what
//! Prometheus reads, or in a database?

use std::{fs, path::Path};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use service_kit::testing::TestDatabase;
use uuid::Uuid;

use crate::shop::{ANY_PORTS, Place, Shop, lastcopy};

/// Chosen by us; the log has to have it, or it is not the log that we are looking at.
const VISIBLE: &str = "canary-that-sings";
/// What a shop has to know of people. All other secrets are in its databases as hashes, or not at all.
const KEPT: [&str; 4] = ["a name", "an address of mail", "a street", "a recipient"];
/// Numbers that a card may have. The first is charged, the second is declined.
const CARDS: [(&str, u16); 2] = [("4000056655665556", 201), ("4000000000009995", 402)];
const FORM: &str = "application/x-www-form-urlencoded";

/// A run: what must never be seen again, and what was answered.
struct Run {
    http: reqwest::Client,
    url: String,
    secrets: Vec<(&'static str, String)>,
    answers: Vec<String>,
}

struct Answer {
    status: u16,
    location: String,
    cookies: String,
    text: String,
    json: Value,
}

impl Run {
    #[expect(clippy::disallowed_methods, reason = "a client with a deadline, that follows nobody")]
    fn at(url: &str) -> Run {
        let builder = reqwest::Client::builder().timeout(std::time::Duration::from_secs(60)).no_proxy();
        let http = builder.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Run { http, url: url.to_owned(), secrets: Vec::new(), answers: Vec::new() }
    }

    /// A secret of our own making.
    fn canary(&mut self, what: &'static str) -> String {
        self.keep(what, &format!("canary{}", Uuid::now_v7().simple()))
    }

    /// A secret that the shop made.
    fn keep(&mut self, what: &'static str, secret: &str) -> String {
        assert!(secret.len() >= 8, "{what}: {secret:?} is no secret");
        self.secrets.push((what, secret.to_owned()));
        secret.to_owned()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header("x-request-id", VISIBLE)
    }

    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let header = |name: &str| {
            let all = response.headers().get_all(name).iter();
            all.filter_map(|value| value.to_str().ok()?.split(';').next().map(str::to_owned)).collect::<Vec<_>>()
        };
        let (status, location, cookies) = (response.status().as_u16(), header("location"), header("set-cookie"));
        let text = response.text().await.unwrap();
        if status >= 400 {
            self.answers.push(format!("{status} {text}"));
        }
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, location: location.join(""), cookies: cookies.join("; "), text, json }
    }

    async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let (origin, body) = (self.url.clone(), encoded(fields));
        self.send(self.request(Method::POST, path).header("origin", origin).header("content-type", FORM).body(body))
            .await
    }

    /// Nothing that must stay a secret is in the log or in an error.
    fn assert_nobody_sang(&self, log: &Path) {
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains(VISIBLE) && log.contains("TRACE"), "this log does not tell all");
        for (what, secret) in &self.secrets {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "{what} is in the log: {line:?}");
            let answer = self.answers.iter().find(|answer| answer.contains(secret.as_str()));
            assert!(answer.is_none(), "{what} is in an error: {answer:?}");
        }
        assert!(self.answers.len() >= 10, "errors were made: {:?}", self.answers);
    }

    /// Nothing that must stay a secret is in a file of a database.
    fn assert_nobody_wrote_it_down(&self, data: &Path) {
        let files = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
        let databases: Vec<_> = files.filter(|path| path.to_string_lossy().contains(".db")).collect();
        assert!(databases.len() >= 5, "{databases:?}");
        let mut found = Vec::new();
        for path in &databases {
            let bytes = fs::read(path).unwrap();
            let has = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            let here = self.secrets.iter().filter(|(_, secret)| has(secret)).map(|(what, _)| *what);
            found.extend(here.map(|what| (what, path.file_name().unwrap().to_owned())));
        }
        for what in KEPT {
            assert!(found.iter().any(|(known, _)| *known == what), "{what} is nowhere: these are not the databases");
        }
        found.retain(|(what, _)| !KEPT.contains(what));
        assert!(found.is_empty(), "{found:?}");
    }

    /// What Prometheus reads of each service behind the gateway is looked through like an error.
    async fn read_metrics(&mut self, lines: &[String]) {
        for service in ["catalog ", "order ", "delivery ", "payments "] {
            let url = lines.iter().find_map(|line| line.strip_prefix(service)).unwrap();
            let page = self.http.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
            assert!(page.contains("lastcopy_"), "{page}");
            self.answers.push(page);
        }
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let plain = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    };
    fields.iter().map(|(name, value)| format!("{}={}", plain(name), plain(value))).collect::<Vec<_>>().join("&")
}

/// What is filled in already in a field of a page's form.
fn filled_in(page: &str, name: &str) -> String {
    let tag = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name} in {page}"));
    tag.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

/// A parameter of an address.
fn parameter(address: &str, name: &str) -> String {
    let query = address.split('?').nth(1).unwrap_or_else(|| panic!("{address}"));
    let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("{name} in {address}")).to_owned()
}

/// A person registers, signs in well and badly, changes the password and forgets it.
async fn passwords(run: &mut Run, mail: &Path) -> (String, String) {
    let (password, person, mailbox) =
        (run.canary("a password"), run.canary("a name"), run.canary("an address of mail"));
    let email = format!("{mailbox}@example.com");
    let registration = json!({"username": "ana", "email": email, "password": password, "name": person});
    assert_eq!(run.post("/api/v1/auth/register", registration.clone()).await.status, 201);
    assert_eq!(run.post("/api/v1/auth/register", registration).await.status, 409);
    let wrong = run.canary("a wrong password");
    for body in [
        json!({"username": "ana", "password": wrong}),
        json!({"username": wrong, "password": wrong}),
        json!({"username": "ana", "password": {"text": wrong}}),
        json!({"username": "ana", "password": wrong, "pasword": wrong}),
        json!([wrong]),
    ] {
        assert!(run.post("/api/v1/auth/token", body).await.status >= 400);
    }
    let short = json!({"username": "ben", "email": "ben@example.com", "password": &wrong[..11], "name": "Ben"});
    assert_eq!(run.post("/api/v1/auth/register", short).await.status, 422);
    let token = run.post("/api/v1/auth/token", json!({"username": "ana", "password": password})).await;
    let token = run.keep("an access token", token.json["access_token"].as_str().unwrap());
    let forged = run.canary("a forged token");
    for bearer in [format!("Bearer {forged}"), format!("Basic {forged}"), format!("Bearer {token}x"), forged.clone()] {
        let me = run.request(Method::GET, "/api/v1/auth/me").header("authorization", bearer);
        assert_eq!(run.send(me).await.status, 401);
    }
    assert_eq!(run.post("/api/v1/auth/password-reset", json!({"username": "ana"})).await.status, 202);
    let mail = service_kit::testing::eventually_some("the mail", async || {
        let letter = fs::read_dir(mail).ok()?.flatten().next()?;
        fs::read_to_string(letter.path()).ok().filter(|text| text.contains("to do."))
    });
    let reset = mail.await.lines().find(|line| line.starts_with("lcp_")).unwrap().to_owned();
    let (reset, fresh) = (run.keep("a reset token", &reset), run.canary("a new password"));
    let confirm = json!({"token": reset, "new_password": fresh});
    assert_eq!(run.post("/api/v1/auth/password-reset/confirm", confirm.clone()).await.status, 204);
    assert_eq!(run.post("/api/v1/auth/password-reset/confirm", confirm).await.status, 422);
    let token = run.post("/api/v1/auth/token", json!({"username": "ana", "password": fresh})).await;
    (run.keep("an access token", token.json["access_token"].as_str().unwrap()), fresh)
}

/// An application is let in by the person, and its secrets are used well and badly.
async fn oauth(run: &mut Run, token: &str, password: &str) {
    let wish = json!({"client_name": "Club", "redirect_uris": ["https://club.example/back"], "scope": "items:read"});
    let made = run.request(Method::POST, "/o/applications/").bearer_auth(token).json(&wish);
    let made = run.send(made).await.json;
    let id = made["client_id"].as_str().unwrap().to_owned();
    let secret = run.keep("a client secret", made["client_secret"].as_str().unwrap());
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    run.keep("a verifier", verifier);
    let query = [
        ("response_type", "code"),
        ("client_id", &id),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ];
    let address = format!("/o/authorize/?{}", encoded(&query));
    let page = run.send(run.request(Method::GET, &address)).await;
    let (csrf, request) = (filled_in(&page.text, "csrf"), filled_in(&page.text, "request"));
    run.keep("a form's key", page.cookies.split('=').nth(1).unwrap());
    let cookie = page.cookies;
    let wrong = run.canary("a password on a page");
    for (typed, status) in [(wrong.as_str(), 403), (password, 303)] {
        let fields = [("csrf", csrf.as_str()), ("request", &request), ("username", "ana"), ("password", typed)];
        let send = run.request(Method::POST, "/o/sign-in/").header("cookie", &cookie).header("origin", run.url.clone());
        let answer = run.send(send.header("content-type", FORM).body(encoded(&fields))).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        if status == 303 {
            run.keep("a cookie", answer.cookies.split('=').nth(1).unwrap());
            let cookies = format!("{cookie}; {}", answer.cookies);
            let page = run.send(run.request(Method::GET, &answer.location).header("cookie", &cookies)).await;
            let fields = [
                ("csrf", filled_in(&page.text, "csrf")),
                ("request", filled_in(&page.text, "request")),
                ("decision", "allow".to_owned()),
            ];
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let send = run.request(Method::POST, "/o/authorize/").header("cookie", &cookies);
            let send = send.header("origin", run.url.clone()).header("content-type", FORM).body(encoded(&fields));
            let back = run.send(send).await;
            let code = run.keep("a code", &parameter(&back.location, "code"));
            tokens(run, &id, &secret, &code, verifier).await;
        }
    }
}

async fn tokens(run: &mut Run, id: &str, secret: &str, code: &str, verifier: &str) {
    let wrong = run.canary("a wrong client secret");
    let by_code =
        [("grant_type", "authorization_code"), ("code", code), ("code_verifier", verifier), ("client_id", id)];
    assert_eq!(run.form("/o/token/", &[by_code.as_slice(), &[("client_secret", &wrong)]].concat()).await.status, 401);
    let given = run.form("/o/token/", &[by_code.as_slice(), &[("client_secret", secret)]].concat()).await;
    assert_eq!(given.status, 200, "{}", given.text);
    run.keep("an access token", given.json["access_token"].as_str().unwrap());
    let refresh = run.keep("a refresh token", given.json["refresh_token"].as_str().unwrap());
    let own = [("client_id", id), ("client_secret", secret)];
    let guess = run.canary("a token that never was");
    for token in [refresh.as_str(), guess.as_str()] {
        run.form("/o/introspect/", &[own.as_slice(), &[("token", token)]].concat()).await;
        run.form("/o/revoke_token/", &[own.as_slice(), &[("token", token)]].concat()).await;
        let renew = [("grant_type", "refresh_token"), ("refresh_token", token)];
        assert_eq!(run.form("/o/token/", &[own.as_slice(), &renew].concat()).await.status, 400);
    }
    let basic = run.request(Method::POST, "/o/token/").basic_auth(id, Some(&wrong)).header("content-type", FORM);
    assert_eq!(run.send(basic.body("grant_type=client_credentials")).await.status, 401);
}

/// Somebody buys by card, in the shop and at his bank.
async fn purchases_by_card(run: &mut Run, key: &str) {
    for (number, status) in CARDS {
        let spaced = format!("{} {} {} {}", &number[..4], &number[4..8], &number[8..12], &number[12..]);
        for card in [run.keep("a card", number), run.keep("a card with spaces", &spaced)] {
            let body = json!({"lines": [{"book_id": 8, "quantity": 1}], "payment_method": "card",
                              "card": {"number": card, "expiry": "12/30", "cvc": "987"}});
            let send = run.request(Method::POST, "/api/v1/checkout").header("x-api-key", key).json(&body);
            let bought = run.send(send).await;
            assert_eq!(bought.status, status, "{}", bought.text);
            assert!(!bought.text.contains(number) && !bought.text.contains(&spaced), "{}", bought.text);
        }
    }
}

/// Somebody buys, with a card that goes nowhere near a log, to an address that is nobody's business.
async fn purchases(run: &mut Run, key: &str) {
    let wrong = run.canary("a wrong API key");
    let refused = run.request(Method::GET, "/api/v1/auth/me").header("x-api-key", &wrong);
    assert_eq!(run.send(refused).await.status, 401);
    let (street, card) = (run.canary("a street"), CARDS[0].0);
    let address = json!({"recipient": run.canary("a recipient"), "street": street, "city": "Porto"});
    let buy = |extra: Value| {
        let mut body =
            json!({"lines": [{"book_id": 8, "quantity": 1}], "payment_method": "on_delivery", "address": address});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    for (body, wanted) in [
        (buy(json!({})), 201),
        (buy(json!({"payment_method": "card", "card": {"number": card, "expiry": "never"}})), 422),
        (buy(json!({"payment_method": "card", "card": {"number": card, "pin": "12/30"}})), 422),
        (buy(json!({"card": card})), 422),
        (buy(json!({"payment_method": card})), 422),
        (buy(json!({"idempotency": street})), 422),
    ] {
        let send = run.request(Method::POST, "/api/v1/checkout").header("x-api-key", key).json(&body);
        let answer = run.send(send).await;
        assert_eq!(answer.status, wanted, "{}", answer.text);
    }
}

#[tokio::test]
async fn no_secret_is_in_a_log_an_error_or_a_database_of_a_shop_that_logs_all_it_can() {
    let place = Place::new();
    let key = format!("canary{}", Uuid::now_v7().simple());
    let mail = place.path().join("mail");
    let mut command = lastcopy(place.path(), &[ANY_PORTS.as_slice(), &["--log-filter", "trace"]].concat());
    command.env("BOOKSTORE_API_KEY", &key).env("LASTCOPY_MAIL_FOLDER", &mail);
    let shop = Shop::spawn(&place, command);
    let mut run = Run::at(&shop.url);
    run.keep("the configured API key", &key);
    run.keep("the operator's key", &shop.credential.1);
    let first = shop.lines.iter().filter_map(|line| line.strip_prefix("account ")?.split(' ').nth(1));
    first.collect::<Vec<_>>().into_iter().for_each(|password| drop(run.keep("a demo's password", password)));
    let (token, password) = passwords(&mut run, &mail).await;
    oauth(&mut run, &token, &password).await;
    purchases(&mut run, &key).await;
    purchases_by_card(&mut run, &key).await;
    run.read_metrics(&shop.lines).await;
    assert!(shop.stop().success());
    run.assert_nobody_sang(&place.path().join("log"));
    run.assert_nobody_wrote_it_down(&place.data_dir());
}

#[tokio::test]
async fn no_secret_is_in_the_log_of_a_gateway_on_a_database_of_its_own() {
    let (place, database) = (Place::new(), TestDatabase::create("canary").await);
    let mail = place.path().join("mail");
    let url = database.url().expose();
    let args = ["serve", "gateway", "--listen", "127.0.0.1:0", "--database-url", &url, "--log-filter", "trace"];
    let mut command = lastcopy(place.path(), &args);
    command.env("LASTCOPY_MAIL_FOLDER", &mail);
    let shop = Shop::spawn(&place, command);
    let mut run = Run::at(&shop.url);
    let (token, password) = passwords(&mut run, &mail).await;
    oauth(&mut run, &token, &password).await;
    assert!(shop.stop().success());
    run.assert_nobody_sang(&place.path().join("log"));
}
