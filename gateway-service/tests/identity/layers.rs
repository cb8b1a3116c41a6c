use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    app::{App, wish},
    browser::Browser,
    shop::{Answer, Person, Shop},
};

/// How many of so many calls at once were answered how.
async fn statuses(who: &Person<'_>, calls: usize) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for answer in futures_util::future::join_all((0..calls).map(|_| who.get("/api/v1/auth/me"))).await {
        if answer.status == 429 {
            assert_eq!(answer.code(), (429, "too_many_requests"));
            assert_eq!(answer.header("retry-after"), answer.json["retry_after_s"].to_string());
        }
        *statuses.entry(answer.status).or_insert(0) += 1;
    }
    statuses
}

#[actix_web::test]
async fn a_caller_who_asks_too_often_waits_and_nobody_waits_for_him() {
    let shop = Shop::open("rate_caller").await;
    shop.customer("ana").await;
    // One request a second: two at once, and at most a few more while the test runs.
    let shop = shop.reopen_with(&["--rate-per-caller=1", "--demo"]).await;
    let (ana, root) = (shop.signed_in("ana").await, shop.administrator().await);
    let of_ana = statuses(&ana, 60).await;
    assert!(of_ana[&200] >= 2 && of_ana[&429] >= 40, "{of_ana:?}");
    assert_eq!(root.me().await.status, 200);
    // Another token is the same caller, nobody is no caller, and the key of every guide is not counted.
    assert!(statuses(&shop.signed_in("ana").await, 60).await[&429] >= 40);
    assert_eq!(statuses(&shop.nobody(), 60).await, [(401, 60)].into());
    assert_eq!(statuses(&shop.program("secret123"), 60).await, [(403, 60)].into());
}

#[actix_web::test]
async fn an_address_that_asks_too_often_waits_whoever_asks_from_it() {
    let shop = Shop::open("rate_address").await;
    let flags = ["--rate-per-address=1", "--trusted-proxies=127.0.0.1"];
    let shop = shop.reopen_with(&flags).await;
    let from = |address: &str| {
        let request = shop.http().get(shop.url("/api/v1/auth/me")).header("x-forwarded-for", address.to_owned());
        async move { Answer::read(request.send().await.unwrap()).await }
    };
    let flood = futures_util::future::join_all((0..60).map(|_| from("203.0.113.7"))).await;
    let refused = flood.iter().filter(|answer| answer.status == 429).count();
    assert!((40..=58).contains(&refused), "{refused}");
    assert_eq!(from("203.0.113.8").await.status, 401);
    let live = (0..60).map(|_| shop.http().get(shop.url("/health/live")).send());
    for probe in futures_util::future::join_all(live).await {
        assert_eq!(probe.unwrap().status(), 200, "a load balancer's probe is not counted");
    }
    // By default the rate is far beyond this.
    let shop = shop.reopen_with(&[]).await;
    assert_eq!(statuses(&shop.nobody(), 300).await, [(401, 300)].into());
}

#[actix_web::test]
async fn every_answer_tells_browsers_what_they_may_not_do() {
    let shop = Shop::open("headers").await;
    let ana = shop.customer("ana").await;
    let app = App::register(&shop, &ana, wish()).await;
    let page = Browser::new(&shop).open(&app.request(&[])).await;
    let nobody = shop.nobody();
    let answers = [
        (ana.me().await, 200),
        (nobody.me().await, 401),
        (nobody.get("/nowhere").await, 404),
        (nobody.delete("/api/v1/auth/token").await, 405),
        (nobody.post("/api/v1/auth/token", json!({"user": 1})).await, 422),
        (nobody.get("/o/authorize/").await, 400),
        (nobody.get("/docs/index.html").await, 200),
        (page, 200),
    ];
    for (answer, status) in &answers {
        assert_eq!(answer.status, *status, "{}", answer.text);
        let policy = answer.header("content-security-policy");
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(rule), "{status}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{status} {name}");
        }
        assert!(!answer.header("permissions-policy").is_empty() && !answer.header("referrer-policy").is_empty());
        assert_eq!(answer.header("strict-transport-security"), "", "not on http");
    }
    let scripts = |answer: &Answer| answer.header("content-security-policy").contains("script-src");
    let with_scripts = answers.iter().filter(|(answer, _)| scripts(answer)).count();
    assert_eq!(with_scripts, 1, "the documentation alone runs scripts, and only its own");
    for path in ["/docs", "/api/schema/swagger-ui/", "/redoc", "/api/schema/redoc/", "/redoc/redoc.standalone.js"] {
        let policy = nobody.get(path).await.header("content-security-policy").to_owned();
        assert!(policy.contains("script-src 'self';"), "{path}: no script stands in a page: {policy}");
    }

    let shop = shop.reopen_with(&["--public-url=https://shop.example"]).await;
    for answer in [shop.nobody().me().await, shop.nobody().get("/nowhere").await] {
        assert!(answer.header("strict-transport-security").starts_with("max-age="));
    }
}

#[actix_web::test]
async fn no_route_takes_a_change_that_another_site_sends_with_our_cookies() {
    let shop = Shop::open("forgery").await;
    let routes = ["/api/v1/auth/token", "/api/v1/auth/register", "/o/token/", "/o/sign-in/", "/nowhere"];
    for route in routes {
        let request = shop.http().post(shop.url(route)).header("cookie", "lastcopy=x").json(&Value::Null);
        let forged = Answer::read(request.header("origin", "https://evil.example").send().await.unwrap()).await;
        assert_eq!(forged.code(), (403, "forbidden"), "{route}");
    }
}
