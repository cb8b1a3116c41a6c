//! Answers: what any route can say, once for all of them, and problems under their own media type.

use paperclip::v2::models::{DataType, DefaultOperationRaw, DefaultSchemaRaw, Either, Response};
use serde_json::{Map, Value, json};
use shared_types::{Code, Problem};

use super::operations;

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
    for (status, name, description, _) in ANY_ROUTE {
        spec["components"]["responses"][name] = problem(*status, description, "");
    }
    for (path, _, operation) in operations(spec) {
        let here: Vec<_> = ANY_ROUTE.iter().filter(|answer| answer.3.holds(operation)).collect();
        let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { continue };
        for (status, response) in responses.iter_mut() {
            if let Ok(status) = status.parse() {
                complete_own(status, response, path);
            }
        }
        for (status, name, _, _) in here {
            let reference = json!({"$ref": format!("#/components/responses/{name}")});
            responses.entry(status.to_string()).or_insert(reference);
        }
    }
}

/// An answer that a route documents itself. A 409 that answers the state of a taking or a delivery is no problem document.
fn complete_own(status: u16, response: &mut Value, path: &str) {
    if response.get("$ref").is_some() {
        return;
    }
    if response["content"]["application/json"]["schema"]["$ref"] == PROBLEM_SCHEMA {
        let description = response["description"].as_str().unwrap_or_default().to_owned();
        *response = problem(status, &description, path);
    } else if response["content"]["application/json"]["schema"] == json!({"type": "object"}) {
        // Nothing, as paperclip sees it.
        response.as_object_mut().map(|response| response.remove("content"));
    } else if let Some(media_type) = noted_media_type(response) {
        response["content"] = json!({media_type: {"schema": {"type": "string"}}});
    }
    let mut headers = headers(status);
    if is_page(response) {
        headers["Link"] =
            text("The next page, where there is one (RFC 8288).", "</api/v1/books?cursor=5b>; rel=\"next\"");
    }
    if !headers.is_null() {
        response["headers"] = headers;
    }
}

/// A part of a list that may go on.
fn is_page(response: &Value) -> bool {
    let schema = &response["content"]["application/json"]["schema"]["$ref"];
    schema.as_str().is_some_and(|schema| schema.ends_with("Page"))
}

/// An answer that is a problem.
fn problem(status: u16, description: &str, path: &str) -> Value {
    let mut media = json!({"schema": {"$ref": PROBLEM_SCHEMA}});
    if let Some(code) = Code::likely(status, path) {
        media["example"] = json!(Problem::new(code, code.title()));
    }
    let mut answer = json!({"description": description, "content": {"application/problem+json": media}});
    let headers = headers(status);
    if !headers.is_null() {
        answer["headers"] = headers;
    }
    answer
}

fn text(description: &str, example: &str) -> Value {
    json!({"description": description, "schema": {"type": "string"}, "example": example})
}

/// What an answer of this status says in its head, beside what every answer says.
fn headers(status: u16) -> Value {
    match status {
        201 | 202 => json!({"Location": text("Where it is.", "/api/v1/orders/01936f2e-7b1c-7cc3-98c4-dc0c0c07398f")}),
        401 => json!({"WWW-Authenticate": text("Which credential is asked for.", "Bearer realm=\"lastcopy\"")}),
        429 | 503 => json!({"Retry-After": text("Seconds after which to ask again.", "1")}),
        _ => Value::Null,
    }
}

/// An answer that a layer can give to any route, under a name of its own.
pub fn add_problem(spec: &mut Value, status: u16, name: &str, description: &str) {
    spec["components"]["responses"][name] = problem(status, description, "");
    for (_, _, operation) in operations(spec) {
        if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            let reference = json!({"$ref": format!("#/components/responses/{name}")});
            responses.entry(status.to_string()).or_insert(reference);
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
