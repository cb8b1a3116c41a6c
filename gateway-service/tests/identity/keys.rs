use gateway_service::identity::admin;
use serde_json::{Value, json};

use service_kit::{
    db::{Db, DbError},
    testing::{TestDatabase, eventually},
};

use crate::shop::Shop;

fn wish(scopes: &[&str]) -> Value {
    json!({"name": "till", "scopes": scopes})
}

#[actix_web::test]
async fn a_key_is_shown_once_and_lets_its_holder_in_as_himself() {
    let shop = Shop::open("key").await;
    let ben = shop.employee("ben").await;
    let made = ben.post("/api/v1/api-keys", wish(&["items:read", "orders:write"])).await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"));
    let (key, id) = (made.json["key"].as_str().unwrap(), made.json["api_key"]["id"].as_str().unwrap());
    assert!(key.starts_with(&format!("lck_{}_", id.replace('-', ""))), "{key}");
    // Known, but nobody with an account of his own.
    assert_eq!(shop.program(key).me().await.code(), (403, "forbidden"));
    let listed = ben.get("/api/v1/api-keys").await;
    assert_eq!(listed.json["items"][0]["scopes"], json!(["items:read", "orders:write"]));
    assert!(!listed.text.contains(key));
    let used = async || ben.get("/api/v1/api-keys").await.json["items"][0]["last_used_at"].is_string();
    eventually("the use is noted", used).await;
}

#[actix_web::test]
async fn a_wrong_key_two_keys_and_a_key_beside_a_token_are_refused() {
    let shop = Shop::open("wrong_keys").await;
    let ben = shop.employee("ben").await;
    let made = ben.post("/api/v1/api-keys", wish(&["items:read"])).await;
    let key = made.json["key"].as_str().unwrap();
    for wrong in ["secret123", "", "lck_", &key[..key.len() - 1], &format!("{key}x"), &key.to_uppercase()] {
        assert_eq!(shop.program(wrong).me().await.code(), (401, "unauthorized"), "{wrong}");
    }
    let ask = || shop.http().get(shop.url("/api/v1/auth/me")).header("x-api-key", key);
    assert_eq!(ask().header("x-api-key", key).send().await.unwrap().status(), 400);
    assert_eq!(ask().bearer_auth(ben.token.as_ref().unwrap()).send().await.unwrap().status(), 400);
}

#[actix_web::test]
async fn a_key_allows_no_more_than_its_owner() {
    let shop = Shop::open("key_scopes").await;
    let (ana, ben) = (shop.customer("ana").await, shop.employee("ben").await);
    assert_eq!(ana.post("/api/v1/api-keys", wish(&["items:read"])).await.code(), (403, "forbidden"));
    assert_eq!(shop.nobody().post("/api/v1/api-keys", wish(&["items:read"])).await.status, 401);
    for (scopes, field) in [
        (vec!["items:read", "accounts:admin"], "scopes[1]"),
        (vec!["items:*"], "scopes[0]"),
        (vec!["ITEMS:READ"], "scopes[0]"),
        (vec![], "scopes"),
    ] {
        let answer = ben.post("/api/v1/api-keys", wish(&scopes)).await;
        assert_eq!(
            (answer.code(), &answer.json["errors"][0]["field"]),
            ((422, "invalid"), &json!(field)),
            "{scopes:?}"
        );
    }
    let over = json!({"name": "till", "scopes": ["items:read"], "expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(ben.post("/api/v1/api-keys", over).await.json["errors"][0]["field"], "expires_at");
}

#[actix_web::test]
async fn a_revoked_key_is_refused_at_once_and_only_its_owner_or_an_administrator_revokes_it() {
    let shop = Shop::open("key_revoked").await;
    let (ben, cyn, root) = (shop.employee("ben").await, shop.employee("cyn").await, shop.administrator().await);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let made = ben.post("/api/v1/api-keys", wish(&["items:read"])).await.json;
        let path = format!("/api/v1/api-keys/{}", made["api_key"]["id"].as_str().unwrap());
        keys.push((made["key"].as_str().unwrap().to_owned(), path));
    }
    assert_eq!(cyn.delete(&keys[0].1).await.code(), (404, "api_key_not_found"));
    assert_eq!(cyn.get("/api/v1/api-keys").await.json["items"], json!([]));
    assert_eq!(shop.program(&keys[0].0).me().await.status, 403);
    assert_eq!(ben.delete(&keys[0].1).await.status, 204);
    assert_eq!(root.delete(&keys[1].1).await.status, 204);
    for (key, path) in &keys {
        assert_eq!(shop.program(key).me().await.status, 401);
        assert_eq!(ben.delete(path).await.status, 204);
    }
    assert!(root.get("/api/v1/api-keys").await.json["items"].as_array().unwrap().len() >= 2);
}

#[actix_web::test]
async fn a_key_expires_and_ends_with_its_owner() {
    let shop = Shop::open("key_ends").await;
    let (ben, root) = (shop.employee("ben").await, shop.administrator().await);
    let made = ben.post("/api/v1/api-keys", wish(&["items:read"])).await.json;
    let soon = ben.post("/api/v1/api-keys", json!({"name": "x", "scopes": ["items:read"], "expires_at": in_an_hour()}));
    let (lasting, soon) = (made["key"].as_str().unwrap(), soon.await.json["key"].as_str().unwrap().to_owned());
    let account = format!("/api/v1/accounts/{}/disable", ben.me().await.json["id"].as_str().unwrap());
    assert_eq!(root.post(&account, json!({})).await.status, 200);
    assert_eq!(shop.program(lasting).me().await.status, 401);
    assert_eq!(root.post(&account.replace("disable", "enable"), json!({})).await.status, 200);
    let shop = shop.reopen_later(2 * 60 * 60 * 1_000).await;
    assert_eq!(shop.program(lasting).me().await.status, 403);
    assert_eq!(shop.program(&soon).me().await.status, 401);
}

fn in_an_hour() -> String {
    service_kit::Clock::shifted(60 * 60 * 1_000).now().to_string()
}

#[actix_web::test]
async fn a_demo_makes_up_passwords_shows_them_once_and_is_shut_in_a_shop_that_sells() {
    let shop = Shop::open("demo").await.reopen_with(&["--demo"]).await;
    assert_eq!(shop.program("secret123").me().await.status, 403);
    let first = shop.first_passwords();
    assert_eq!(first.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["customer", "employee", "administrator"]);
    for (name, password) in &first {
        let answer = shop.try_password(name, password).await;
        assert_eq!(answer.status, 200, "{name}");
        let me = shop.holder(answer.json["access_token"].as_str().unwrap()).me().await;
        assert_eq!(me.json["role"], *name);
    }
    let password = &first[0].1;
    let token = shop.try_password("customer", password).await.json["access_token"].as_str().unwrap().to_owned();
    let own = json!({"current_password": password, "new_password": "eleven old bicycles"});
    assert_eq!(shop.holder(&token).post("/api/v1/auth/password", own).await.status, 200);

    let shop = shop.reopen_with(&["--demo"]).await;
    assert_eq!(shop.first_passwords(), [], "only the first start tells");
    assert_eq!(shop.try_password("employee", &first[1].1).await.status, 200);

    let shop = shop.reopen_with(&["--bookstore-api-key=another key of one's own"]).await;
    assert_eq!(shop.program("secret123").me().await.status, 401);
    assert_eq!(shop.program("another key of one's own").me().await.status, 403);
    for (name, password) in &first[1..] {
        assert_eq!(shop.try_password(name, password).await.status, 401, "{name}");
    }
    // Somebody made this one his own.
    assert_eq!(shop.try_password("customer", "eleven old bicycles").await.status, 200);
    let shop = shop.reopen_with(&[]).await;
    assert_eq!(shop.program("another key of one's own").me().await.status, 401);
}

#[actix_web::test]
async fn outside_a_demo_there_is_no_credential_that_nobody_made() {
    let shop = Shop::on(TestDatabase::create("no_demo").await).await;
    assert_eq!(shop.first_passwords(), []);
    let db = Db::open_read_only(shop.database().url()).await.unwrap();
    for table in ["account", "api_key", "application", "token_family"] {
        let sql = format!("select count(*) as number from {table}");
        let rows: Result<i64, DbError> = db.read(move |tx| tx.query_one(&sql, &[])?.get("number")).await;
        assert_eq!(rows.unwrap(), 0, "{table}");
    }
    db.close().await;
    for key in ["secret123", "demo", "test"] {
        assert_eq!(shop.program(key).me().await.status, 401, "{key}");
    }
    for name in ["customer", "employee", "administrator", "admin", "root"] {
        for password in ["lastcopy demo", "secret123", "password", "admin", ""] {
            assert_eq!(shop.try_password(name, password).await.status, 401, "{name} {password}");
        }
    }
}

#[actix_web::test]
async fn whoever_has_the_machine_adds_accounts_and_keys_while_the_shop_runs() {
    let shop = Shop::open("machine").await;
    let db = admin::open(shop.database().url()).await.unwrap();
    let wish = json!({"name": "night job", "scopes": ["stock:read", "accounts:admin"]});
    let made = admin::add_key(&db, "ROOT", serde_json::from_value(wish.clone()).unwrap()).await.unwrap();
    let nobody = admin::add_key(&db, "nobody", serde_json::from_value(wish).unwrap()).await;
    assert_eq!(nobody.err().map(|problem| problem.status), Some(404));
    let weak = json!({"username": "eve", "email": "eve@example.com", "password": "eve 2026 2027", "name": "Eve",
                      "role": "employee"});
    let weak = admin::add_user(&db, serde_json::from_value(weak).unwrap()).await;
    assert_eq!(weak.err().map(|problem| problem.status), Some(422));
    assert_eq!(shop.program(&made.key).me().await.status, 403);
    assert_eq!(shop.program(&made.key).get("/api/v1/accounts").await.status, 403);

    let ben = shop.employee("ben").await;
    let token = admin::reset_token(&db, "ben@example.com").await.unwrap();
    let reset = json!({"token": token.expose(), "new_password": "eleven old bicycles"});
    assert_eq!(shop.nobody().post("/api/v1/auth/password-reset/confirm", reset).await.status, 204);
    assert_eq!(ben.me().await.status, 401);
    assert_eq!(shop.try_password("ben", "eleven old bicycles").await.status, 200);
    db.close().await;
}
