use std::sync::OnceLock;

use actix_web::{HttpResponse, web};
use paperclip::v2::models::{DefaultApiRaw, Info};
use serde_json::{Value, json};
use shared_types::{Code, Problem};

use super::{reply::COMMON_STATUSES, server::ServiceInfo};
use crate::auth;

/// The beginning of a service's document, which paperclip completes with paths and schemas.
pub(super) fn beginning(info: &ServiceInfo) -> DefaultApiRaw {
    DefaultApiRaw {
        info: Info {
            title: info.title.to_owned(),
            description: Some(info.description.to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Default::default()
        },
        ..Default::default()
    }
}

const PROBLEM_SCHEMA: &str = "#/components/schemas/Problem";

/// Completes what paperclip wrote with what is true of every operation: the answers that any route can give, problems
/// under their own media type, and the example of each schema beside its reference.
pub(super) fn completed(mut spec: Value) -> Value {
    auth::complete_document(&mut spec);
    let schemas = spec.pointer("/components/schemas").cloned().unwrap_or_else(|| json!({}));
    let Some(paths) = spec.get_mut("paths").and_then(Value::as_object_mut) else { return spec };
    for (path, item) in paths.iter_mut().filter_map(|(path, item)| Some((path, item.as_object_mut()?))) {
        for operation in item.values_mut().filter_map(Value::as_object_mut) {
            if let Some(content) = operation.get_mut("requestBody").and_then(|body| body.get_mut("content")) {
                add_example(content, &schemas);
            }
            if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
                complete_responses(responses, path, &schemas);
            }
        }
    }
    spec
}

fn complete_responses(responses: &mut serde_json::Map<String, Value>, path: &str, schemas: &Value) {
    for status in COMMON_STATUSES.iter().filter(|status| matches!(status, 400 | 413 | 500 | 503 | 504)) {
        let description = match status {
            400 => "The request cannot be read.",
            413 => "The request body is too large.",
            500 => "A fault of ours; the log has it under the request's id.",
            503 => "A part that is needed is not available, or the shop is too busy; asking again is safe.",
            _ => "The request took too long.",
        };
        let schema = json!({"$ref": PROBLEM_SCHEMA});
        let answer = json!({"description": description, "content": {"application/json": {"schema": schema}}});
        responses.entry(status.to_string()).or_insert(answer);
    }
    for (status, response) in responses.iter_mut() {
        let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) else { continue };
        let schema = content.get("application/json").and_then(|media| media.pointer("/schema/$ref"));
        // A 409 that answers the state of a taking or a delivery is no problem document.
        if schema.is_some_and(|schema| schema == PROBLEM_SCHEMA)
            && let Some(mut media) = content.remove("application/json")
        {
            if let Some(code) = status.parse().ok().and_then(|status| likely_code(status, path)) {
                media["example"] = json!(Problem::new(code, code.title()));
            }
            content.insert("application/problem+json".to_owned(), media);
        } else {
            add_example(&mut response["content"], schemas);
        }
    }
}

/// The code that an example of this status shows: for 404 that of the resource which the path ends in, else the only
/// or the general one of the status. A 409 has many reasons, and none is likelier than another.
fn likely_code(status: u16, path: &str) -> Option<Code> {
    let codes = || Code::ALL.iter().copied().filter(move |code| code.status() == status);
    match status {
        404 => codes().find(|code| {
            let name = code.to_string();
            let resource = name.split('_').next().unwrap_or(&name);
            // "deliveries" and "delivery" share all but their last letter.
            path.contains(&resource[..resource.len() - 1])
        }),
        409 => None,
        _ => codes().next(),
    }
}

fn add_example(content: &mut Value, schemas: &Value) {
    let Some(content) = content.as_object_mut() else { return };
    for media in content.values_mut() {
        let reference = media.pointer("/schema/$ref").and_then(Value::as_str);
        let name = reference.and_then(|reference| reference.rsplit('/').next());
        let example = name.and_then(|name| schemas.get(name)).and_then(|schema| schema.get("example"));
        if let Some(example) = example.cloned() {
            media["example"] = example;
        }
    }
}

/// The finished document; set once, when all routes are known and before the first request.
pub(super) type Document = OnceLock<Value>;

/// `GET /openapi.json`.
pub(super) async fn document(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok().json(document.get())
}

/// The files that Swagger UI's page asks for. Anything else below its path is not there.
pub(super) const SWAGGER_FILES: &[&str] = &[
    "",
    "index.html",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
    "oauth2-redirect.html",
];
