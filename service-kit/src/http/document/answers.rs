//! Answers: what any route can say, once for all of them, and problems under their own media type.

use paperclip::v2::models::{DataType, DefaultOperationRaw, DefaultSchemaRaw, Either, Response};
use serde_json::{Map, Value, json};
use shared_types::{Code, Problem, document::has_entity_tag};

use super::{headers, operations};

const PROBLEM_SCHEMA: &str = "#/components/schemas/Problem";

/// Answers that any route can give whatever it does: status, name and description. The last member says to which routes
/// it belongs.
const ANY_ROUTE: &[(u16, &str, &str, Where)] = &[
    (400, "Unreadable", "The request cannot be read.", Where::Everywhere),
    (408, "TooSlow", "The request took too long to arrive.", Where::WithBody),
    (413, "TooLarge", "The request body is too large.", Where::Everywhere),
    (414, "AddressTooLong", "The address is too long.", Where::Everywhere),
    (415, "UnsupportedMediaType", "The media type is not supported.", Where::WithBody),
    (422, "Invalid", "The request can be read and is not valid; `errors` names each field.", Where::WithBodyOrKey),
    (431, "HeadTooLarge", "The headers are too large.", Where::Everywhere),
    (500, "Fault", "A fault of ours; the log has it under the request's id.", Where::Everywhere),
    (
        503,
        "Unavailable",
        "A part that is needed is not available, or the shop is too busy; asking again is safe.",
        Where::Everywhere,
    ),
    (504, "TooLate", "The request took too long.", Where::Everywhere),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Everywhere,
    WithBody,
    /// With a body, or with an idempotency key, which may have come with another request before.
    WithBodyOrKey,
}

impl Where {
    fn holds(self, operation: &Map<String, Value>) -> bool {
        let has_body = operation.contains_key("requestBody");
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let takes_key = || parameters.into_iter().flatten().any(|parameter| parameter["name"] == "Idempotency-Key");
        match self {
            Where::Everywhere => true,
            Where::WithBody => has_body,
            Where::WithBodyOrKey => has_body || takes_key(),
        }
    }
}

/// Completes the answers of every operation.
pub(super) fn complete(spec: &mut Value) {
    headers::define(spec);
    for (status, name, description, _) in ANY_ROUTE {
        spec["components"]["responses"][name] = problem(*status, description, "");
    }
    let shared = spec["components"]["responses"].clone();
    for (path, method, operation) in operations(spec) {
        let here: Vec<_> = ANY_ROUTE.iter().filter(|answer| answer.3.holds(operation)).collect();
        let noted = headers::noted(operation);
        let Some(Value::Object(mut responses)) = operation.remove("responses") else { continue };
        for (status, name, _, _) in here {
            responses.entry(status.to_string()).or_insert_with(|| reference(name));
        }
        if method == "get" && is_tagged(&responses) {
            responses.entry("304").or_insert_with(|| json!({"description": NOT_MODIFIED}));
            headers::take_if_none_match(operation);
        }
        for (status, response) in &mut responses {
            let Ok(status) = status.parse() else { continue };
            complete_own(status, response, path, operation);
            let noted = headers::noted_for(status, &noted);
            if !noted.is_empty() {
                add_noted(response, noted, &shared);
            }
        }
        operation.insert("responses".to_owned(), responses.into());
    }
}

/// Said by the shell for every route whose answer has a version.
const NOT_MODIFIED: &str = "Not changed since the version in `If-None-Match`.";

fn is_tagged(responses: &Map<String, Value>) -> bool {
    responses.get("200").is_some_and(|response| has_entity_tag(schema_of(response)))
}

/// The name of the schema that an answer has.
pub(super) fn schema_of(response: &Value) -> &str {
    let schema = response["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or("");
    schema.rsplit('/').next().unwrap_or("")
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/responses/{name}")})
}

/// An answer that is the same everywhere is written out where this operation's says more.
fn add_noted(response: &mut Value, noted: Map<String, Value>, shared: &Value) {
    let name = response["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).map(str::to_owned);
    if let Some(name) = name {
        *response = shared[&name].clone();
    }
    if let Some(headers) = response["headers"].as_object_mut() {
        headers.extend(noted);
    }
}

/// An answer that a route documents itself. A 409 that answers the state of a taking or a delivery is no problem document.
fn complete_own(status: u16, response: &mut Value, path: &str, operation: &Map<String, Value>) {
    if response.get("$ref").is_some() {
        return;
    }
    if response["content"]["application/json"]["schema"]["$ref"] == PROBLEM_SCHEMA {
        let description = response["description"].as_str().unwrap_or_default().to_owned();
        *response = problem(status, &description, path);
    } else if response["content"]["application/json"]["schema"] == json!({"type": "object"}) {
        // Nothing, as paperclip sees it.
        response.as_object_mut().map(|response| response.remove("content"));
    } else if (300..400).contains(&status) {
        // Whoever is sent elsewhere is told so in the head.
        response.as_object_mut().map(|response| response.remove("content"));
    } else if let Some(media_type) = noted_media_type(response) {
        response["content"] = json!({media_type: {"schema": {"type": "string"}}});
    }
    let mut said = headers::of(status);
    headers::add_own(&mut said, status, response, operation);
    response["headers"] = said.into();
}

/// An answer that is a problem.
fn problem(status: u16, description: &str, path: &str) -> Value {
    let mut media = json!({"schema": {"$ref": PROBLEM_SCHEMA}});
    if let Some(code) = Code::likely(status, path) {
        media["example"] = json!(Problem::new(code, code.title()));
    }
    let content = json!({"application/problem+json": media});
    json!({"description": description, "content": content, "headers": headers::of(status)})
}

/// An answer that a layer can give to any route, under a name of its own.
pub fn add_problem(spec: &mut Value, status: u16, name: &str, description: &str) {
    spec["components"]["responses"][name] = problem(status, description, "");
    for (_, _, operation) in operations(spec) {
        if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            responses.entry(status.to_string()).or_insert_with(|| reference(name));
        }
    }
}

/// Notes that an operation answers with a text of this media type, such as a page.
pub fn answers_with(operation: &mut DefaultOperationRaw, status: u16, description: &str, media_type: &str) {
    let title = Some(media_type.to_owned());
    let schema = DefaultSchemaRaw { data_type: Some(DataType::String), title, ..Default::default() };
    let response = Response { description: Some(description.to_owned()), schema: Some(schema), ..Default::default() };
    operation.responses.insert(status.to_string(), Either::Right(response));
}

/// Paperclip knows one media type for all answers of an operation; the title of the schema holds this answer's own.
fn noted_media_type(response: &Value) -> Option<String> {
    let title = response["content"]["application/json"]["schema"]["title"].as_str()?;
    title.contains('/').then(|| title.to_owned())
}
