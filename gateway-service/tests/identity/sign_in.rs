use std::collections::BTreeMap;

use serde_json::json;

use crate::shop::{PASSWORD, Shop};

#[actix_web::test]
async fn a_name_and_a_password_give_a_token_with_the_scopes_of_the_role() {
    let shop = Shop::open("token").await;
    shop.customer("ana").await;
    shop.employee("ben").await;
    let scopes = async |name: &str| {
        let answer = shop.try_password(name, PASSWORD).await;
        assert_eq!((answer.status, &answer.json["token_type"]), (200, &json!("bearer")));
        assert_eq!((&answer.json["expires_in"], answer.header("cache-control")), (&json!(600), "no-store"));
        answer.json["scopes"].as_array().unwrap().iter().map(|scope| scope.as_str().unwrap().to_owned()).collect()
    };
    let ana: Vec<String> = scopes("ana").await;
    assert_eq!(ana, ["items:read", "orders:read", "orders:write", "deliveries:read"]);
    let ben: Vec<String> = scopes("ben@example.com").await;
    assert!(ben.contains(&"orders:review".to_owned()) && !ben.contains(&"accounts:admin".to_owned()), "{ben:?}");
    let root: Vec<String> = scopes("ROOT").await;
    assert!(root.contains(&"accounts:admin".to_owned()));
}

#[actix_web::test]
async fn an_unknown_name_a_wrong_password_and_a_shut_account_answer_alike() {
    let shop = Shop::open("alike").await;
    let root = shop.administrator().await;
    let ana = shop.customer("ana").await.me().await;
    shop.customer("eve").await;
    let id = ana.json["id"].as_str().unwrap();
    let shut = root.post(&format!("/api/v1/accounts/{id}/disable"), json!({})).await;
    assert_eq!(shut.status, 200, "{}", shut.json);
    let mut answers = Vec::new();
    for (name, password) in [("nobody", PASSWORD), ("eve", "seven green lamp"), ("ana", PASSWORD), ("e\0ve", PASSWORD)]
    {
        let mut answer = shop.try_password(name, password).await;
        answer.json["request_id"].take();
        answers.push((answer.status, answer.json));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
}

#[actix_web::test]
async fn a_token_request_that_is_none_says_what_is_wrong_and_never_repeats_the_password() {
    let shop = Shop::open("malformed").await;
    let canary = "canary canary canary";
    for body in [
        json!({"username": "ana"}),
        json!({"username": 7, "password": canary}),
        json!({"username": "ana", "password": canary, "role": "administrator"}),
    ] {
        let answer = shop.nobody().post("/api/v1/auth/token", body).await;
        assert_eq!(answer.code(), (422, "invalid"));
        assert!(!answer.text.contains(canary), "{}", answer.text);
    }
}

#[actix_web::test]
async fn guessing_is_slowed_down_and_the_password_is_not_looked_at_meanwhile() {
    let shop = Shop::open("guessing").await;
    shop.customer("ana").await;
    for _ in 0..5 {
        assert_eq!(shop.try_password("ana", "a wrong password").await.status, 401);
    }
    let paused = shop.try_password("ana@example.com", PASSWORD).await;
    assert_eq!(paused.code(), (429, "too_many_requests"));
    let seconds: u64 = paused.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    // The pause is of this account: another one signs in from the same network.
    shop.signed_in("root").await;
}

#[actix_web::test]
async fn a_burst_of_guesses_gets_no_more_looks_than_a_sequence() {
    let shop = Shop::open("burst").await;
    shop.customer("ana").await;
    let guesses = (0..60).map(|number| {
        let shop = &shop;
        async move { shop.try_password("ana", &format!("guess number {number}")).await.status }
    });
    let mut statuses = BTreeMap::new();
    for status in futures_util::future::join_all(guesses).await {
        *statuses.entry(status).or_insert(0) += 1;
    }
    // As many as are free, and those who had their turn at that very moment.
    assert!((5..=9).contains(&statuses[&401]), "{statuses:?}");
    assert_eq!(statuses[&401] + statuses[&429], 60, "{statuses:?}");
}

#[actix_web::test]
async fn only_a_token_of_a_sign_in_that_still_holds_lets_in() {
    let shop = Shop::open("bearer").await;
    let ana = shop.customer("ana").await;
    let other = shop.signed_in("ana").await;
    assert_eq!(ana.me().await.json["username"], "ana");
    let answer = shop.nobody().me().await;
    assert_eq!(
        (answer.code(), answer.header("www-authenticate")),
        ((401, "unauthorized"), "Bearer realm=\"lastcopy\"")
    );
    let token = ana.token.clone().unwrap();
    for forged in [format!("{token}x"), token[..token.len() - 2].to_owned(), "x".repeat(9_000), "a.b.c".to_owned()] {
        assert_eq!(shop.holder(&forged).me().await.status, 401, "{forged:.40}");
    }
    assert_eq!(ana.post("/api/v1/auth/sign-out-everywhere", json!({})).await.status, 204);
    for gone in [&ana, &other] {
        assert_eq!(gone.me().await.code(), (401, "unauthorized"));
    }
    assert_eq!(shop.signed_in("ana").await.me().await.status, 200);
}

#[actix_web::test]
async fn a_token_expires() {
    let shop = Shop::open("expiry").await;
    let token = shop.customer("ana").await.token.unwrap();
    let shop = shop.reopen_later(9 * 60 * 1_000).await;
    assert_eq!(shop.holder(&token).me().await.status, 200);
    let shop = shop.reopen_later(11 * 60 * 1_000).await;
    assert_eq!(shop.holder(&token).me().await.status, 401);
}

#[actix_web::test]
async fn signing_out_ends_this_sign_in_and_no_other() {
    let shop = Shop::open("sign_out").await;
    let (here, there) = (shop.customer("ana").await, shop.signed_in("ana").await);
    assert_eq!(here.post("/api/v1/auth/sign-out", json!({})).await.status, 204);
    assert_eq!((here.me().await.status, there.me().await.status), (401, 200));
}
