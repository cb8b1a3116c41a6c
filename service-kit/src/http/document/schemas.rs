//! Schemas. Paperclip writes a type out wherever it is used and knows its members' names only; here each type gets its
//! name and its place, and each member the rules that its type keeps.

use std::collections::{BTreeMap, BTreeSet};

use paperclip::v2::{
    models::{DefaultSchemaRaw, Either},
    schema::Apiv2Schema,
};
use serde_json::{Map, Value, json};
use shared_types::document;

use super::operations;

const SCHEMAS: &str = "#/components/schemas/";

/// Writes down the schema of `T` and of every type inside it, each under its name.
///
/// Inside another schema a type is marked by its `title`; when the document is complete, a reference takes its place.
pub fn define<T: Apiv2Schema>(definitions: &mut BTreeMap<String, DefaultSchemaRaw>) {
    let mut schema = T::raw_schema();
    schema.name = T::name().or(schema.name);
    mark(&mut schema, definitions);
}

/// Marks what is inside, writes it down, and gives it its title.
fn mark(schema: &mut DefaultSchemaRaw, definitions: &mut BTreeMap<String, DefaultSchemaRaw>) {
    schema.properties.values_mut().for_each(|member| mark(member, definitions));
    if let Some(items) = &mut schema.items {
        mark(items, definitions);
    }
    if let Some(Either::Right(values)) = &mut schema.extra_props {
        mark(values, definitions);
    }
    if let Some(name) = schema.name.clone() {
        let mut written = schema.clone();
        written.remove_refs();
        definitions.insert(name.clone(), written);
        schema.title = Some(name);
    }
}

/// Adds the schema of `T` to a document that is not complete yet, for what no route names, and says how to refer to it.
pub fn add_schema<T: Apiv2Schema>(spec: &mut Value) -> Value {
    let mut definitions = BTreeMap::new();
    define::<T>(&mut definitions);
    for (name, schema) in definitions {
        spec["components"]["schemas"][name] = json!(schema);
    }
    json!({"$ref": format!("{SCHEMAS}{}", T::name().unwrap_or_default())})
}

/// Puts references in place of marked copies, and adds every member's rules.
pub(super) fn complete(spec: &mut Value) {
    let mut schemas = match spec.pointer_mut("/components/schemas").map(Value::take) {
        Some(Value::Object(schemas)) => schemas,
        _ => Map::new(),
    };
    let descriptions: BTreeMap<String, Value> =
        schemas.iter().map(|(name, schema)| (name.clone(), schema["description"].clone())).collect();
    for (name, schema) in &mut schemas {
        refer_inside(schema, &descriptions);
        add_rules(name, schema);
    }
    let types: BTreeMap<String, Value> =
        schemas.iter().map(|(name, schema)| (format!("{SCHEMAS}{name}"), schema["type"].clone())).collect();
    for name in requested(spec, &schemas) {
        if let Some(schema) = schemas.get_mut(&name) {
            close(schema, &types);
        }
    }
    spec["components"]["schemas"] = schemas.into();
    for (_, _, operation) in operations(spec) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
        // With an example of its own it was described by hand, by who knows what the word means there.
        for parameter in parameters.filter(|parameter| parameter.get("example").is_none()) {
            let place = parameter["in"].as_str().unwrap_or_default().to_owned();
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            add_rule(&place, &name, &mut parameter["schema"]);
        }
    }
}

/// Replaces every marked schema inside this one.
fn refer_inside(schema: &mut Value, descriptions: &BTreeMap<String, Value>) {
    let Some(schema) = schema.as_object_mut() else { return };
    let members = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    members.for_each(|(_, member)| refer(member, descriptions));
    for inside in ["items", "additionalProperties"] {
        if let Some(inside) = schema.get_mut(inside) {
            refer(inside, descriptions);
        }
    }
}

/// A reference, with the member's own words beside it where it has some.
fn refer(schema: &mut Value, descriptions: &BTreeMap<String, Value>) {
    refer_inside(schema, descriptions);
    let Some((name, description)) = schema["title"].as_str().and_then(|name| descriptions.get_key_value(name)) else {
        return;
    };
    let reference = json!({"$ref": format!("{SCHEMAS}{name}")});
    let own = schema["description"].clone();
    *schema = if own.is_null() || own == *description {
        reference
    } else {
        // Beside `$ref` nothing counts (OpenAPI 3.0.3, "Reference Object").
        json!({"allOf": [reference], "description": own})
    };
}

/// Adds what the members' types check and paperclip cannot see.
fn add_rules(owner: &str, schema: &mut Value) {
    let mut required: BTreeSet<String> = match schema["required"].as_array() {
        Some(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => BTreeSet::new(),
    };
    let members = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for (name, member) in members {
        if document::may_be_absent(owner, name) {
            required.remove(name);
        }
        add_rule(owner, name, member);
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("required");
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        schema.extend(document::whole(owner));
    }
}

fn add_rule(owner: &str, name: &str, member: &mut Value) {
    if let Some(member) = member.as_object_mut().filter(|member| !member.contains_key("$ref")) {
        let mut rule = document::rule(owner, name);
        if member.contains_key("enum") {
            rule.remove("enum");
        }
        if rule.contains_key("oneOf") {
            member.remove("type");
        }
        member.extend(rule);
    }
}

/// The schemas that are read from requests, and all that are inside them.
fn requested(spec: &mut Value, schemas: &Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = Vec::new();
    for (_, _, operation) in operations(spec) {
        names_in(operation.get("requestBody").unwrap_or(&Value::Null), &mut open);
    }
    while let Some(name) = open.pop() {
        if let Some(schema) = schemas.get(&name)
            && found.insert(name)
        {
            names_in(schema, &mut open);
        }
    }
    found
}

fn names_in(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            names.extend(reference.and_then(|reference| reference.strip_prefix(SCHEMAS)).map(str::to_owned));
            members.values().for_each(|member| names_in(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| names_in(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every request refuses members that it does not know, and takes `null` for a member that may be absent.
fn close(schema: &mut Value, types: &BTreeMap<String, Value>) {
    if schema["type"] != "object" {
        return;
    }
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let members = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for (name, member) in members {
        if required.iter().any(|required| required == name) || !member["default"].is_null() {
            continue;
        }
        if member.get("$ref").is_some() {
            *member = json!({"allOf": [member.take()]});
        }
        // `nullable` counts beside a `type` only.
        if let Some(of) = member["allOf"][0]["$ref"].as_str().and_then(|reference| types.get(reference)) {
            member["type"] = of.clone();
        }
        match member.get_mut("oneOf").and_then(Value::as_array_mut) {
            Some(kinds) => kinds.iter_mut().take(1).for_each(|kind| kind["nullable"] = json!(true)),
            None => member["nullable"] = json!(true),
        }
        if let Some(values) = member.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
    }
    schema["additionalProperties"] = json!(false);
}
