//! The API document: what paperclip writes down from the handlers' types, completed with what is true of every route.

/// The answers that any route can give, and the media type and example of a problem.
mod answers;
/// An example of every schema, and of every body that has it.
mod examples;
/// What answers say in their heads.
mod headers;
/// A name for every operation.
mod names;
/// The pages that show the document to people.
mod pages;
/// Schemas by name, with the rules that their types keep.
mod schemas;

use actix_web::{HttpRequest, HttpResponse, web};
use paperclip::v2::models::{DefaultApiRaw, Info, License};
use serde_json::{Map, Value, json};

use super::{layer::Layer, server::ServiceInfo};
use crate::auth;

pub use answers::{add_problem, answers_with};
pub use headers::{Saying, add_header};
pub use pages::is_documentation;
pub(super) use pages::{is_unknown_file, routes};
pub use schemas::{add_schema, define};

/// The version of the specification that is kept to: paperclip writes 3.0.
const OPENAPI: &str = "3.0.3";

/// The beginning of a service's document, which paperclip completes with paths and schemas.
pub(super) fn beginning(info: &ServiceInfo) -> DefaultApiRaw {
    let license = License { name: Some("MIT".to_owned()), url: Some("https://opensource.org/license/mit".to_owned()) };
    DefaultApiRaw {
        info: Info {
            title: info.title.to_owned(),
            description: Some(info.description.to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            license: Some(license),
            ..Default::default()
        },
        ..Default::default()
    }
}

/// Completes what paperclip wrote and what `layer` adds to it.
pub(super) fn completed<L: Layer>(mut spec: Value, layer: &L) -> Value {
    spec["openapi"] = json!(OPENAPI);
    // Whoever reads it reads it from the service itself.
    spec["servers"] = json!([{"url": "/", "description": "This one."}]);
    spec["info"]["contact"] = json!({"name": "Whoever keeps this shop"});
    auth::complete_document(&mut spec);
    names::complete(&mut spec);
    layer.describe(&mut spec);
    schemas::complete(&mut spec);
    answers::complete(&mut spec);
    examples::complete(&mut spec);
    spec
}

/// Every operation with its path and its method.
fn operations(spec: &mut Value) -> impl Iterator<Item = (&String, &String, &mut Map<String, Value>)> {
    let paths = spec.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    let items = paths.filter_map(|(path, item)| Some((path, item.as_object_mut()?)));
    items.flat_map(|(path, item)| {
        let operations = item.iter_mut().filter_map(|(method, operation)| Some((method, operation.as_object_mut()?)));
        operations.map(move |(method, operation)| (path, method, operation))
    })
}

/// The finished document, as it is sent.
#[derive(Clone)]
pub(super) struct Document {
    json: web::Bytes,
    yaml: web::Bytes,
}

impl Document {
    pub fn of(spec: &Value) -> Document {
        let yaml = serde_yaml_ng::to_string(spec).expect("BUG: a document of JSON values has a YAML text");
        Document { json: spec.to_string().into(), yaml: yaml.into() }
    }

    fn as_json(&self) -> HttpResponse {
        HttpResponse::Ok().content_type("application/json").body(self.json.clone())
    }

    /// RFC 9512.
    fn as_yaml(&self) -> HttpResponse {
        HttpResponse::Ok().content_type("application/yaml").body(self.yaml.clone())
    }

    /// In YAML where that is asked for and JSON is not.
    fn as_asked(&self, request: &HttpRequest) -> HttpResponse {
        let accepted = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or("");
        let wants_yaml = match request.query_string() {
            "format=yaml" => true,
            "format=json" => false,
            _ => accepted.contains("yaml") && !accepted.contains("json"),
        };
        if wants_yaml { self.as_yaml() } else { self.as_json() }
    }
}
