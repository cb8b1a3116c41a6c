use reqwest::Method;
use serde_json::{Value, json};
use service_kit::db::{Db, DbError};

use crate::shop::{Answer, PASSWORD, Shop, registration};

#[actix_web::test]
async fn whoever_registers_is_a_customer_whatever_he_asks_for() {
    let shop = Shop::open("register").await;
    let answer = shop.nobody().post("/api/v1/auth/register", registration("ana")).await;
    assert_eq!((answer.status, &answer.json["role"]), (201, &json!("customer")));
    assert!(!answer.text.contains(PASSWORD) && answer.json.get("password_hash").is_none());
    for (field, value) in [("role", json!("administrator")), ("disabled", json!(false)), ("id", json!(1))] {
        let mut body = registration("eve");
        body[field] = value;
        assert_eq!(shop.nobody().post("/api/v1/auth/register", body).await.code(), (422, "invalid"), "{field}");
    }
    assert_eq!(shop.try_password("eve", PASSWORD).await.status, 401);
}

#[actix_web::test]
async fn every_wrong_field_is_named() {
    let shop = Shop::open("fields").await;
    let cases = [
        ("username", "an"),
        ("username", "ana@example.com"),
        ("email", "ana"),
        ("password", "short"),
        ("password", "PasswordPassword"),
        ("password", "ana 2026 2027 2028"),
        ("name", ""),
        ("phone", "0711223344"),
    ];
    for (field, value) in cases {
        let mut body = registration("ana");
        body[field] = value.into();
        let answer = shop.nobody().post("/api/v1/auth/register", body).await;
        assert_eq!((answer.code(), &answer.json["errors"][0]["field"]), ((422, "invalid"), &json!(field)), "{value}");
    }
}

#[actix_web::test]
async fn a_name_belongs_to_one_account_in_any_case_and_in_any_race() {
    let shop = Shop::open("names").await;
    let same_name = |number: usize| {
        let mut body = registration("ana");
        body["username"] = if number.is_multiple_of(2) { "Ana" } else { "aNA" }.into();
        body["email"] = format!("ana{number}@example.com").into();
        shop.nobody_registers(body)
    };
    let answers = futures_util::future::join_all((0..12).map(same_name)).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let lost = answers.iter().find(|answer| answer.status != 201).unwrap();
    assert_eq!((lost.code(), &lost.json["errors"][0]["field"]), ((409, "account_taken"), &json!("username")));

    let mut same_address = registration("ben");
    same_address["email"] = "ROOT@example.com".into();
    let lost = shop.nobody_registers(same_address).await;
    assert_eq!((lost.code(), &lost.json["errors"][0]["field"]), ((409, "account_taken"), &json!("email")));
}

impl Shop {
    async fn nobody_registers(&self, body: Value) -> Answer {
        self.nobody().post("/api/v1/auth/register", body).await
    }
}

#[actix_web::test]
async fn one_changes_ones_own_account_and_nobody_elses() {
    let shop = Shop::open("update").await;
    let ana = shop.customer("ana").await;
    shop.customer("ben").await;
    let before = ana.me().await;
    assert_eq!(before.header("etag"), "\"1\"");
    let changed = ana.patch("/api/v1/auth/me", json!({"name": "Ana L.", "phone": "+254711223344"})).await;
    assert_eq!((changed.status, &changed.json["phone"]), (200, &json!("+254711223344")));
    let cleared = ana.patch("/api/v1/auth/me", json!({"phone": null})).await;
    assert_eq!((cleared.json.get("phone"), &cleared.json["name"]), (None, &json!("Ana L.")));
    for body in [json!({"role": "employee"}), json!({"username": "x"}), json!({"version": 9})] {
        assert_eq!(ana.patch("/api/v1/auth/me", body).await.code(), (422, "invalid"));
    }
    let stale = shop.http().request(Method::PATCH, shop.url("/api/v1/auth/me")).header("if-match", "\"1\"");
    let stale = stale.bearer_auth(ana.token.as_ref().unwrap()).json(&json!({"name": "Old"})).send().await.unwrap();
    assert_eq!(Answer::read(stale).await.code(), (412, "version_mismatch"));
    assert_eq!(shop.signed_in("ben").await.me().await.json["name"], "ben");
}

#[actix_web::test]
async fn a_new_address_needs_the_password_and_must_be_free() {
    let shop = Shop::open("address").await;
    let ana = shop.customer("ana").await;
    let ask = async |email: &str, password: Option<&str>| {
        let body = json!({"email": email, "current_password": password});
        ana.patch("/api/v1/auth/me", body).await
    };
    assert_eq!(ask("ana@example.org", None).await.code(), (422, "invalid"));
    assert_eq!(ask("ana@example.org", Some("a wrong password")).await.code(), (422, "invalid"));
    assert_eq!(ask("Root@Example.com", Some(PASSWORD)).await.code(), (409, "account_taken"));
    assert_eq!(ask("ana@example.org", Some(PASSWORD)).await.json["email"], "ana@example.org");
    assert_eq!(shop.try_password("ana@example.com", PASSWORD).await.status, 401);
    assert_eq!(shop.try_password("ANA@example.org", PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn only_an_administrator_opens_lists_and_shuts_accounts() {
    let shop = Shop::open("administration").await;
    let root = shop.administrator().await;
    let (ana, ben) = (shop.customer("ana").await, shop.employee("ben").await);
    let anas = format!("/api/v1/accounts/{}", ana.me().await.json["id"].as_str().unwrap());
    for (who, status) in [(&shop.nobody(), 401), (&ana, 403), (&ben, 403)] {
        assert_eq!(who.get("/api/v1/accounts").await.status, status);
        assert_eq!(who.get(&anas).await.status, status);
        assert_eq!(who.post("/api/v1/accounts", registration("eve")).await.status, status);
        assert_eq!(who.post(&format!("{anas}/disable"), json!({})).await.status, status);
    }
    assert_eq!(root.get(&anas).await.json["disabled"], false);
    let unknown = "/api/v1/accounts/01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";
    assert_eq!(root.get(unknown).await.code(), (404, "account_not_found"));
    assert_eq!(root.post(&format!("{unknown}/disable"), json!({})).await.code(), (404, "account_not_found"));
    assert_eq!(root.get("/api/v1/accounts/7").await.code(), (400, "malformed_path"));
}

#[actix_web::test]
async fn a_shut_account_is_out_at_once_and_its_old_tokens_stay_out() {
    let shop = Shop::open("shut").await;
    let (root, ana) = (shop.administrator().await, shop.customer("ana").await);
    let path = format!("/api/v1/accounts/{}", ana.me().await.json["id"].as_str().unwrap());
    let shut = root.post(&format!("{path}/disable"), json!({})).await;
    assert_eq!((shut.status, &shut.json["disabled"]), (200, &json!(true)));
    assert_eq!(ana.me().await.status, 401);
    assert_eq!(shop.try_password("ana", PASSWORD).await.status, 401);
    let again = root.post(&format!("{path}/disable"), json!({})).await;
    assert_eq!(again.json["version"], shut.json["version"]);
    let open = root.post(&format!("{path}/enable"), json!({})).await;
    assert_eq!((open.status, &open.json["disabled"]), (200, &json!(false)));
    assert_eq!(ana.me().await.status, 401);
    assert_eq!(shop.signed_in("ana").await.me().await.status, 200);
}

#[actix_web::test]
async fn nobody_shuts_his_own_account() {
    let shop = Shop::open("own").await;
    let root = shop.administrator().await;
    let path = format!("/api/v1/accounts/{}/disable", root.me().await.json["id"].as_str().unwrap());
    assert_eq!(root.post(&path, json!({})).await.code(), (403, "forbidden"));
    assert_eq!(root.me().await.json["disabled"], false);
}

#[actix_web::test]
async fn accounts_are_listed_page_by_page_latest_first() {
    let shop = Shop::open("list").await;
    for name in ["ana", "ben", "cyn", "dan"] {
        shop.customer(name).await;
    }
    let root = shop.administrator().await;
    let (mut names, mut path) = (Vec::new(), "/api/v1/accounts?limit=2".to_owned());
    loop {
        let page = root.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.json);
        let items = page.json["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        names.extend(items.iter().map(|account| account["username"].as_str().unwrap().to_owned()));
        let next = page.json["next_cursor"].as_str();
        let link = next.map(|cursor| format!("</api/v1/accounts?limit=2&cursor={cursor}>; rel=\"next\""));
        assert_eq!(page.header("link"), link.clone().unwrap_or_default());
        let Some(link) = link else { break };
        path = link.split(['<', '>']).nth(1).unwrap().to_owned();
    }
    assert_eq!(names, ["dan", "cyn", "ben", "ana", "root"]);
    assert_eq!(root.get("/api/v1/accounts?cursor=zz").await.code(), (400, "malformed_query"));
}

#[actix_web::test]
async fn what_was_done_is_in_the_log() {
    let shop = Shop::open("log").await;
    shop.customer("ana").await;
    shop.try_password("ana", "a wrong password").await;
    // Another process looks into the file once the shop is closed.
    let db = shop.into_database().await;
    let lines = db.read(|tx| tx.query("select action, outcome, detail from audit_entry order by entry_id", &[])).await;
    let lines: Vec<String> = Result::<_, DbError>::unwrap(lines)
        .iter()
        .map(|row| {
            let text = |column| row.get::<Option<String>>(column).unwrap().unwrap_or_default();
            format!("{} {} {}", text("action"), text("outcome"), text("detail"))
        })
        .collect();
    let expected = [
        "account.create done administrator",
        "account.register done customer",
        "account.sign_in done ",
        "account.sign_in refused wrong password",
    ];
    assert_eq!(lines, expected);
    db.close().await;
}

impl Shop {
    async fn into_database(self) -> Held {
        let database = self.close().await;
        let db = gateway_service::identity::admin::open(database.url()).await.unwrap();
        Held { db, _database: database }
    }
}

struct Held {
    db: Db,
    _database: service_kit::testing::TestDatabase,
}

impl std::ops::Deref for Held {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Held {
    async fn close(self) {
        self.db.close().await;
    }
}
