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
