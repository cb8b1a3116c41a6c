use reqwest::Method;
use serde_json::Value;

use crate::shop::Shop;

/// What takes no idempotency key: what hands out a secret (decision 8), and what is one and the same thing however often
/// it is said, by its own id.
const WITHOUT_A_KEY: [&str; 8] = [
    "/api/v1/accounts",
    "/api/v1/api-keys",
    "/api/v1/auth/",
    "/o/",
    "/api/v1/parked-events/",
    "/api/v1/receipts/",
    "/api/v1/repairs/",
    "/webhooks/payment",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_post_takes_a_key_and_every_list_says_where_it_goes_on() {
    let shop = Shop::open("document_conventions").await;
    let spec = shop.get("/openapi.json").await.json;
    let named = |operation: &Value, name: &str| {
        operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == name)
    };
    let (mut posts, mut lists) = (0, 0);
    for (path, item) in spec["paths"].as_object().unwrap() {
        if item["post"].is_object() && !WITHOUT_A_KEY.iter().any(|without| path.starts_with(without)) {
            assert!(named(&item["post"], "Idempotency-Key"), "POST {path} takes no key");
            posts += 1;
        }
        let list = &item["get"];
        if named(list, "cursor") && path != "/api/v1/audit-log.csv" {
            assert!(named(list, "limit"), "{path} has pages of one size");
            assert!(list["responses"]["200"]["headers"]["Link"].is_object(), "{path} does not say where it goes on");
            lists += 1;
        }
    }
    assert!(posts > 20 && lists > 10, "{posts} {lists}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_says_what_it_does_with_examples_and_true_errors() {
    let shop = Shop::open("document").await;
    let spec = shop.get("/openapi.json").await.json;
    let paths = spec["paths"].as_object().unwrap();
    assert!(paths.contains_key("/api/v1/checkout") && paths.contains_key("/purchase/{book_id}"), "{paths:?}");
    assert!(!paths.keys().any(|path| path.contains("taking")));
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let at = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{at} has no summary");
            let described = |tag: &Value| spec["tags"].as_array().unwrap().iter().any(|known| known["name"] == *tag);
            assert!(described(&operation["tags"][0]), "{at}: nobody says what its tag means");
            if let Some(body) = operation.get("requestBody") {
                let content = body["content"].as_object().unwrap();
                assert!(content.values().all(|media| !media["example"].is_null()), "{at}: no example of a request");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                let response = match response["$ref"].as_str() {
                    Some(reference) => spec.pointer(&reference[1..]).unwrap(),
                    None => response,
                };
                assert!(response["description"].is_string(), "{at} {status}");
                let bodies = response["content"].as_object().into_iter().flatten();
                for (media_type, media) in bodies.filter(|(media_type, _)| media_type.contains("json")) {
                    assert!(!media["example"].is_null(), "{at} {status}: no example of {media_type}");
                }
                let is_error = status.starts_with('4') || status.starts_with('5');
                // OAuth2 has errors of its own, which its clients insist on (RFC 6749 §5.2).
                let oauth =
                    &response["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/OAuthErrorView";
                // So have its pages, which are for people.
                let page = response["content"]["text/html"].is_object();
                if is_error && !oauth && !page {
                    assert!(response["content"]["application/problem+json"].is_object(), "{at} {status}");
                }
            }
        }
    }
    // Fails where one route does not say who may call it.
    assert!(service_kit::auth::routes(&spec).unwrap().len() > 20);
    assert_eq!(shop.get("/docs/index.html").await.status, 200);
    shop.close().await;
}

/// Pages for people, whose scripts and styles are the shop's own.
const PAGES: [&str; 4] = ["/docs", "/redoc", "/api/schema/swagger-ui/", "/api/schema/redoc/"];

/// A page is there, and so is all that it names; nothing of that is elsewhere.
async fn is_whole(shop: &Shop, path: &str) {
    let page = shop.send_as_is(Method::GET, path, &[], None).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
    let named = |attribute: &str| {
        let begin = format!("{attribute}=\"");
        let parts = page.text.split(&begin).skip(1);
        parts.map(|part| part.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let files = [named("src"), named("href"), named("spec-url")].concat();
    assert!(files.len() > 1, "{path}: {}", page.text);
    for file in files {
        assert!(file.starts_with('/') && !file.starts_with("//"), "{path} loads {file}");
        assert_eq!(shop.send_as_is(Method::GET, &file, &[], None).await.status, 200, "{path} loads {file}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{path}: {policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_docs() {
    let shop = Shop::open("items_docs").await;
    for path in &PAGES[..2] {
        is_whole(&shop, path).await;
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shop_docs() {
    let shop = Shop::open("shop_docs").await;
    for path in ["/api/schema", "/api/schema/"] {
        let schema = shop.send_as_is(Method::GET, path, &[], None).await;
        assert!(schema.status == 200 && schema.json["openapi"].as_str().unwrap().starts_with("3."), "{path}");
        let yaml = shop.send_as_is(Method::GET, path, &[("accept", "application/yaml")], None).await;
        assert_eq!((yaml.status, yaml.header("content-type")), (200, "application/yaml"), "{path}");
    }
    for path in &PAGES[2..] {
        is_whole(&shop, path).await;
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_docs() {
    let shop = Shop::open("inv_docs").await;
    let spec = shop.send_as_is(Method::GET, "/openapi.json", &[], None).await.json;
    for member in ["title", "version", "description"] {
        assert!(spec["info"][member].as_str().is_some_and(|text| !text.is_empty()), "{member}");
    }
    assert!(spec["tags"].as_array().unwrap().iter().any(|tag| tag["name"] == "inventory"));
    for (method, path, status) in [
        ("post", "/products", "201"),
        ("get", "/products", "200"),
        ("put", "/products/{product_id}", "200"),
        ("post", "/orders", "201"),
        ("get", "/orders/{order_id}", "200"),
        ("put", "/orders/{order_id}", "200"),
        ("post", "/webhooks/payment", "200"),
    ] {
        let operation = &spec["paths"][path][method];
        let example = |of: &Value| !of["content"]["application/json"]["example"].is_null();
        assert!(example(&operation["responses"][status]), "{method} {path} shows no answer");
        assert!(method == "get" || example(&operation["requestBody"]), "{method} {path} shows no request");
    }
    is_whole(&shop, "/docs").await;
    shop.close().await;
}
