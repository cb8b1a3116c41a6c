//! What an answer says in its head is what the API document says of it: no more, and no less.

use serde_json::Value;

use crate::shop::{Answer, Part};

/// What any HTTP answer may have, and what is between a server and a browser. Nobody programs against it.
const SILENT: &[&str] = &[
    "cache-control",
    "connection",
    "content-disposition",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "permissions-policy",
    "pragma",
    "referrer-policy",
    "transfer-encoding",
    "x-accel-buffering",
    "x-content-type-options",
    "x-frame-options",
];

/// An operation in the document of its service.
pub struct Documented<'a> {
    part: Part,
    route: &'a str,
    document: &'a Value,
    operation: &'a Value,
}

impl<'a> Documented<'a> {
    /// The operation of a route such as `GET /books`; none where it is not in the document.
    pub fn of(part: Part, document: &'a Value, route: &'a str) -> Option<Documented<'a>> {
        let (method, path) = route.split_once(' ')?;
        let operation = &document["paths"][path][method.to_lowercase()];
        operation.is_object().then_some(Documented { part, route, document, operation })
    }

    /// What the head of an answer says and the document does not, and the other way round.
    pub fn untrue_of(&self, answer: &Answer) -> Vec<String> {
        let (route, status) = (self.route, answer.status);
        let response = self.meant(&self.operation["responses"][status.to_string()]);
        if response.is_null() {
            return vec![format!("{route} answers {status}, which the document does not know")];
        }
        let documented = response["headers"].as_object().cloned().unwrap_or_default();
        let said = answer.headers.keys().map(|name| name.as_str()).filter(|name| !SILENT.contains(name));
        let undocumented = said.filter(|said| !documented.keys().any(|name| name.eq_ignore_ascii_case(said)));
        let undocumented =
            undocumented.map(|name| format!("{route} {status} says {name}, which the document does not"));
        let promised = documented.iter().filter(|(_, header)| self.meant(header)["required"] == true);
        let missing = promised.filter(|(name, _)| !answer.headers.contains_key(name.as_str()));
        let missing =
            missing.map(|(name, _)| format!("{route} {status} does not say {name}, as the document promises"));
        // Whoever makes something at the public door is told where it is.
        let is_lost = self.part == Part::Gateway && status == 201 && answer.header("location").is_empty();
        let lost = is_lost.then(|| format!("{route} 201 does not say Location"));
        undocumented.chain(missing).chain(lost).collect()
    }

    fn meant(&self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }
}
