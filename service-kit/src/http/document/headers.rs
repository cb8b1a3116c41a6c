//! What answers say in their heads, as far as callers may rely on it.

use serde_json::{Map, Value, json};
use shared_types::document::{has_entity_tag, rule};

use super::answers::schema_of;

/// The member under which a layer notes what it adds to the answers of an operation, until they are completed.
const NOTED: &str = "x-noted-headers";

/// What every answer says: name, description and example.
const ALWAYS: [(&str, &str, &str); 2] = [
    (
        "X-Request-Id",
        "The caller's id of the request, or one of ours: the log has it.",
        "0193a1c2-5f7e-7d43-8f0b-2b1c6d7e8f90",
    ),
    ("X-Process-Time", "Seconds that the answer took.", "0.004211"),
];

/// Describes the headers of every answer once.
pub(super) fn define(spec: &mut Value) {
    for (name, description, example) in ALWAYS {
        spec["components"]["headers"][name] = always(description, example);
    }
}

/// What an answer of this status says, whatever its route is.
pub(super) fn of(status: u16) -> Map<String, Value> {
    let mut headers = Map::new();
    for (name, _, _) in ALWAYS {
        headers.insert(name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    }
    if matches!(status, 201 | 202) {
        let example = "/api/v1/orders/01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";
        headers.insert(LOCATION.to_owned(), text("Where it is.", example));
    }
    if status == 403 {
        let described =
            text("Which scope is asked for, where a token has too few.", "Bearer error=\"insufficient_scope\"");
        headers.insert("WWW-Authenticate".to_owned(), described);
    }
    let own = match status {
        302 | 303 => (LOCATION, "Where to go on.", "https://club.example/callback?code=lcc_…&state=af0ifjsldkj"),
        304 => ENTITY_TAG,
        401 => ("WWW-Authenticate", "Which credential is asked for.", "Bearer realm=\"lastcopy\""),
        429 | 503 => ("Retry-After", "Seconds after which to ask again.", "1"),
        _ => return headers,
    };
    headers.insert(own.0.to_owned(), always(own.1, own.2));
    headers
}

const LOCATION: &str = "Location";
const ENTITY_TAG: (&str, &str, &str) =
    ("ETag", "The version, for `If-Match` and `If-None-Match`; another one after every change.", "\"3\"");

/// What this answer of this operation says besides: where the list goes on, which version it is, how many there are.
pub(super) fn add_own(headers: &mut Map<String, Value>, status: u16, response: &Value, operation: &Map<String, Value>) {
    let name = schema_of(response);
    let is_success = (200..300).contains(&status);
    if status == 202 && response.get("content").is_none() {
        headers.remove(LOCATION);
    }
    if is_success && name.ends_with("Page") {
        let next = "The next page, where there is one (RFC 8288).";
        headers.insert("Link".to_owned(), text(next, "</api/v1/books?cursor=5b>; rel=\"next\""));
    }
    if is_success && has_entity_tag(name) {
        headers.insert(ENTITY_TAG.0.to_owned(), always(ENTITY_TAG.1, ENTITY_TAG.2));
    }
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    if is_success && parameters.into_iter().any(|parameter| parameter["name"] == "offset") {
        let total = "How many there are in all, where an offset is given or meant.";
        headers.insert("X-Total-Count".to_owned(), text(total, "1007"));
    }
}

/// The condition under which a version is not told again.
pub(super) fn take_if_none_match(operation: &mut Map<String, Value>) {
    const NAME: &str = "If-None-Match";
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let Some(parameters) = parameters.as_array_mut().filter(|all| all.iter().all(|one| one["name"] != NAME)) else {
        return;
    };
    let mut schema = rule("header", NAME);
    let example = schema.remove("example");
    schema.insert("type".to_owned(), json!("string"));
    let description = "The `ETag` that the reader has; 304 if there is no newer one.";
    parameters.push(json!({
        "name": NAME, "in": "header", "required": false, "description": description, "schema": schema, "example": example,
    }));
}

/// Which answers of an operation say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    /// Each of them may.
    Any,
    /// 200 and 304 do.
    Read,
}

/// Notes that answers of an operation have this header: each of them may, or those of a read do.
pub fn add_header(operation: &mut Map<String, Value>, answers: Saying, name: &str, description: &str, example: &str) {
    let noted = operation.entry(NOTED).or_insert_with(|| json!({}));
    noted[name] = match answers {
        Saying::Any => json!({"any": true, "header": text(description, example)}),
        Saying::Read => json!({"any": false, "header": always(description, example)}),
    };
}

/// Takes the notes of an operation away, for its answers.
pub(super) fn noted(operation: &mut Map<String, Value>) -> Map<String, Value> {
    operation.remove(NOTED).and_then(|noted| noted.as_object().cloned()).unwrap_or_default()
}

/// The notes that are for an answer of this status.
pub(super) fn noted_for(status: u16, noted: &Map<String, Value>) -> Map<String, Value> {
    let is_meant = |note: &Value| note["any"] == true || matches!(status, 200 | 304);
    let meant = noted.iter().filter(|(_, note)| is_meant(note));
    meant.map(|(name, note)| (name.clone(), note["header"].clone())).collect()
}

fn text(description: &str, example: &str) -> Value {
    json!({"description": description, "schema": {"type": "string"}, "example": example})
}

/// A header that no such answer is without.
fn always(description: &str, example: &str) -> Value {
    json!({"description": description, "required": true, "schema": {"type": "string"}, "example": example})
}
