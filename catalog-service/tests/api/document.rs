use serde_json::Value;

use crate::shop::Shop;

/// Every operation, who may call it, and the answers that are its own (any route can also be unreadable, too large, too
/// slow or broken).
const OPERATIONS: &[(&str, &str, &[&str], &[&str])] = &[
    ("/.well-known/jwks.json", "get", &["public"], &["200"]),
    ("/books", "post", &["scope:items:write"], &["201", "401", "403", "409", "422"]),
    ("/books", "get", &["any-caller"], &["200", "401"]),
    ("/books/by-id/{ids}", "get", &["any-caller"], &["200", "401"]),
    ("/books/by-isbn/{isbn}", "get", &["any-caller"], &["200", "304", "401", "404"]),
    ("/books/{book_id}", "get", &["any-caller"], &["200", "304", "401", "404"]),
    ("/books/{book_id}", "patch", &["scope:items:write"], &["200", "401", "403", "404", "409", "412", "422"]),
    ("/books/{book_id}", "delete", &["scope:items:write"], &["204", "401", "403", "404", "412"]),
    (
        "/books/{book_id}/stock-adjustments",
        "post",
        &["scope:stock:write"],
        &["200", "201", "401", "403", "404", "409", "422"],
    ),
    ("/books/{book_id}/ledger", "get", &["scope:stock:read"], &["200", "401", "403", "404"]),
    ("/topics", "get", &["any-caller"], &["200", "401"]),
    ("/imports", "post", &["scope:items:write", "scope:stock:write"], &["200", "401", "403", "422"]),
    ("/takings", "post", &["service:order"], &["200", "401", "403", "422"]),
    ("/takings/check", "post", &["service:order"], &["200", "401", "403", "422"]),
    ("/takings/checks", "post", &["service:order"], &["200", "401", "403", "422"]),
    ("/takings/{taking_id}", "put", &["service:order"], &["200", "201", "401", "403", "409", "422"]),
    ("/takings/{taking_id}", "get", &["service:order"], &["200", "401", "403", "404"]),
    ("/takings/{taking_id}/give-back", "post", &["service:order"], &["200", "201", "401", "403"]),
    ("/parked-events", "get", &["scope:orders:review"], &["200", "401", "403"]),
    ("/parked-events/replay", "post", &["scope:orders:review"], &["200", "401", "403", "404", "422"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_every_operation_with_its_texts_and_answers() {
    let shop = Shop::open("document").await;
    let spec = shop.get("/openapi.json").await.json;
    let paths = spec["paths"].as_object().unwrap();
    let documented: usize = paths.values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(documented, OPERATIONS.len(), "{:?}", paths.keys());
    for (path, method, permissions, statuses) in OPERATIONS {
        let operation = &paths[*path][*method];
        for text in ["summary", "description"] {
            assert!(operation[text].as_str().is_some_and(|text| text.len() > 10), "{method} {path} has no {text}");
        }
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
        let any_route = ["400", "408", "413", "414", "415", "431", "500", "503", "504"];
        let mut own: Vec<&str> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        own.retain(|status| !any_route.contains(status));
        own.sort_unstable();
        assert_eq!(&own, statuses, "{method} {path}");
        assert_eq!(operation["x-permissions"], serde_json::json!(permissions), "{method} {path}");
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_names_every_parameter() {
    let shop = Shop::open("parameters").await;
    let spec = shop.get("/openapi.json").await.json;
    let names = |path: &str, method: &str| -> Vec<String> {
        let parameters = spec["paths"][path][method]["parameters"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> = parameters.iter().map(name).collect();
        names.sort();
        names
    };
    let list = ["author", "cursor", "isbn", "limit", "offset", "q", "sku", "sort", "state", "topic"];
    assert_eq!(names("/books", "get"), list.map(|name| format!("query {name}")));
    assert_eq!(names("/books/{book_id}", "get"), ["header If-None-Match", "path book_id"]);
    assert_eq!(names("/books/{book_id}", "patch"), ["header If-Match", "path book_id"]);
    let adjust = names("/books/{book_id}/stock-adjustments", "post");
    assert_eq!(adjust, ["header Idempotency-Key", "path book_id"]);
    for (path, method, ..) in OPERATIONS.iter().filter(|(_, method, ..)| ["put", "patch"].contains(method)) {
        assert!(spec["paths"][path][method]["requestBody"].is_object(), "{method} {path}");
    }
    shop.finish().await;
}

/// `query limit`
fn name(parameter: &Value) -> String {
    format!("{} {}", parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap())
}
