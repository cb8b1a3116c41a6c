use serde_json::json;

use crate::{
    app::{App, CALLBACK, parameter, wish},
    browser::{Browser, form},
    shop::{PASSWORD, Shop},
};

#[actix_web::test]
async fn a_request_that_names_no_known_way_back_sends_nobody_anywhere() {
    let shop = Shop::open("nowhere").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    for other in [
        [("client_id", "unknown")].as_slice(),
        &[("client_id", "")],
        &[("redirect_uri", "https://evil.example/callback")],
        &[("redirect_uri", "https://club.example/callback/")],
        &[("redirect_uri", "https://club.example/callback?x=1")],
        &[("redirect_uri", "https://CLUB.example/callback")],
        &[("redirect_uri", "javascript:alert(1)")],
    ] {
        let page = Browser::new(&shop).open(&app.request(other)).await;
        assert_eq!((page.status, page.header("location")), (400, ""), "{other:?}");
        assert!(page.text.contains("This does not work"), "{}", page.text);
        assert!(!page.text.contains("evil.example"), "{}", page.text);
    }
    let twice = format!("{}&client_id=x", app.request(&[]));
    assert_eq!(Browser::new(&shop).open(&twice).await.status, 400);
}

#[actix_web::test]
async fn a_wrong_request_is_told_to_the_application() {
    let shop = Shop::open("back").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    for (other, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("scope", "items:read orders:write"), "invalid_scope"),
        (("scope", "everything"), "invalid_scope"),
    ] {
        let answer = Browser::new(&shop).open(&app.request(&[other])).await;
        let location = answer.header("location");
        assert!(answer.status == 303 && location.starts_with(CALLBACK), "{other:?}: {location}");
        assert_eq!(parameter(location, "error").unwrap(), error, "{other:?}");
        assert_eq!(parameter(location, "state").unwrap(), "x y&z");
        assert_eq!(parameter(location, "code"), None);
    }
}

#[actix_web::test]
async fn the_only_registered_way_back_need_not_be_named() {
    let shop = Shop::open("unnamed").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    let mut browser = Browser::new(&shop);
    let page = browser.up_to_consent(&app.request(&[("redirect_uri", "")]), "ana").await;
    let mut consent = form(&page.text);
    consent.set("decision", "allow");
    let answer = browser.submit(&consent).await;
    assert!(answer.header("location").starts_with(CALLBACK));
    // Named afterwards or not: there is only one.
    assert_eq!(app.redeem(&parameter(answer.header("location"), "code").unwrap()).await.status, 200);
}

#[actix_web::test]
async fn a_person_says_no_or_is_somebody_else() {
    let shop = Shop::open("no").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    shop.customer("ben").await;
    let mut browser = Browser::new(&shop);
    let page = browser.up_to_consent(&app.request(&[]), "ana").await;
    let consent = form(&page.text);
    // Neither button was pressed: that is a no.
    let denied = browser.submit(&consent).await;
    assert_eq!(parameter(denied.header("location"), "error").unwrap(), "access_denied");

    let mut not_me = form(&browser.open(&app.request(&[])).await.text);
    not_me.action = "/o/sign-out/".into();
    let signed_out = browser.submit(&not_me).await;
    assert_eq!(signed_out.status, 303);
    let page = browser.up_to_consent(signed_out.header("location"), "ben").await;
    assert!(page.text.contains("<strong>ben</strong>"), "{}", page.text);
    // The page that ana left open in another tab is nobody's any more.
    let mut stale = consent;
    stale.set("decision", "allow");
    assert_eq!(browser.submit(&stale).await.status, 403);
}

#[actix_web::test]
async fn nobody_agrees_by_a_form_that_is_not_ours() {
    let shop = Shop::open("forged").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    let mut browser = Browser::new(&shop);
    let page = browser.up_to_consent(&app.request(&[]), "ana").await;
    let mut consent = form(&page.text);
    consent.set("decision", "allow");
    let ours = shop.url("");
    for headers in [
        [("origin", "https://evil.example")].as_slice(),
        &[("origin", "null")],
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    ] {
        let answer = browser.submit_from(&consent, headers).await;
        assert_eq!((answer.status, answer.header("location")), (403, ""), "{headers:?}");
    }
    let mut without = form(&page.text);
    without.set("decision", "allow");
    without.set("csrf", "");
    assert_eq!(browser.submit(&without).await.status, 403);
    // Somebody else's token is no token, even with our origin.
    let mut eve = Browser::new(&shop);
    let token = form(&eve.open(&app.request(&[])).await.text).fields[0].1.clone();
    let mut foreign = form(&page.text);
    foreign.set("csrf", &token);
    foreign.set("decision", "allow");
    assert_eq!(browser.submit_from(&foreign, &[("origin", &ours)]).await.status, 403);
    // And looking at the page again and again changed nothing.
    assert_eq!(browser.open(&app.request(&[("decision", "allow")])).await.status, 200);
    assert_eq!(browser.submit(&consent).await.status, 303);
}

#[actix_web::test]
async fn what_was_asked_cannot_be_changed_on_the_way_through_the_form() {
    let shop = Shop::open("carried").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    let mut browser = Browser::new(&shop);
    let page = browser.up_to_consent(&app.request(&[]), "ana").await;
    let mut consent = form(&page.text);
    consent.set("decision", "allow");
    let evil = app.request(&[("redirect_uri", "https://evil.example/")]);
    for request in [evil.split_once('?').unwrap().1, "client_id=x\r\nset-cookie: a=b", "#", ""] {
        consent.set("request", request);
        let answer = browser.submit(&consent).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{request}");
    }
}

#[actix_web::test]
async fn a_page_runs_no_script_and_shows_names_as_they_are() {
    let shop = Shop::open("page").await;
    let mut evil = wish();
    evil["client_name"] = "<script>alert(1)</script>\"'&".into();
    let app = App::register(&shop, &shop.customer("ana").await, evil).await;
    let mut browser = Browser::new(&shop);
    let path = app.request(&[("state", "\"><script>alert(2)</script>")]);
    let sign_in = browser.open(&path).await;
    let consent = browser.up_to_consent(&path, "ana").await;
    for (page, target) in [(sign_in, "form-action 'self' ;"), (consent, "form-action 'self' https://club.example;")] {
        assert!(!page.text.contains("<script"), "{}", page.text);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains(target), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!((page.header("x-frame-options"), page.header("cache-control")), ("DENY", "no-store"));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    }
    assert_eq!(browser.open("/o/style.css").await.header("content-type"), "text/css; charset=utf-8");
}

#[actix_web::test]
async fn cookies_are_out_of_reach_for_scripts_and_other_sites() {
    let shop = Shop::open("cookies").await;
    let app_owner = shop.customer("ana").await;
    let app = App::register(&shop, &app_owner, wish()).await;
    let mut browser = Browser::new(&shop);
    let page = browser.open(&app.request(&[])).await;
    let set = page.header("set-cookie").to_owned();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    browser.up_to_consent(&app.request(&[]), "ana").await;
    let cookie = browser.cookies()["lastcopy"].clone();
    // A stolen database opens no browser: the cookie itself is not in it.
    assert!(cookie.starts_with("lcb_"), "{cookie}");
    // Nor is a cookie a credential of the API, which other sites' scripts could make a browser send.
    let request = shop.http().get(shop.url("/api/v1/auth/me")).header("cookie", format!("lastcopy={cookie}"));
    assert_eq!(request.send().await.unwrap().status(), 401);
    // Signed out everywhere is signed out here.
    assert_eq!(app_owner.post("/api/v1/auth/sign-out-everywhere", json!({})).await.status, 204);
    assert!(browser.open(&app.request(&[])).await.text.contains("name=\"password\""));
}

#[actix_web::test]
async fn a_wrong_password_shows_the_form_again_and_is_slowed_down_like_everywhere() {
    let shop = Shop::open("page_guess").await;
    let app = App::register(&shop, &shop.customer("ana").await, wish()).await;
    let mut browser = Browser::new(&shop);
    let mut sign_in = form(&browser.open(&app.request(&[])).await.text);
    sign_in.set("username", "ana");
    sign_in.set("password", "a wrong password");
    for _ in 0..5 {
        let page = browser.submit(&sign_in).await;
        assert_eq!(page.status, 403);
        assert!(page.text.contains("role=\"alert\"") && page.text.contains("name=\"password\""));
        assert!(!page.text.contains("a wrong password"));
    }
    sign_in.set("password", PASSWORD);
    let paused = browser.submit(&sign_in).await;
    assert_eq!(paused.status, 429);
    assert!(!paused.header("retry-after").is_empty());
    browser.clear();
    assert_eq!(browser.submit(&sign_in).await.status, 403);
}
