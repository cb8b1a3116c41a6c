//! Bad requests, made out of a service's own API document: a route, a parameter or a body that is added is tested as soon
//! as it is documented, and an undocumented one is refused by other tests.

use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::Value;

use super::Callers;
use crate::auth::{Caller, Permission, Route, Service, Who, routes};

/// What stands in a path where an id or a number should.
const NO_IDS: [&str; 5] = ["%00", "one", "-1", "99999999999999999999", "%F0%9F%93%9A"];
/// What no query parameter of ours takes.
const NO_VALUES: [&str; 3] = ["%00", "-1", "%7B%7D"];
/// Bodies that nobody takes: cut short, of another shape, with a field that nobody knows.
const NO_BODIES: [&str; 5] = ["", "{", "7", "[[]]", r#"{"no_such_field": true}"#];
/// What is no key, no version and no tag.
const NO_HEADER: &str = "two words";

/// A request that has to be refused.
struct Bad {
    method: Method,
    path: String,
    permissions: Vec<Permission>,
    header: Option<String>,
    body: Option<(&'static str, &'static str)>,
    /// With one of these.
    statuses: &'static [u16],
}

/// Sends every bad request that the document of a service lets one think of, each by somebody who may call the route, and
/// panics where an answer is not a clear problem. `fill` gives each parameter of a path a value that is there; `any_text`
/// names the parameters that take any text, which is then no mistake, and no fault of ours either. Answers how many
/// requests that were.
pub async fn refuses_every_bad_request(
    service: Service,
    url: &str,
    openapi: &Value,
    any_text: &[&str],
    fill: impl Fn(&str) -> Option<String>,
) -> usize {
    let mut sent = 0;
    let client = client();
    for route in routes(openapi).expect("a document that says who may call each route") {
        for bad in of_route(openapi, &route, any_text, &fill) {
            is_refused(service, url, &client, &bad).await;
            sent += 1;
        }
    }
    sent
}

fn of_route(openapi: &Value, route: &Route, any_text: &[&str], fill: &impl Fn(&str) -> Option<String>) -> Vec<Bad> {
    let operation = &openapi["paths"][&route.path][route.method.to_lowercase()];
    let parameters: Vec<(&str, &str)> = operation["parameters"].as_array().into_iter().flatten().map(read).collect();
    let named = |place: &str| {
        parameters.iter().filter(move |(at, _)| *at == place).map(|(_, name)| (*name).to_owned()).collect::<Vec<_>>()
    };
    let value = |name: &str| fill(name).unwrap_or_else(|| panic!("{}: a value for {name}", route.path));
    let path = |wrong: Option<(&str, &str)>| {
        named("path").iter().fold(route.path.clone(), |path, name| {
            let value = wrong.filter(|(at, _)| at == name).map_or_else(|| value(name), |(_, no_id)| no_id.to_owned());
            path.replace(&format!("{{{name}}}"), &value)
        })
    };
    let good = path(None);
    let bad = |path: &str, statuses| Bad {
        method: route.method.parse().expect("a method"),
        path: path.to_owned(),
        permissions: route.permissions.clone(),
        header: None,
        body: None,
        statuses,
    };
    let mut all = Vec::new();
    for name in named("path") {
        all.extend(NO_IDS.map(|no_id| bad(&path(Some((&name, no_id))), &[400, 404, 422])));
    }
    for name in named("query") {
        let statuses: &[u16] = if any_text.contains(&name.as_str()) { &[200, 400] } else { &[400] };
        all.extend(NO_VALUES.map(|no_value| bad(&format!("{good}?{name}={no_value}"), statuses)));
    }
    if !named("query").is_empty() {
        all.push(bad(&format!("{good}?no_such_parameter=1"), &[400]));
    }
    all.extend(named("header").into_iter().map(|name| {
        // A version that nobody has is another one than there is: the answer is told.
        let takes_any = name == "If-None-Match" || any_text.contains(&name.as_str());
        let statuses: &[u16] = if takes_any { &[200, 400, 404] } else { &[400, 412, 422] };
        Bad { header: Some(name), ..bad(&good, statuses) }
    }));
    if operation["requestBody"].is_object() {
        let is_optional = operation["requestBody"]["required"] != true;
        let bodies = NO_BODIES.into_iter().filter(|body| !(is_optional && body.is_empty()));
        all.extend(bodies.map(|body| Bad { body: Some(("application/json", body)), ..bad(&good, &[400, 422]) }));
        all.push(Bad { body: Some(("text/plain", "{}")), ..bad(&good, &[415]) });
    }
    all
}

fn read(parameter: &Value) -> (&str, &str) {
    (parameter["in"].as_str().expect("a place"), parameter["name"].as_str().expect("a name"))
}

async fn is_refused(service: Service, url: &str, client: &Client, bad: &Bad) {
    let what = format!("{} {} {:?} {:?}", bad.method, bad.path, bad.header, bad.body);
    let mut request = client.request(bad.method.clone(), format!("{url}{}", bad.path));
    request = request.header(header::AUTHORIZATION, bearer(service, &bad.permissions));
    if let Some(name) = &bad.header {
        request = request.header(name, NO_HEADER);
    }
    if let Some((kind, body)) = bad.body {
        request = request.header(header::CONTENT_TYPE, kind).body(body);
    }
    let response = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let (status, kind) = (response.status(), media_type(&response));
    let text = response.text().await.unwrap_or_default();
    assert!(bad.statuses.contains(&status.as_u16()), "{what}: {status} {text}");
    if status.is_success() {
        return;
    }
    is_clear(&what, status, &kind, &serde_json::from_str(&text).unwrap_or_default());
}

/// What went wrong can be read by a program and by a person, and found in the log.
fn is_clear(what: &str, status: StatusCode, kind: &str, problem: &Value) {
    assert_eq!(kind, "application/problem+json", "{what}");
    assert_eq!(problem["status"], status.as_u16(), "{what}");
    for member in ["type", "title", "detail", "code", "request_id"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{what}: no {member} in {problem}");
    }
}

fn media_type(response: &Response) -> String {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// Somebody who may call the route: the service that alone may, or an administrator.
fn bearer(service: Service, permissions: &[Permission]) -> String {
    let who = permissions.iter().find_map(|permission| match permission {
        Permission::Service(peer) => Some(Who::Service(*peer)),
        Permission::Public
        | Permission::Anyone
        | Permission::AnyCaller
        | Permission::Scope(_)
        | Permission::ScopeOrGuest(_)
        | Permission::Account
        | Permission::Customer
        | Permission::Employee
        | Permission::Administrator => None,
    });
    let administrator = Who::Administrator(shared_types::AccountId::from_uuid(uuid::Uuid::nil()));
    Callers::of_this_process().bearer(&Caller::first_hand(who.unwrap_or(administrator)), service)
}

#[expect(clippy::disallowed_methods, reason = "what a stranger sends is sent by a client of no service's making")]
fn client() -> Client {
    let deadline = std::time::Duration::from_secs(30);
    Client::builder().timeout(deadline).no_proxy().build().expect("a client")
}
