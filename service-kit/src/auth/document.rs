//! Permissions in API documents: written by the extractors, read back by whoever checks that no route is without one.

use std::collections::BTreeMap;

use paperclip::v2::{
    models::{DefaultOperationRaw, Either, Response},
    schema::Apiv2Schema,
};
use serde_json::{Map, Value, json};
use shared_types::Problem;

use super::permission::{Permission, UnknownPermission};

/// The name of the security scheme.
const SCHEME: &str = "bearer";
/// The extension under which an operation names its permissions.
const PERMISSIONS: &str = "x-permissions";

/// Notes that the operation needs this permission.
pub(super) fn requires(operation: &mut DefaultOperationRaw, permission: Permission) {
    operation.security.push(BTreeMap::from([(SCHEME.to_owned(), vec![permission.to_string()])]));
}

/// Notes the answers of a refusal.
pub(super) fn answers(operation: &mut DefaultOperationRaw, permission: Permission) {
    let mut answer = |status: &str, description: String| {
        let mut schema = Problem::schema_with_ref();
        schema.retain_ref();
        let response = Response { description: Some(description), schema: Some(schema), ..Default::default() };
        operation.responses.entry(status.to_owned()).or_insert(Either::Right(response));
    };
    answer("401", "The credential is missing or refused; `WWW-Authenticate` says which.".to_owned());
    if !matches!(permission, Permission::Anyone | Permission::AnyCaller) {
        answer("403", format!("The caller is known and lacks {permission}."));
    }
}

/// Completes a document: what paperclip wrote as scopes of a scheme becomes the `x-permissions` of each operation, and
/// the scheme is described.
pub(crate) fn complete_document(spec: &mut Value) {
    let mut any = false;
    for operation in operations_mut(spec) {
        let permissions = noted(operation);
        if permissions.is_empty() {
            continue;
        }
        any = true;
        let bearer = json!({ SCHEME: [] });
        let security = match open(&permissions) {
            None => json!([bearer]),
            Some(Permission::Public) => json!([]),
            // With a credential or without one.
            Some(_) => json!([{}, bearer]),
        };
        operation.insert("security".to_owned(), security);
        operation.insert(PERMISSIONS.to_owned(), json!(permissions));
    }
    if any {
        let description = "An access token of the shop (RFC 9068), an API key, or the token of a service.";
        let scheme = json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description});
        spec["components"]["securitySchemes"][SCHEME] = scheme;
    }
}

fn operations_mut(spec: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let paths = spec.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(|paths| paths.values_mut()).filter_map(Value::as_object_mut);
    items.flat_map(|item| item.values_mut()).filter_map(Value::as_object_mut)
}

fn noted(operation: &Map<String, Value>) -> Vec<String> {
    let requirements = operation.get("security").and_then(Value::as_array).into_iter().flatten();
    let scopes = requirements.filter_map(|requirement| requirement.get(SCHEME)?.as_array());
    scopes.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The weakest permission, where all of them are open.
fn open(permissions: &[String]) -> Option<Permission> {
    let parsed: Vec<Permission> = permissions.iter().filter_map(|text| text.parse().ok()).collect();
    parsed.iter().all(|permission| permission.is_open()).then(|| parsed.iter().copied().max()).flatten()
}

/// One operation of a service and what it asks of its callers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// In capitals.
    pub method: String,
    pub path: String,
    /// All of them are needed; never empty.
    pub permissions: Vec<Permission>,
}

/// Why a document does not tell who may call its routes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error("these operations do not say who may call them: {0:?}")]
    Silent(Vec<String>),
    #[error("{route}: {error}")]
    Unknown { route: String, error: UnknownPermission },
    #[error("the document has no operations")]
    Empty,
}

/// Every route of a service, by its API document. Fails where one does not say who may call it, so a test that walks
/// the routes cannot miss any: a handler without a permission in its signature is an error, not an omission.
pub fn routes(openapi: &Value) -> Result<Vec<Route>, RouteError> {
    let mut routes = Vec::new();
    let mut silent = Vec::new();
    let paths = openapi.get("paths").and_then(Value::as_object).into_iter().flatten();
    for (path, item) in paths {
        let operations =
            item.as_object().into_iter().flatten().filter(|(method, _)| METHODS.contains(&method.as_str()));
        for (method, operation) in operations {
            let name = format!("{} {path}", method.to_uppercase());
            let permissions =
                permissions(operation).map_err(|error| RouteError::Unknown { route: name.clone(), error })?;
            if permissions.is_empty() {
                silent.push(name);
            } else {
                routes.push(Route { method: method.to_uppercase(), path: path.clone(), permissions });
            }
        }
    }
    match (silent.is_empty(), routes.is_empty()) {
        (false, _) => Err(RouteError::Silent(silent)),
        (true, true) => Err(RouteError::Empty),
        (true, false) => Ok(routes),
    }
}

/// The members of a path item that are operations.
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

fn permissions(operation: &Value) -> Result<Vec<Permission>, UnknownPermission> {
    let texts = operation.get(PERMISSIONS).and_then(Value::as_array).into_iter().flatten();
    texts.map(|text| text.as_str().unwrap_or_default().parse()).collect()
}
