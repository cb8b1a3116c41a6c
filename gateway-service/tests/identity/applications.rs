use serde_json::json;

use crate::{
    app::{App, CALLBACK, error, text, wish},
    browser::Browser,
    shop::{Answer, Shop},
};

#[actix_web::test]
async fn an_application_acts_for_itself_if_it_keeps_a_secret_and_was_registered_for_it() {
    let shop = Shop::open("itself").await;
    let ben = shop.employee("ben").await;
    let wish = json!({"client_name": "Night job", "grant_types": ["client_credentials"],
                      "scope": "stock:read items:read"});
    let app = App::register(&shop, &ben, wish.clone()).await;
    let answer = app.token(&[("grant_type", "client_credentials"), ("scope", "stock:read")]).await;
    assert_eq!((answer.status, text(&answer.json, "scope")), (200, "stock:read"));
    assert_eq!(answer.json.get("refresh_token"), None);
    assert!(app.is_active(text(&answer.json, "access_token")).await);
    assert_eq!(shop.holder(text(&answer.json, "access_token")).me().await.status, 403);
    let too_much = app.token(&[("grant_type", "client_credentials"), ("scope", "orders:review")]).await;
    assert_eq!(error(&too_much), (400, "invalid_scope"));

    let by_code = App::register(&shop, &ben, crate::app::wish()).await;
    assert_eq!(error(&by_code.token(&[("grant_type", "client_credentials")]).await), (400, "unauthorized_client"));
    let mut public = wish;
    public["token_endpoint_auth_method"] = "none".into();
    assert_eq!(ben.post("/o/applications/", public).await.code(), (422, "invalid"));

    // It is its owner's: shut out with him.
    let root = shop.administrator().await;
    let path = format!("/api/v1/accounts/{}/disable", ben.me().await.json["id"].as_str().unwrap());
    root.post(&path, json!({})).await;
    assert_eq!(shop.holder(text(&answer.json, "access_token")).me().await.status, 401);
    assert_eq!(error(&app.token(&[("grant_type", "client_credentials")]).await), (401, "invalid_client"));
}

#[actix_web::test]
async fn an_owner_manages_his_applications_and_nobody_elses() {
    let shop = Shop::open("applications").await;
    let (ana, ben, root) = (shop.customer("ana").await, shop.customer("ben").await, shop.administrator().await);
    let app = App::register(&shop, &ana, wish()).await;
    let path = format!("/o/applications/{}/", app.id);
    let shown = ana.get(&path).await;
    assert_eq!((&shown.json["client_name"], shown.json.get("client_secret")), (&json!("Book club"), None));
    let secret = format!("{path}secret/");
    for refused in [
        ben.get(&path).await,
        ben.patch(&path, json!({"client_name": "x"})).await,
        ben.delete(&path).await,
        ben.post(&secret, json!({})).await,
    ] {
        assert_eq!(refused.code(), (404, "application_not_found"));
    }
    assert_eq!(ben.get("/o/applications/").await.json["items"], json!([]));
    assert_eq!(root.get("/o/applications/").await.json["items"][0]["client_id"], app.id.as_str());

    let other = "https://club.example/other";
    let changed = ana.patch(&path, json!({"redirect_uris": [other]})).await;
    assert_eq!((changed.status, &changed.json["redirect_uris"]), (200, &json!([other])));
    assert_eq!(Browser::new(&shop).open(&app.request(&[])).await.status, 400);
    ana.patch(&path, json!({"redirect_uris": [CALLBACK]})).await;

    let renewed = ana.post(&secret, json!({})).await.json["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(error(&app.refresh("x").await), (401, "invalid_client"));
    let app = App { secret: Some(renewed), ..app };
    let tokens = app.tokens("ana").await;
    assert_eq!(ana.delete(&path).await.status, 204);
    assert_eq!(ana.get(&path).await.code(), (404, "application_not_found"));
    assert_eq!(shop.holder(text(&tokens, "access_token")).me().await.status, 401);
    assert_eq!(error(&app.refresh(text(&tokens, "refresh_token")).await), (401, "invalid_client"));
}

#[actix_web::test]
async fn a_registration_names_every_wrong_field() {
    let shop = Shop::open("registration").await;
    let ana = shop.customer("ana").await;
    for (name, value, field) in [
        ("redirect_uris", json!(["https://club.example/#x", "http://club.example/"]), "redirect_uris[0]"),
        ("redirect_uris", json!([]), "redirect_uris"),
        ("grant_types", json!(["implicit"]), "grant_types[0]"),
        ("grant_types", json!(["refresh_token"]), "grant_types"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "token_endpoint_auth_method"),
        ("scope", json!(""), "scope"),
        ("scope", json!("items:read orders:review"), "scope"),
        ("client_name", json!(""), "client_name"),
    ] {
        let mut wish = wish();
        wish[name] = value;
        let answer = ana.post("/o/applications/", wish).await;
        assert_eq!((answer.code(), &answer.json["errors"][0]["field"]), ((422, "invalid"), &json!(field)));
    }
    assert_eq!(shop.nobody().post("/o/applications/", wish()).await.status, 401);
}

#[actix_web::test]
async fn the_metadata_names_the_places_and_only_what_is_supported() {
    let shop = Shop::open("metadata").await;
    let metadata = shop.nobody().get("/.well-known/oauth-authorization-server").await.json;
    assert_eq!(metadata["issuer"], shop.url(""));
    assert_eq!(metadata["token_endpoint"], shop.url("/o/token/"));
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let keys = shop.http().get(metadata["jwks_uri"].as_str().unwrap()).send().await.unwrap();
    assert!(Answer::read(keys).await.json["keys"][0]["kid"].is_string());
    let shop = shop.reopen_with(&["--public-url=https://shop.example"]).await;
    let metadata = shop.nobody().get("/.well-known/oauth-authorization-server").await.json;
    assert_eq!(metadata["authorization_endpoint"], "https://shop.example/o/authorize/");
}

/// The row of the contract, from registration to revocation. What has expired is cleared away in `cleanup`.
#[actix_web::test]
async fn shop_oauth() {
    let shop = Shop::open("shop_oauth").await;
    let ben = shop.employee("ben").await;
    let wish = json!({"client_name": "Book club", "redirect_uris": [CALLBACK], "scope": "items:read orders:read",
                      "grant_types": ["authorization_code", "refresh_token", "client_credentials"]});
    let app = App::register(&shop, &ben, wish).await;
    shop.customer("ana").await;
    let by_code = app.tokens("ana").await;
    assert!(app.is_active(text(&by_code, "access_token")).await);
    let renewed = app.refresh(text(&by_code, "refresh_token")).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let for_itself = app.token(&[("grant_type", "client_credentials")]).await;
    assert_eq!(for_itself.status, 200, "{}", for_itself.text);
    for token in [text(&renewed.json, "access_token"), text(&for_itself.json, "access_token")] {
        assert!(app.is_active(token).await);
        assert_eq!(app.post("/o/revoke_token/", &[("token", token)]).await.status, 200);
        assert!(!app.is_active(token).await);
    }
    let path = format!("/o/applications/{}/", app.id);
    assert_eq!(ben.patch(&path, json!({"client_name": "Reading club"})).await.json["client_name"], "Reading club");
    assert_eq!(ben.delete(&path).await.status, 204);
    assert_eq!(error(&app.token(&[("grant_type", "client_credentials")]).await), (401, "invalid_client"));
}
