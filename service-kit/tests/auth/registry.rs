use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};
use service_kit::{
    auth::{Permission, Route, RouteError, Scope, Service, routes},
    http::{Background, Reply, Running, SHELL_PATHS, ServiceInfo, serve},
};

use crate::{extractors, forge::verifier};

async fn document(running: &Running) -> Value {
    let url = format!("{}/openapi.json", running.url());
    #[expect(clippy::disallowed_methods, reason = "a stranger's client")]
    let client = reqwest::Client::new();
    client.get(url).send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_tells_every_route_and_who_may_call_it() {
    let running = extractors::catalog_with(verifier()).await;
    let found = routes(&document(&running).await).unwrap();
    let route = |method: &str, path: &str, permission| Route {
        method: method.into(),
        path: path.into(),
        permissions: vec![permission],
    };
    let mut expected = vec![
        route("GET", "/public", Permission::Public),
        route("GET", "/anyone", Permission::Anyone),
        route("GET", "/any-caller", Permission::AnyCaller),
        route("POST", "/scoped", Permission::Scope(Scope::OrdersWrite)),
        route("GET", "/admin-scoped", Permission::Scope(Scope::AccountsAdmin)),
        route("GET", "/customer", Permission::Customer),
        route("GET", "/employee", Permission::Employee),
        route("GET", "/administrator", Permission::Administrator),
        route("GET", "/order-service", Permission::Service(Service::Order)),
    ];
    expected.sort();
    let mut sorted = found;
    sorted.sort();
    assert_eq!(sorted, expected);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_true_about_credentials_and_refusals() {
    let running = extractors::catalog_with(verifier()).await;
    let spec = document(&running).await;
    let scheme = &spec["components"]["securitySchemes"]["bearer"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
    let get = |path: &str| &spec["paths"][path]["get"];
    assert_eq!(get("/public")["security"], json!([]));
    assert_eq!(get("/anyone")["security"], json!([{}, {"bearer": []}]));
    assert_eq!(get("/any-caller")["security"], json!([{"bearer": []}]));
    assert_eq!(get("/customer")["security"], json!([{"bearer": []}]));
    assert_eq!(spec["paths"]["/scoped"]["post"]["x-permissions"], json!(["scope:orders:write"]));
    for (path, statuses) in [("/public", [false, false]), ("/anyone", [true, false]), ("/customer", [true, true])] {
        let responses = get(path)["responses"].as_object().unwrap();
        assert_eq!(["401", "403"].map(|status| responses.contains_key(status)), statuses, "{path}");
    }
    let refusal = &get("/customer")["responses"]["403"]["content"]["application/problem+json"];
    assert_eq!(refusal["schema"]["$ref"], "#/components/schemas/Problem");
    assert!(spec["components"]["schemas"]["Problem"].is_object());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shell_adds_is_for_reading_and_open() {
    let running = extractors::catalog_with(verifier()).await;
    #[expect(clippy::disallowed_methods, reason = "a stranger's client")]
    let client = reqwest::Client::new();
    for path in SHELL_PATHS {
        let url = format!("{}{path}", running.url());
        assert_eq!(client.get(&url).send().await.unwrap().status(), 200, "{path}");
        for refused in [client.post(&url), client.put(&url), client.delete(&url)] {
            let status = refused.send().await.unwrap().status().as_u16();
            assert!((400..500).contains(&status), "{path} {status}");
        }
    }
    running.stop().await;
}

/// Says nothing about who may call it.
#[api_v2_operation]
async fn silent() -> Reply<()> {
    Reply::ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_says_nothing_about_its_callers_is_an_error() {
    let info = ServiceInfo { name: "silent", title: "Silent", description: "" };
    let with_silent = |config: &mut web::ServiceConfig| {
        extractors::routes(config);
        config.service(web::resource("/silent").route(web::put().to(silent)));
    };
    let address = "127.0.0.1:0".parse().unwrap();
    let running = serve(info, address, 1, Vec::new(), Background::default(), with_silent).await.unwrap();
    assert_eq!(routes(&document(&running).await), Err(RouteError::Silent(vec!["PUT /silent".into()])));
    running.stop().await;
}

#[test]
fn a_document_without_operations_or_with_unknown_permissions_is_an_error() {
    assert_eq!(routes(&json!({})), Err(RouteError::Empty));
    let spec = json!({"paths": {"/a": {"get": {"x-permissions": ["role:emperor"]}}}});
    assert!(matches!(routes(&spec), Err(RouteError::Unknown { .. })));
}

#[test]
fn every_permission_survives_the_document() {
    for permission in Permission::all() {
        assert_eq!(permission.to_string().parse(), Ok(permission));
    }
}
