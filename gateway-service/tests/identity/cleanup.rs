use service_kit::{
    db::{Db, DbError},
    testing::eventually,
};

use crate::{
    app::{App, text, wish},
    shop::Shop,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

async fn rows(db: &Db) -> Vec<(&'static str, i64)> {
    let count = |table: &'static str| async move {
        let sql = format!("select count(*) as number from {table}");
        let number = db.read(move |tx| tx.query_one(&sql, &[])?.get("number")).await;
        (table, Result::<i64, DbError>::unwrap(number))
    };
    let tables = ["token_family", "authorization_code", "refresh_token", "browser_cookie", "password_reset"];
    futures_util::future::join_all(tables.map(count)).await
}

#[actix_web::test]
async fn what_is_over_goes_and_what_still_holds_stays() {
    let shop = Shop::open("cleanup").await;
    let owner = shop.customer("ana").await;
    let app = App::register(&shop, &owner, wish()).await;
    app.tokens("ana").await;
    let lasting = app.tokens("ana").await;
    shop.nobody().post("/api/v1/auth/password-reset", serde_json::json!({"username": "ana"})).await;
    let (id, secret) = (app.id, app.secret);
    let old = text(&lasting, "refresh_token").to_owned();

    // Two weeks later one consent is still used; after two months the other things are over.
    let shop = shop.reopen_later(14 * DAY_MS).await;
    let app = App { shop: &shop, id: id.clone(), secret: secret.clone() };
    let renewed = app.refresh(&old).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let shop = shop.reopen_later(42 * DAY_MS).await;
    let app = App { shop: &shop, id: id.clone(), secret: secret.clone() };
    let renewed = app.refresh(text(&renewed.json, "refresh_token")).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);

    let shop = shop.reopen_later(70 * DAY_MS).await;
    let db = Db::open_read_only(shop.database().url()).await.unwrap();
    let left = [
        ("token_family", 2),
        ("authorization_code", 2),
        ("refresh_token", 2),
        ("browser_cookie", 0),
        ("password_reset", 0),
    ];
    eventually("what is over is gone", async || rows(&db).await == left).await;
    let app = App { shop: &shop, id: id.clone(), secret: secret.clone() };
    assert_eq!(app.refresh(text(&renewed.json, "refresh_token")).await.status, 200);
    db.close().await;

    let shop = shop.reopen_later(150 * DAY_MS).await;
    let db = Db::open_read_only(shop.database().url()).await.unwrap();
    eventually("everything is gone", async || rows(&db).await.iter().all(|(_, number)| *number == 0)).await;
    db.close().await;
}
