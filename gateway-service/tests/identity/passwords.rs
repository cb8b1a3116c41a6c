use serde_json::json;
use service_kit::testing::eventually_some;

use crate::shop::{PASSWORD, Shop};

const OTHER: &str = "eleven old bicycles";

#[actix_web::test]
async fn a_new_password_ends_every_other_sign_in() {
    let shop = Shop::open("change").await;
    let (here, there) = (shop.customer("ana").await, shop.signed_in("ana").await);
    let ask = async |current: &str, new: &str| {
        here.post("/api/v1/auth/password", json!({"current_password": current, "new_password": new})).await
    };
    assert_eq!(ask("a wrong password", OTHER).await.code(), (422, "invalid"));
    assert_eq!(ask(PASSWORD, "ana 2026 2027 2028").await.json["errors"][0]["field"], "new_password");
    let changed = ask(PASSWORD, OTHER).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    let token = changed.json["access_token"].as_str().unwrap();
    assert_eq!(shop.holder(token).me().await.status, 200);
    assert_eq!((here.me().await.status, there.me().await.status), (401, 401));
    assert_eq!(shop.try_password("ana", PASSWORD).await.status, 401);
    assert_eq!(shop.try_password("ana", OTHER).await.status, 200);
}

#[actix_web::test]
async fn a_reset_token_sets_one_password_once() {
    let shop = Shop::open("reset").await;
    let ana = shop.customer("ana").await;
    for _ in 0..2 {
        let asked = shop.nobody().post("/api/v1/auth/password-reset", json!({"username": "ANA"})).await;
        assert_eq!((asked.status, asked.text.as_str()), (202, ""));
    }
    let find = async || (shop.reset_tokens("ana@example.com").len() == 2).then(|| shop.reset_tokens("ana@example.com"));
    let tokens = eventually_some("two messages", find).await;
    let confirm = async |token: &str, password: &str| {
        let body = json!({"token": token, "new_password": password});
        shop.nobody().post("/api/v1/auth/password-reset/confirm", body).await
    };
    assert_eq!(confirm("lcp_nonsense", OTHER).await.code(), (422, "invalid"));
    assert_eq!(confirm(&tokens[0], "ana 2026 2027 2028").await.code(), (422, "invalid"));
    assert_eq!(confirm(&tokens[0], OTHER).await.status, 204);
    assert_eq!((ana.me().await.status, shop.try_password("ana", OTHER).await.status), (401, 200));
    // It is used up, and the other one with it.
    for token in &tokens {
        assert_eq!(confirm(token, PASSWORD).await.code(), (422, "invalid"));
    }
    assert_eq!(shop.try_password("ana", OTHER).await.status, 200);
}

#[actix_web::test]
async fn two_who_use_one_reset_token_set_one_password() {
    let shop = Shop::open("reset_race").await;
    shop.customer("ana").await;
    shop.nobody().post("/api/v1/auth/password-reset", json!({"username": "ana@example.com"})).await;
    let token = eventually_some("a message", async || shop.reset_tokens("ana@example.com").pop()).await;
    let confirm = |number: usize| {
        let body = json!({"token": token, "new_password": format!("{OTHER} {number}")});
        let shop = &shop;
        async move { shop.nobody().post("/api/v1/auth/password-reset/confirm", body).await.status }
    };
    let statuses = futures_util::future::join_all((0..6).map(confirm)).await;
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
}

#[actix_web::test]
async fn whether_there_is_an_account_does_not_show() {
    let shop = Shop::open("reset_unknown").await;
    let asked = shop.nobody().post("/api/v1/auth/password-reset", json!({"username": "nobody@example.com"})).await;
    assert_eq!((asked.status, asked.text.as_str()), (202, ""));
    assert!(shop.reset_tokens("nobody@example.com").is_empty());
}

#[actix_web::test]
async fn a_reset_token_grows_old_and_a_mailbox_is_not_flooded() {
    let shop = Shop::open("reset_old").await;
    shop.customer("ana").await;
    for _ in 0..9 {
        shop.nobody().post("/api/v1/auth/password-reset", json!({"username": "ana"})).await;
    }
    let tokens = shop.nobody_waits_for_tokens(3).await;
    let shop = shop.reopen_later(31 * 60 * 1_000).await;
    let body = json!({"token": tokens[0], "new_password": OTHER});
    let late = shop.nobody().post("/api/v1/auth/password-reset/confirm", body).await;
    assert_eq!(late.code(), (422, "invalid"));
}

impl Shop {
    /// All messages to ana, once there are so many; a restart waits for any that are still on their way.
    async fn nobody_waits_for_tokens(&self, count: usize) -> Vec<String> {
        let enough = async || Some(self.reset_tokens("ana@example.com")).filter(|tokens| tokens.len() >= count);
        let tokens = eventually_some("the messages", enough).await;
        assert_eq!(tokens.len(), count);
        tokens
    }
}
