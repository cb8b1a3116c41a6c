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
            assert!(operation["tags"][0].is_string(), "{at} has no tag");
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
