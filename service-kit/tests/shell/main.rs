//! The server shell over HTTP: whatever a client sends, it gets an answer that says what was wrong, and nothing panics.
#![expect(clippy::unwrap_used, reason = "tests")]

/// What `/metrics` says, and to whom.
mod metrics;
/// A start that takes its time.
mod opening;

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
};

use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::http::{
    Background, Body, Check, Fail, IfMatch, Reply, Running, S200, S201, S404, S409, ServiceInfo, serve,
};
use shared_types::{BookId, Code, Problem};

const INFO: ServiceInfo = ServiceInfo { name: "sample", title: "Sample", description: "A service for this test." };

#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"name": "a thing", "copies": 1}"#)]
struct Thing {
    name: String,
    copies: i64,
}

/// Work that was begun and is given up.
struct GivenUp;

static GIVEN_UP: AtomicUsize = AtomicUsize::new(0);

impl Drop for GivenUp {
    fn drop(&mut self) {
        GIVEN_UP.fetch_add(1, Ordering::SeqCst);
    }
}

/// Shows a thing.
#[api_v2_operation(tags(things))]
async fn show(id: web::Path<BookId>, condition: IfMatch) -> Result<Reply<Thing>, Fail<(S404,)>> {
    match id.number() {
        1 => Ok(Reply::ok(Thing { name: format!("{:?}", condition.0), copies: 1 }).etag(7)),
        2 => panic!("on purpose"),
        98 => {
            let _given_up = GivenUp;
            std::future::pending().await
        }
        99 => {
            tokio::task::yield_now().await;
            panic!("on purpose, after a while")
        }
        _ => Err(Problem::new(Code::BookNotFound, format!("there is no book {id}")).into()),
    }
}

/// Makes a thing.
#[api_v2_operation(tags(things))]
async fn make(body: Body<Thing>) -> Result<Reply<Thing, (S200, S201)>, Fail<(S409,)>> {
    Ok(Reply::created("/things/1", body.0))
}

/// Refuses, and answers the state of the thing.
#[api_v2_operation(tags(things))]
async fn take(body: Body<Thing>) -> Result<Reply<Thing, (S200, S409)>, Fail<(S404,)>> {
    Ok(Reply::with_status(409, body.0))
}

async fn sample() -> Running {
    sample_with(Background::default()).await
}

async fn sample_with(background: Background) -> Running {
    let checks = vec![
        Check::new("database", || async { Ok(()) }),
        Check::new("catalog", || async { Err("refuses connections".to_owned()) }),
    ];
    serve(INFO, "127.0.0.1:0".parse().unwrap(), 1, checks, background, |config| {
        config
            .service(web::resource("/things").route(web::post().to(make)))
            .service(web::resource("/things/{id}").route(web::get().to(show)).route(web::put().to(take)));
    })
    .await
    .unwrap()
}

struct Answer {
    status: u16,
    head: String,
    body: String,
    json: Value,
}

/// Sends these very bytes and reads to the end of the connection.
fn send_raw(running: &Running, bytes: &[u8]) -> Answer {
    answer_of(TcpStream::connect(running.address()).unwrap(), bytes)
}

fn answer_of(mut stream: TcpStream, bytes: &[u8]) -> Answer {
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // A picture is no text.
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head[9..12].parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
        json: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

fn send(running: &Running, line: &str, headers: &str, body: &str) -> Answer {
    send_raw(running, request(line, headers, body).as_bytes())
}

fn request(line: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("{line} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_has_its_status_its_etag_and_the_callers_request_id() {
    let running = sample().await;
    let answer = send(&running, "GET /things/1", "x-request-id: abc-1\r\nif-match: \"3\"\r\n", "");
    assert_eq!((answer.status, &answer.json["name"]), (200, &Value::from("Some(3)")));
    assert!(answer.head.contains("etag: \"7\"") && answer.head.contains("x-request-id: abc-1"), "{}", answer.head);
    assert!(answer.head.contains("x-process-time: 0."), "{}", answer.head);
    let answer = send(&running, "POST /things", "", r#"{"name": "x", "copies": 2}"#);
    assert!(answer.status == 201 && answer.head.contains("location: /things/1"), "{}", answer.head);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_can_answer_with_a_state() {
    let running = sample().await;
    let answer = send(&running, "PUT /things/1", "", r#"{"name": "x", "copies": 2}"#);
    assert_eq!((answer.status, &answer.json["copies"]), (409, &Value::from(2)));
    let spec = send(&running, "GET /openapi.json", "", "").json;
    let conflict = &spec["paths"]["/things/{id}"]["put"]["responses"]["409"]["content"];
    assert_eq!(conflict["application/json"]["schema"]["$ref"], "#/components/schemas/Thing");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_request_is_answered_with_a_problem_that_says_what_was_wrong() {
    let running = sample().await;
    let long = "x".repeat(70_000);
    let deep = "[".repeat(100_000);
    let cases = [
        ("GET /nothing", "", "", 404, "route_not_found"),
        ("DELETE /things/1", "", "", 405, "method_not_allowed"),
        ("GET /things/one", "", "", 400, "malformed_path"),
        ("GET /things/0", "", "", 400, "malformed_path"),
        ("GET /things/99999999999999999999", "", "", 400, "malformed_path"),
        ("GET /things/9", "", "", 404, "book_not_found"),
        ("GET /things/2", "", "", 500, "internal"),
        ("GET /things/1", "if-match: three\r\n", "", 400, "malformed_header"),
        ("POST /things", "", "{", 400, "malformed_body"),
        ("POST /things", "", "", 400, "malformed_body"),
        ("POST /things", "", "{} {}", 422, "invalid"),
        ("POST /things", "", r#"{"name": "x", "copies": 1} trailing"#, 400, "malformed_body"),
        ("POST /things", "", r#"{"name": "x", "copies": "1"}"#, 422, "invalid"),
        ("POST /things", "", r#"{"name": "x", "copies": 1e30}"#, 422, "invalid"),
        ("POST /things", "", r#"{"name": "x", "copies": 1, "price": 0}"#, 422, "invalid"),
        ("POST /things", "content-type: text/xml\r\n", "<a/>", 415, "unsupported_media_type"),
        ("POST /things", "", &long, 413, "body_too_large"),
        ("POST /things", "", &deep[..60_000], 422, "invalid"),
        ("GET /docs/nothing.js", "", "", 404, "route_not_found"),
    ];
    for (line, headers, body, status, code) in cases {
        let answer = send(&running, line, headers, body);
        assert_eq!((answer.status, answer.json["code"].as_str()), (status, Some(code)), "{line} {:.40}", body);
        assert!(answer.head.contains("content-type: application/problem+json"), "{line}: {}", answer.head);
        let id = answer.json["request_id"].as_str().unwrap();
        assert!(answer.head.contains(&format!("x-request-id: {id}")), "{line}: {}", answer.head);
        assert!(!answer.json["detail"].as_str().unwrap().is_empty(), "{line}");
    }
    let field = send(&running, "POST /things", "", r#"{"name": "x", "copies": "1"}"#);
    assert_eq!(field.json["errors"][0]["field"], "copies");
    let head = send(&running, "GET /things/1", &format!("x-long: {}\r\n", &long[..20_000]), "");
    assert_eq!((head.status, head.json["code"].as_str()), (431, Some("header_too_large")));
    let uri = send(&running, &format!("GET /things/{}", &long[..9_000]), "", "");
    assert_eq!((uri.status, uri.json["code"].as_str()), (414, Some("uri_too_long")));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_not_done_in_time_is_given_up_and_its_caller_is_told_so() {
    let running = sample().await;
    let late = send(&running, "GET /things/98", "x-deadline-ms: 50\r\n", "");
    assert_eq!((late.status, &late.json["code"]), (504, &json!("deadline_exceeded")), "{}", late.body);
    assert_eq!(GIVEN_UP.load(Ordering::SeqCst), 1, "it is over before the answer is given");
    let panicked = send(&running, "GET /things/99", "", "");
    assert_eq!((panicked.status, &panicked.json["code"]), (500, &json!("internal")), "{}", panicked.body);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_the_part_that_fails_and_liveness_does_not_care() {
    let running = sample().await;
    assert_eq!(send(&running, "GET /health/live", "", "").status, 200);
    let ready = send(&running, "GET /health/ready", "", "");
    assert_eq!((ready.status, &ready.json["errors"][0]["field"]), (503, &Value::from("catalog")));
    assert_eq!(ready.json["errors"].as_array().unwrap().len(), 1);
    assert!(ready.head.contains("retry-after: 1"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_document_names_true_statuses_and_has_a_page() {
    let running = sample().await;
    let spec = send(&running, "GET /openapi.json", "", "").json;
    assert!(spec["openapi"].as_str().unwrap().starts_with("3."), "{spec}");
    let post = &spec["paths"]["/things"]["post"];
    let mut statuses: Vec<&String> = post["responses"].as_object().unwrap().keys().collect();
    statuses.sort();
    let any_route = ["400", "408", "413", "414", "415", "422", "431", "500", "503", "504"];
    statuses.retain(|status| !any_route.contains(&status.as_str()));
    assert_eq!(statuses, ["200", "201", "409"]);
    assert_eq!(post["responses"]["413"]["$ref"], "#/components/responses/TooLarge");
    assert_eq!(post["operationId"], "post_things");
    assert_eq!(post["requestBody"]["content"]["application/json"]["example"]["name"], "a thing");
    let conflict = &post["responses"]["409"]["content"]["application/problem+json"];
    assert_eq!(conflict["schema"]["$ref"], "#/components/schemas/Problem");
    assert_eq!(conflict["example"]["status"], 409);
    let too_large = &spec["components"]["responses"]["TooLarge"]["content"]["application/problem+json"];
    assert_eq!(too_large["example"]["code"], "body_too_large");
    assert!(spec["components"]["schemas"]["Problem"].is_object());
    assert_eq!(spec["paths"]["/things/{id}"]["get"]["summary"], "Shows a thing.");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_document_is_there_in_json_and_yaml_and_its_pages_name_nothing_elsewhere() {
    let running = sample().await;
    let json = send(&running, "GET /openapi.json", "", "");
    for (line, headers, is_yaml) in [
        ("GET /api/schema/", "", false),
        ("GET /api/schema", "accept: application/json, application/yaml\r\n", false),
        ("GET /api/schema/", "accept: application/yaml\r\n", true),
        ("GET /api/schema/?format=yaml", "", true),
        ("GET /openapi.yaml", "", true),
    ] {
        let answer = send(&running, line, headers, "");
        assert_eq!(answer.head.contains("content-type: application/yaml"), is_yaml, "{line}: {}", answer.head);
        let read: Value = if is_yaml { serde_yaml_ng::from_str(&answer.body).unwrap() } else { answer.json };
        assert_eq!(read, json.json, "{line}");
    }
    for path in ["/docs", "/docs/", "/docs/index.html", "/api/schema/swagger-ui/", "/redoc", "/api/schema/redoc/"] {
        let page = send(&running, &format!("GET {path}"), "", "");
        assert!(page.status == 200 && page.head.contains("content-type: text/html"), "{path}: {}", page.head);
        let words: Vec<&str> = page.body.split('"').collect();
        let names = |word: &str| ["href=", "src=", "url="].iter().any(|name| word.ends_with(name));
        for address in words.windows(2).filter(|pair| names(pair[0])).map(|pair| pair[1]) {
            assert!(address.starts_with('/') && !address.starts_with("//"), "{path} names {address}");
            let there = send(&running, &format!("GET {address}"), "", "");
            assert_eq!(there.status, 200, "{path} names {address}");
        }
        assert_eq!(page.body.matches("<script ").count(), page.body.matches("<script src=").count(), "{path}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_finishes_its_head_is_cut() {
    let running = sample().await;
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream.write_all(b"GET /things/1 HTTP/1.1\r\nhost:").unwrap();
    let mut answer = String::new();
    // Ends only because the server closes the connection.
    let ended = stream.read_to_string(&mut answer);
    assert!(ended.is_ok(), "{ended:?}");
    assert!(answer.is_empty() || answer.contains("408"), "{answer}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_not_needed_is_named_and_turns_nobody_away() {
    let checks = vec![
        Check::new("database", || async { Ok(()) }),
        Check::optional("redis", || async { Err("does not answer".to_owned()) }),
    ];
    let running = serve(INFO, "127.0.0.1:0".parse().unwrap(), 1, checks, Background::default(), |_| {}).await.unwrap();
    let ready = send(&running, "GET /health/ready", "", "");
    assert_eq!((ready.status, &ready.json["parts"]), (200, &json!(["database"])));
    assert_eq!(ready.json["degraded"], json!([{"field": "redis", "detail": "does not answer"}]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_about_to_stop_says_so_serves_on_and_keeps_no_connection() {
    let running = sample().await;
    let keeping = "GET /things/1 HTTP/1.1\r\nhost: shop\r\n\r\n";
    running.drain();
    // Without `connection: close` the answer would never end.
    let answer = send_raw(&running, keeping.as_bytes());
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    let ready = send(&running, "GET /health/ready", "", "");
    assert_eq!(ready.status, 503);
    assert!(ready.json["detail"].as_str().unwrap().contains("about to stop"), "{}", ready.body);
    assert_eq!(send(&running, "GET /health/live", "", "").status, 200);
    running.stop().await;
}
