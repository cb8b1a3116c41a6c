use crate::shop::Shop;

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
                assert!(!body["content"]["application/json"]["example"].is_null(), "{at}: no example of a request");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(response["description"].is_string(), "{at} {status}");
                let is_error = status.starts_with('4') || status.starts_with('5');
                // OAuth2 has errors of its own, which its clients insist on (RFC 6749 §5.2).
                let oauth =
                    &response["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/OAuthErrorView";
                if is_error && !oauth {
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
