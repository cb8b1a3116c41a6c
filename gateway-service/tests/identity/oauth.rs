use serde_json::json;

use crate::{
    app::{App, CALLBACK, VERIFIER, error, parameter, text, wish},
    browser::{Browser, FORM, encode, form},
    shop::{Answer, Shop},
};

#[actix_web::test]
async fn a_person_lets_an_application_act_for_him_within_what_he_granted() {
    let shop = Shop::open("consent").await;
    let (ana, ben) = (shop.customer("ana").await, shop.employee("ben").await);
    for method in ["client_secret_basic", "none"] {
        let mut wish = wish();
        wish["token_endpoint_auth_method"] = method.into();
        let app = App::register(&shop, &ben, wish).await;
        assert_eq!(app.secret.is_some(), method != "none");
        let mut browser = Browser::new(&shop);
        let page = browser.up_to_consent(&app.request(&[]), "ana").await;
        assert!(page.text.contains("Allow Book club?") && page.text.contains("see your orders"), "{}", page.text);
        let mut consent = form(&page.text);
        consent.set("decision", "allow");
        let answer = browser.submit(&consent).await;
        let location = answer.header("location");
        assert!(answer.status == 303 && location.starts_with(CALLBACK), "{location}");
        assert_eq!(parameter(location, "state").unwrap(), "x y&z");
        assert_eq!(parameter(location, "iss").unwrap(), shop.url(""));
        let answer = app.redeem(&parameter(location, "code").unwrap()).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text);
        assert_eq!((text(&answer.json, "token_type"), &answer.json["expires_in"]), ("Bearer", &json!(600)));
        assert_eq!(text(&answer.json, "scope"), "items:read orders:read");
        // It acts for him, but is not he: his account is not its to see.
        let token = shop.holder(text(&answer.json, "access_token"));
        assert_eq!(token.me().await.code(), (403, "forbidden"));
        assert_eq!(token.post("/api/v1/auth/sign-out-everywhere", json!({})).await.status, 403);
        let seen = app.introspect(text(&answer.json, "access_token")).await;
        if method != "none" {
            assert_eq!(seen.json["sub"], ana.me().await.json["id"]);
            assert_eq!((&seen.json["active"], &seen.json["client_id"]), (&json!(true), &json!(app.id)));
        }
    }
}

#[actix_web::test]
async fn a_code_is_good_once_and_its_second_use_ends_what_the_first_one_gave() {
    let shop = Shop::open("code_twice").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    let code = app.code("ana").await;
    let tokens = app.redeem(&code).await.json;
    assert!(app.is_active(text(&tokens, "access_token")).await);
    assert_eq!(error(&app.redeem(&code).await), (400, "invalid_grant"));
    assert!(!app.is_active(text(&tokens, "access_token")).await);
    assert!(!app.is_active(text(&tokens, "refresh_token")).await);
    assert_eq!(shop.holder(text(&tokens, "access_token")).me().await.status, 401);
    assert_eq!(error(&app.refresh(text(&tokens, "refresh_token")).await), (400, "invalid_grant"));
}

#[actix_web::test]
async fn of_many_who_redeem_a_code_at_once_one_gets_tokens_and_they_do_not_last() {
    let shop = Shop::open("code_race").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    let code = app.code("ana").await;
    let answers = futures_util::future::join_all((0..8).map(|_| app.redeem(&code))).await;
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(!app.is_active(text(&won[0].json, "access_token")).await);
}

#[actix_web::test]
async fn a_code_is_worth_nothing_without_its_verifier_its_address_and_its_application() {
    let shop = Shop::open("code_stolen").await;
    let ana = shop.customer("ana").await;
    let (app, other) = (App::register(&shop, &ana, wish()).await, App::register(&shop, &ana, wish()).await);
    let wrong = [
        ("code_verifier", "xBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ("code_verifier", ""),
        ("redirect_uri", "https://club.example/other"),
        ("redirect_uri", ""),
    ];
    for (name, value) in wrong {
        let code = app.code("ana").await;
        let right = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let fields: Vec<_> = right.map(|(known, good)| (known, if known == name { value } else { good })).to_vec();
        let expected = if (name, value) == ("code_verifier", "") { "invalid_request" } else { "invalid_grant" };
        assert_eq!(error(&app.token(&fields).await), (400, expected), "{name}={value}");
    }
    let code = app.code("ana").await;
    assert_eq!(error(&other.redeem(&code).await), (400, "invalid_grant"));
    // Who has no part in it cannot spoil it either.
    assert_eq!(app.redeem(&code).await.status, 200);
}

#[actix_web::test]
async fn a_code_is_good_for_a_minute() {
    let shop = Shop::open("code_old").await;
    let owner = shop.customer("ana").await;
    let (id, secret, code) = {
        let app = App::register(&shop, &owner, wish()).await;
        let code = app.code("ana").await;
        (app.id, app.secret, code)
    };
    let shop = shop.reopen_later(61_000).await;
    let app = App { shop: &shop, id, secret };
    assert_eq!(error(&app.redeem(&code).await), (400, "invalid_grant"));
}

#[actix_web::test]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_whole_family() {
    let shop = Shop::open("refresh").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    let first = app.tokens("ana").await;
    let second = app.refresh(text(&first, "refresh_token")).await;
    assert_eq!(second.status, 200, "{}", second.text);
    let third = app.refresh(text(&second.json, "refresh_token")).await.json;
    assert_ne!(text(&third, "refresh_token"), text(&second.json, "refresh_token"));
    assert!(app.is_active(text(&third, "refresh_token")).await);
    // Somebody comes with an old one: nobody knows who is the thief.
    assert_eq!(error(&app.refresh(text(&first, "refresh_token")).await), (400, "invalid_grant"));
    for dead in [text(&third, "refresh_token"), text(&third, "access_token"), text(&first, "access_token")] {
        assert!(!app.is_active(dead).await);
    }
    assert_eq!(error(&app.refresh(text(&third, "refresh_token")).await), (400, "invalid_grant"));
}

#[actix_web::test]
async fn a_renewal_asks_for_less_but_never_for_more() {
    let shop = Shop::open("narrow").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    let token = text(&app.tokens("ana").await, "refresh_token").to_owned();
    let ask = async |scope: &str| {
        app.token(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", scope)]).await
    };
    assert_eq!(error(&ask("items:read orders:write").await), (400, "invalid_scope"));
    assert_eq!(error(&ask("nonsense").await), (400, "invalid_scope"));
    // Too much was refused and cost nothing.
    let narrow = ask("items:read").await;
    assert_eq!((narrow.status, text(&narrow.json, "scope")), (200, "items:read"));
    let whole = app.refresh(text(&narrow.json, "refresh_token")).await;
    assert_eq!(text(&whole.json, "scope"), "items:read orders:read");
}

#[actix_web::test]
async fn a_refresh_token_of_another_application_is_nothing() {
    let shop = Shop::open("refresh_other").await;
    let ana = shop.customer("ana").await;
    let (app, other) = (App::register(&shop, &ana, wish()).await, App::register(&shop, &ana, wish()).await);
    let tokens = app.tokens("ana").await;
    assert_eq!(error(&other.refresh(text(&tokens, "refresh_token")).await), (400, "invalid_grant"));
    assert!(!other.is_active(text(&tokens, "access_token")).await);
    let refused = other.post("/o/revoke_token/", &[("token", text(&tokens, "refresh_token"))]).await;
    assert_eq!(error(&refused), (400, "unauthorized_client"));
    assert!(app.is_active(text(&tokens, "refresh_token")).await);
}

#[actix_web::test]
async fn either_token_revokes_both() {
    let shop = Shop::open("revoke").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    for which in ["access_token", "refresh_token"] {
        let tokens = app.tokens("ana").await;
        for _ in 0..2 {
            let revoked = app.post("/o/revoke_token/", &[("token", text(&tokens, which))]).await;
            assert_eq!((revoked.status, revoked.text.as_str()), (200, ""), "{which}");
        }
        assert_eq!(shop.holder(text(&tokens, "access_token")).me().await.status, 401);
        assert_eq!(error(&app.refresh(text(&tokens, "refresh_token")).await), (400, "invalid_grant"));
    }
    assert_eq!(app.post("/o/revoke_token/", &[("token", "nonsense")]).await.status, 200);
}

#[actix_web::test]
async fn whoever_signs_out_everywhere_takes_back_every_consent() {
    let shop = Shop::open("consents_end").await;
    let ana = shop.customer("ana").await;
    let app = App::register(&shop, &ana, wish()).await;
    let tokens = app.tokens("ana").await;
    assert_eq!(ana.post("/api/v1/auth/sign-out-everywhere", json!({})).await.status, 204);
    assert!(!app.is_active(text(&tokens, "access_token")).await);
    assert_eq!(error(&app.refresh(text(&tokens, "refresh_token")).await), (400, "invalid_grant"));
}

#[actix_web::test]
async fn a_client_that_does_not_prove_itself_gets_nothing() {
    let shop = Shop::open("clients").await;
    let ana = shop.customer("ana").await;
    let app = App::register(&shop, &ana, wish()).await;
    let code = app.code("ana").await;
    let secret = app.secret.clone().unwrap();
    for wrong in [
        App { shop: &shop, id: app.id.clone(), secret: Some(format!("{secret}x")) },
        App { shop: &shop, id: app.id.clone(), secret: None },
        App { shop: &shop, id: "unknown".into(), secret: Some(secret.clone()) },
    ] {
        let refused = wrong.redeem(&code).await;
        assert_eq!(error(&refused), (401, "invalid_client"));
        assert!(refused.header("www-authenticate").starts_with("Basic"));
    }
    let fields = [("grant_type", "password"), ("username", "ana"), ("password", "x")];
    assert_eq!(error(&app.token(&fields).await), (400, "unsupported_grant_type"));
    assert_eq!(error(&app.token(&[]).await), (400, "invalid_request"));
    let twice = [("grant_type", "authorization_code"), ("code", "a"), ("code", "b")];
    assert_eq!(error(&app.token(&twice).await), (400, "invalid_request"));
    let json =
        shop.http().post(shop.url("/o/token/")).basic_auth(&app.id, Some(&secret)).json(&json!({"grant_type": "x"}));
    assert_eq!(error(&Answer::read(json.send().await.unwrap()).await), (400, "invalid_request"));
    // Nothing of this touched the code; the secret may come in the form as well.
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", &app.id),
        ("client_secret", &secret),
    ];
    let post = shop.http().post(shop.url("/o/token/")).header("content-type", FORM).body(encode(&fields));
    assert_eq!(post.send().await.unwrap().status(), 200);
}
