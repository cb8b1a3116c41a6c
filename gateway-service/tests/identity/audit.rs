use gateway_service::identity::admin;
use serde_json::{Value, json};
use service_kit::db::{DbError, Engine};

use crate::{
    app::{App, wish},
    shop::{Answer, PASSWORD, Person, Shop},
};

async fn entries(root: &Person<'_>, query: &str) -> Vec<Value> {
    let answer = root.get(&format!("/api/v1/audit-log?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json["items"].as_array().unwrap().clone()
}

fn actions(entries: &[Value]) -> Vec<String> {
    let one = |entry: &Value| format!("{} {}", entry["action"].as_str().unwrap(), entry["outcome"].as_str().unwrap());
    entries.iter().map(one).collect()
}

#[actix_web::test]
async fn every_sign_in_and_every_change_is_in_the_log_with_who_what_and_from_where() {
    let shop = Shop::open("audit").await;
    let root = shop.administrator().await;
    let (ana, ben) = (shop.customer("ana").await, shop.employee("ben").await);
    let id = |me: Answer| me.json["id"].as_str().unwrap().to_owned();
    let (anas, bens) = (id(ana.me().await), id(ben.me().await));

    ana.patch("/api/v1/auth/me", json!({"name": "Ana L."})).await;
    shop.try_password("ana", "a wrong password").await;
    shop.try_password("canary canary canary", PASSWORD).await;
    let key = ben.post("/api/v1/api-keys", json!({"name": "till", "scopes": ["items:read"]})).await.json;
    root.delete(&format!("/api/v1/api-keys/{}", key["api_key"]["id"].as_str().unwrap())).await;
    let app = App::register(&shop, &ana, wish()).await;
    app.tokens("ana").await;
    root.post(&format!("/api/v1/accounts/{anas}/disable"), json!({})).await;

    let of_ana = entries(&root, &format!("actor=account:{anas}")).await;
    let expected = [
        "application.consent done",
        "account.sign_in done",
        "application.register done",
        "account.update done",
        "account.sign_in done",
    ];
    assert_eq!(actions(&of_ana), expected);
    assert!(
        of_ana.iter().all(|entry| entry["address"] == "127.0.0.1" && entry["request_id"].is_string()),
        "{of_ana:?}"
    );
    let about_ana = entries(&root, &format!("resource=/accounts/{anas}&outcome=refused")).await;
    assert_eq!(
        (actions(&about_ana), &about_ana[0]["detail"]),
        (vec!["account.sign_in refused".into()], &json!("wrong password"))
    );
    let revoked = entries(&root, "action=api_key.revoke").await;
    assert_eq!(revoked[0]["on_behalf_of"], format!("account:{bens}"));
    let everything = root.get("/api/v1/audit-log?limit=200").await;
    for secret in ["canary", PASSWORD, key["key"].as_str().unwrap(), "lcr_", "lcc_", "lcs_", "eyJ"] {
        assert!(!everything.text.contains(secret), "{secret}");
    }
}

#[actix_web::test]
async fn the_log_is_for_administrators_and_its_pages_are_complete() {
    let shop = Shop::open("audit_pages").await;
    let root = shop.administrator().await;
    let ben = shop.employee("ben").await;
    for path in ["/api/v1/audit-log", "/api/v1/audit-log.csv"] {
        assert_eq!((shop.nobody().get(path).await.status, ben.get(path).await.status), (401, 403), "{path}");
    }
    for _ in 0..5 {
        shop.signed_in("ben").await;
    }
    let whole = entries(&root, "action=account.").await;
    assert!(whole.len() >= 8, "{whole:?}");
    let (mut collected, mut query) = (Vec::new(), "action=account.&limit=3".to_owned());
    loop {
        let answer = root.get(&format!("/api/v1/audit-log?{query}")).await;
        assert_eq!(answer.json["next_cursor"].is_string(), answer.header("link").ends_with(">; rel=\"next\""));
        let page = answer.json;
        collected.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("action=account.&limit=3&cursor={cursor}");
    }
    assert_eq!(collected, whole);
    let middle = whole[3]["at"].as_str().unwrap();
    let (later, earlier) =
        (entries(&root, &format!("from={middle}")).await, entries(&root, &format!("until={middle}")).await);
    assert_eq!((later.len(), earlier.len()), (4, whole.len() - 4));
    for wrong in ["cursor=zz", "limit=0", "from=yesterday", "who=ana", "actor=%00"] {
        assert_eq!(root.get(&format!("/api/v1/audit-log?{wrong}")).await.code(), (400, "malformed_query"), "{wrong}");
    }
}

#[actix_web::test]
async fn an_export_has_every_line_of_a_long_log() {
    let shop = Shop::open("audit_export").await;
    let root = shop.administrator().await;
    let resets = (0..40).map(|_| shop.ask_reset());
    futures_util::future::join_all(resets).await;
    let mut before = 0;
    // Longer than one piece of the export.
    for _ in 0..12 {
        let registered = futures_util::future::join_all((0..50).map(|_| shop.record())).await;
        before += registered.len();
    }
    let answer = root.get("/api/v1/audit-log.csv?action=test.").await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = answer.text.lines().collect();
    assert_eq!(lines[0], "entry,at,actor,on_behalf_of,action,resource,outcome,detail,address,request_id");
    assert_eq!(lines.len(), before + 1);
    let number = |line: &str| line.split(',').next().unwrap().parse::<i64>().unwrap();
    assert!(lines[1..].windows(2).all(|pair| number(pair[0]) > number(pair[1])));
    let of_resets = root.get("/api/v1/audit-log.csv?action=account.ask_reset").await;
    assert_eq!(of_resets.text.lines().count(), 41);
}

#[actix_web::test]
async fn the_database_itself_lets_nobody_change_or_delete_a_line() {
    let shop = Shop::open("audit_append").await;
    let root = shop.administrator().await;
    let before = root.get("/api/v1/audit-log?limit=200").await.text;
    let db = admin::open(shop.database().url()).await.unwrap();
    let mut statements = vec!["update audit_entry set actor = 'nobody'", "delete from audit_entry"];
    if db.engine() == Engine::Postgres {
        statements.push("truncate audit_entry");
    }
    for sql in statements {
        let refused: Result<u64, DbError> = db.write(move |tx| tx.execute(sql, &[])).await;
        let refused = refused.expect_err(sql).to_string();
        assert!(refused.contains("audit entries are"), "{sql}: {refused}");
    }
    db.close().await;
    assert_eq!(root.get("/api/v1/audit-log?limit=200").await.text, before);
}

impl Shop {
    async fn ask_reset(&self) {
        self.nobody().post("/api/v1/auth/password-reset", json!({"username": "nobody"})).await;
    }

    async fn record(&self) {
        let entry = gateway_service::identity::audit::Actor::command_line().done("test.line", "/nothing");
        self.identity().record(entry).await.unwrap();
    }
}
