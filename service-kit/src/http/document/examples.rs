//! Examples: the one that a type gives, or one put together from its members'. Every body in the document has one.

use serde_json::{Map, Value, json};

use super::operations;

/// Schemas in one another at most: none of ours comes near.
const MAX_DEPTH: usize = 16;

/// Gives every schema and every body an example.
pub(super) fn complete(spec: &mut Value) {
    let schemas = spec.pointer("/components/schemas").cloned().unwrap_or_else(|| json!({}));
    for schema in spec.pointer_mut("/components/schemas").and_then(Value::as_object_mut).into_iter().flatten() {
        if schema.1["type"] == "object" && schema.1["example"].is_null() {
            schema.1["example"] = of(schema.1, &schemas, 0);
        }
    }
    for (_, _, operation) in operations(spec) {
        if let Some(content) = operation.get_mut("requestBody").and_then(|body| body.get_mut("content")) {
            show(content, &schemas);
        }
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
        for (_, response) in responses {
            if let Some(content) = response.get_mut("content") {
                show(content, &schemas);
            }
        }
    }
}

fn show(content: &mut Value, schemas: &Value) {
    for (_, media) in content.as_object_mut().into_iter().flatten() {
        if media["example"].is_null() && media.get("schema").is_some() {
            media["example"] = of(&media["schema"], schemas, 0);
        }
    }
}

fn of(schema: &Value, schemas: &Value, depth: usize) -> Value {
    let example = &schema["example"];
    if !example.is_null() || depth > MAX_DEPTH {
        return example.clone();
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return of(&schemas[name], schemas, depth + 1);
    }
    if let Some(first) = schema["enum"].get(0).or(schema.get("default")) {
        return first.clone();
    }
    let alternatives = ["allOf", "oneOf", "anyOf"].iter().find_map(|word| schema[*word].get(0));
    if let Some(first) = alternatives {
        return of(first, schemas, depth + 1);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            members.map(|(name, member)| (name.clone(), of(member, schemas, depth + 1))).collect::<Map<_, _>>().into()
        }
        Some("array") => json!([of(&schema["items"], schemas, depth + 1)]),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("number") => json!(12.99),
        Some("boolean") => json!(true),
        _ => text(schema["format"].as_str()).into(),
    }
}

fn text(format: Option<&str>) -> &'static str {
    match format {
        Some("date-time") => "2026-11-18T11:06:40.123456Z",
        Some("uuid") => "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f",
        Some("uri") => "https://example.com/lastcopy",
        _ => "text",
    }
}
