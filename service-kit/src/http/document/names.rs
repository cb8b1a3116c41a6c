//! Every operation has a name that depends on nothing but its method, its path and its first tag, so that programs made
//! from the document keep their names when another route is added.

use serde_json::{Map, Value};

use super::operations;

/// Gives every operation its `operationId` and a description, and drops paths that are another one with a slash behind it.
pub(super) fn complete(spec: &mut Value) {
    if let Some(paths) = spec.get_mut("paths").and_then(Value::as_object_mut) {
        drop_second_spellings(paths);
    }
    for (path, method, operation) in operations(spec) {
        // Some readers show the longer text alone.
        if !operation.contains_key("description")
            && let Some(summary) = operation.get("summary").cloned()
        {
            operation.insert("description".to_owned(), summary);
        }
        if !operation.contains_key("operationId") {
            let tag = operation.get("tags").and_then(|tags| tags.get(0)).and_then(Value::as_str).unwrap_or("");
            let name = name_of(method, path, tag);
            operation.insert("operationId".to_owned(), name.into());
        }
    }
}

fn drop_second_spellings(paths: &mut Map<String, Value>) {
    let second: Vec<String> = paths
        .keys()
        .filter(|path| path.strip_suffix('/').is_some_and(|first| paths.contains_key(first)))
        .cloned()
        .collect();
    second.iter().for_each(|path| drop(paths.remove(path)));
}

/// `patch_orders_lines_by_line` for `PATCH /api/v1/orders/{order_id}/lines/{line}`; where the tag is not in the path, it
/// comes first, as in `bazar_get_search_by_topic`.
fn name_of(method: &str, path: &str, tag: &str) -> String {
    let below = path.strip_prefix("/api/v1").unwrap_or(path);
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    let is_below_base = below.len() < path.len();
    let mut words: Vec<String> = Vec::new();
    if !is_below_base && !tag.is_empty() && !parts.contains(&tag) {
        words.push(tag.to_owned());
    }
    words.push(method.to_owned());
    for (at, part) in parts.iter().enumerate() {
        let parameter = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match parameter {
            // A parameter in between is told by what comes behind it.
            Some(_) if at + 1 < parts.len() => {}
            Some(name) => words.extend(["by".to_owned(), name.to_owned()]),
            None => words.push(part.trim_start_matches('.').replace(['-', '.'], "_")),
        }
    }
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_depends_on_method_path_and_tag_alone() {
        for (method, path, tag, name) in [
            ("get", "/api/v1/books", "books", "get_books"),
            ("get", "/api/v1/books/{book}", "books", "get_books_by_book"),
            ("patch", "/api/v1/orders/{order_id}/lines/{line}", "orders", "patch_orders_lines_by_line"),
            ("post", "/api/v1/orders/{order_id}/hand-over", "orders", "post_orders_hand_over"),
            ("get", "/api/v1/audit-log.csv", "identity", "get_audit_log_csv"),
            ("get", "/search/{topic}", "bazar", "bazar_get_search_by_topic"),
            ("get", "/.well-known/jwks.json", "identity", "identity_get_well_known_jwks_json"),
            ("get", "/books/{book_id}/ledger", "stock", "stock_get_books_ledger"),
            ("post", "/webhooks/payment", "webhooks", "post_webhooks_payment"),
        ] {
            assert_eq!(name_of(method, path, tag), name);
        }
    }
}
