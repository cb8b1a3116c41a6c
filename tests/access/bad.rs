//! Bad requests to the gateway: every route of it, each good call spoiled in every way we know of. A route that is added is
//! tried as soon as the matrix has its row.

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::http::limits::MAX_BODY_BYTES;
use shared_types::limits::MAX_IMPORT_BYTES;

use crate::{
    callers::{Kind, keys},
    digest::{Books, changed},
    shop::{Answer, Body, Call, Credential, Gateway},
    spoiled,
    stage::{Stage, signed},
    table::{Cell, MATRIX, Row, section},
    things::placeholders,
};

/// What stands in a path where an id or a name should.
const NO_IDS: [&str; 9] =
    ["%00", "one", "-1", "0x1", "99999999999999999999", "%F0%9F%93%9A", "%ff%fe", "%zz", "..%2f..%2fevents"];
/// What no query parameter takes, unless it takes any text.
const NO_VALUES: [&str; 5] = ["%00", "-1", "%7B%7D", "%ff", "99999999999999999999"];
/// What is no key, no version and no tag.
const NO_HEADER: &str = "two words";
/// Methods that some routes have, and one that none has.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"];
/// Parameters of a path that take any text: an unknown one names nothing, and that is no mistake.
const ANY_TEXT_IN_PATH: [&str; 1] = ["GET /search/{topic}"];
/// Query parameters that take any text: where it means nothing, nothing is found.
const ANY_TEXT: [&str; 10] =
    ["action", "actor", "author", "isbn", "outcome", "q", "request_ids", "resource", "sku", "topic"];
/// What is no text at all.
const NO_TEXT: &str = "%ff";
/// Books by the table.
const IMPORTS: &str = "/imports";
/// Money that has arrived.
const REPORTS: &str = "/webhooks/payment";
const JSON: &str = "application/json";

/// A bad request, and what may be answered to it.
struct Bad {
    call: Call,
    statuses: &'static [u16],
}

/// Sends them all, and answers how many that were and what was wrong with their answers.
pub async fn whatever_is_wrong(stage: &mut Stage) -> (usize, Vec<String>) {
    let rows = section(MATRIX, Gateway).unwrap();
    let document = stage.shop.document(Gateway).await;
    let books = Books::of(&stage.shop).await;
    let (mut sent, mut findings) = (0, Vec::new());
    // The first whom the matrix lets in; the last key has every scope.
    let callers = [Kind::Admin, Kind::Nobody, Kind::Key(keys().len() - 1), Kind::FromOrder];
    for row in rows.values() {
        let Some(kind) = callers.into_iter().find(|kind| row.cells[kind] == Cell::Yes) else { continue };
        let credential = stage.callers.credentials(Gateway, kind).remove(0);
        let all = of_route(stage, &document, row, &rows.keys().cloned().collect::<Vec<_>>()).await;
        books.at_rest().await;
        let before = books.digest().await;
        for bad in &all {
            findings.extend(is_refused(stage, bad, &credential).await);
        }
        sent += all.len();
        books.at_rest().await;
        let traces = changed(&before, &books.digest().await);
        if !traces.is_empty() {
            findings.push(format!("{}: what was refused changed {traces:?}", row.route));
        }
    }
    books.close().await;
    (sent, findings)
}

async fn of_route(stage: &mut Stage, document: &Value, row: &Row, routes: &[String]) -> Vec<Bad> {
    let good = stage.call(Gateway, &row.route).await;
    let (method, template) = row.route.split_once(' ').unwrap();
    let operation = &document["paths"][template][method.to_lowercase()];
    let mut all = bad_paths(&good, row);
    all.extend(bad_parameters(&good, operation));
    all.extend(bad_bodies(&good, operation));
    let known = |method: &str| routes.contains(&format!("{method} {template}"));
    // The first of a path speaks for it.
    if METHODS.into_iter().find(|method| known(method)) == Some(method) {
        let wrong = METHODS.into_iter().filter(|method| !known(method));
        all.extend(wrong.map(|method| {
            let call = Call { method: method.parse::<Method>().unwrap(), ..good.clone() };
            Bad { call, statuses: &[405] }
        }));
    }
    all
}

fn bad_paths(good: &Call, row: &Row) -> Vec<Bad> {
    let (_, template) = row.route.split_once(' ').unwrap();
    let statuses: &[u16] = match ANY_TEXT_IN_PATH.contains(&row.route.as_str()) {
        true => &[200, 400, 404],
        false => &[400, 404, 422],
    };
    let long = "x".repeat(4_000);
    let mut all = Vec::new();
    for (_, placeholder) in placeholders(template) {
        for no_id in NO_IDS.into_iter().chain([long.as_str()]) {
            let parts = template.split('/').zip(good.path.split('/'));
            let parts = parts.map(|(name, value)| if name == placeholder { no_id } else { value });
            let path = parts.collect::<Vec<_>>().join("/");
            all.push(Bad { call: Call { path, ..good.clone() }, statuses });
        }
    }
    all
}

fn bad_parameters(good: &Call, operation: &Value) -> Vec<Bad> {
    let named = |place: &'static str| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let there = parameters.filter(move |parameter| parameter["in"] == place);
        there.map(|parameter| parameter["name"].as_str().unwrap())
    };
    let path =
        |query: String| Call { path: format!("{}?{query}", good.path.split('?').next().unwrap()), ..good.clone() };
    let mut all = Vec::new();
    for name in named("query") {
        all.extend(NO_VALUES.map(|value| {
            let statuses: &[u16] = if ANY_TEXT.contains(&name) && value != NO_TEXT { &[200, 400] } else { &[400, 422] };
            Bad { call: path(format!("{name}={value}")), statuses }
        }));
    }
    if named("query").next().is_some() {
        all.push(Bad { call: path("no_such_parameter=1".to_owned()), statuses: &[400] });
    }
    for name in named("header") {
        let mut call = good.clone();
        call.headers.retain(|(there, _)| !there.eq_ignore_ascii_case(name));
        call.headers.push((Box::leak(name.to_owned().into_boxed_str()), NO_HEADER.to_owned()));
        // A version that nobody has is another one than there is, and the answer is told.
        let statuses: &[u16] = if name == "If-None-Match" { &[200] } else { &[400, 401, 403, 412, 422] };
        all.push(Bad { call, statuses });
    }
    all
}

fn bad_bodies(good: &Call, operation: &Value) -> Vec<Bad> {
    let content = &operation["requestBody"]["content"];
    let Some((kind, _)) = content.as_object().and_then(|kinds| kinds.iter().next()) else { return Vec::new() };
    let with = |kind: &str, bytes: Vec<u8>| Call { body: Body::Bytes(kind.to_owned(), bytes), ..good.clone() };
    let bodies = match kind.as_str() {
        JSON => spoiled::texts(&body_of(good), operation["requestBody"]["required"] != true),
        _ => spoiled::FORMS.iter().map(|form| form.to_vec()).collect(),
    };
    let bodies = bodies.into_iter().filter(|body| !is_good(&good.path, body));
    let packed = with(kind, b"\x1f\x8b\x08junk".to_vec()).header("content-encoding", "gzip");
    let read = bodies.map(|body| with(kind, body)).chain([packed]);
    // Who reports money signs what he says, whatever it is.
    let read = read.map(|call| if call.path == REPORTS { signed(call) } else { call });
    let mut all: Vec<Bad> = read.map(|call| Bad { statuses: refusals(&call), call }).collect();
    // Forms are those of RFC 6749, which has one status for whatever is wrong with one.
    let (too_large, unreadable): (&[u16], &[u16]) = match kind.as_str() != JSON {
        true => (&[400], &[400]),
        false => (&[413], &[415]),
    };
    let max_bytes = if good.path.ends_with(IMPORTS) { MAX_IMPORT_BYTES } else { MAX_BODY_BYTES };
    all.push(Bad { call: with(kind, vec![b' '; max_bytes + 1]), statuses: too_large });
    all.push(Bad { call: with("image/png", b"{}".to_vec()), statuses: unreadable });
    all
}

/// Whether this contract takes what others do not: a customer may be named by a number.
fn is_good(path: &str, body: &[u8]) -> bool {
    path == "/api/orders" && String::from_utf8_lossy(body).contains("\"customer_id\":7,")
}

/// A good body in JSON. The rows of an import are judged one by one, each by its line, and are not spoiled here.
fn body_of(good: &Call) -> Value {
    match &good.body {
        _ if good.path.ends_with(IMPORTS) => json!({"rows": []}),
        Body::Text(text) if good.path == REPORTS => {
            // Of a type that means something: of any other nobody reads the rest.
            let mut report: Value = serde_json::from_str(text).unwrap();
            report["type"] = json!("payment.succeeded");
            report
        }
        Body::Json(good) => good.clone(),
        Body::Text(text) => serde_json::from_str(text).unwrap(),
        Body::None | Body::Form(_) | Body::Bytes(..) => json!({}),
    }
}

/// What may be answered to a body that is wrong. A name that can be nobody's is answered like any that is nobody's.
fn refusals(call: &Call) -> &'static [u16] {
    let Body::Bytes(kind, bytes) = &call.body else { return &[] };
    // Those who report may say more than is read, and of other things; the order is nobody's.
    if call.path == REPORTS {
        return &[200, 400, 404, 422];
    }
    match String::from_utf8_lossy(bytes).contains(spoiled::NO_NAME) {
        true => &[202, 400, 401, 402, 404, 422],
        // A form says who its caller is, and that he saw it.
        false if kind != JSON => &[400, 401, 403],
        false => &[400, 422],
    }
}

async fn is_refused(stage: &Stage, bad: &Bad, credential: &Credential) -> Option<String> {
    let answer = stage.shop.send(Gateway, &bad.call, credential).await;
    let wrong = if !bad.statuses.contains(&answer.status) {
        Some(format!("not {:?}", bad.statuses))
    } else if answer.status < 400 {
        None
    } else {
        unclear(&answer)
    };
    let start = |text: &str| text.chars().take(300).collect::<String>();
    wrong.map(|wrong| {
        let asked = match &bad.call.body {
            Body::Bytes(kind, bytes) => format!("{kind} {}", start(&String::from_utf8_lossy(bytes))),
            body @ (Body::None | Body::Json(_) | Body::Form(_) | Body::Text(_)) => format!("{body:?}"),
        };
        let Call { method, path, headers, .. } = &bad.call;
        format!("{method} {} {headers:?} {asked}\n  {} {}: {wrong}", start(path), answer.status, start(&answer.text))
    })
}

/// What went wrong can be read by a program and by a person, and found in the log.
fn unclear(answer: &Answer) -> Option<String> {
    let kind = answer.header("content-type");
    let members: &[&str] = match kind {
        "application/problem+json" => &["type", "title", "detail", "code", "request_id"],
        // As RFC 6749 has it.
        JSON => &["error", "error_description"],
        _ if kind.starts_with("text/html") => return None,
        _ => return Some(format!("{kind:?} is no problem")),
    };
    if answer.status == 405 && answer.header("allow").is_empty() {
        return Some("no Allow".to_owned());
    }
    let lacks = members.iter().find(|member| answer.json[**member].as_str().is_none_or(str::is_empty));
    lacks.map(|member| format!("no {member}"))
}
