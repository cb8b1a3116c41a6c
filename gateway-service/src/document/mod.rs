//! What only the public door adds to the API document: what the tags mean, how to say who one is, the answer to who asks
//! too often, forms, and the messages that the shop sends to others.

/// The ways to say who one is, and which of them each operation takes.
mod credentials;
/// Fields of the forms of OAuth2 and its pages.
mod forms;
/// What answers say in their heads.
mod headers;
/// Messages to subscribers, `x-webhooks`.
mod webhooks;

use serde_json::{Value, json};
use service_kit::http::document::add_problem;

/// Every tag of the public API, what it is about, and the group in which a reader finds it.
const TAGS: &[(&str, &str, &str)] = &[
    ("books", "Books and topics: looking for them, and keeping the catalog.", "Shop"),
    ("stock", "How many copies there are, and every change of that.", "Shop"),
    ("orders", "Purchases in one call, and orders that are written first and decided about later.", "Shop"),
    ("deliveries", "Parcels on their way.", "Shop"),
    ("couriers", "Who carries parcels.", "Shop"),
    ("events", "What changes, told as it happens; and events between services that were put aside.", "Back office"),
    ("receipts", "Money that was reported to the shop, and given back.", "Back office"),
    ("notifications", "Messages to customers.", "Back office"),
    ("webhooks", "Messages of others to the shop, and of the shop to others.", "Back office"),
    ("identity", "Accounts, sign-ins, API keys and the audit log.", "Who is who"),
    ("oauth", "OAuth2 for applications that act for somebody (RFC 6749, 7009, 7636, 7662, 8414).", "Who is who"),
    ("repairs", "What an audit found, set right by the services' own commands.", "Back office"),
    ("health", "Whether the shop works.", "Back office"),
    ("bazar", "The contract of the three-tier book bazaar.", "Contracts of others"),
    ("bookstore", "The contract of the bookstore behind one API key.", "Contracts of others"),
    ("inventory", "The contract of Orders & Inventory.", "Contracts of others"),
    ("items", "The contract of the items service.", "Contracts of others"),
];

/// Completes the document of the public door.
pub(crate) fn describe(spec: &mut Value) {
    let used = used_tags(spec);
    let used = |tag: &&(&str, &str, &str)| used.iter().any(|used| used == tag.0);
    let tags = TAGS.iter().filter(used);
    spec["tags"] = tags.map(|(name, description, _)| json!({"name": name, "description": description})).collect();
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, _, group) in TAGS.iter().filter(used) {
        match groups.iter_mut().find(|(known, _)| known == group) {
            Some((_, tags)) => tags.push(name),
            None => groups.push((group, vec![name])),
        }
    }
    spec["x-tagGroups"] = groups.iter().map(|(name, tags)| json!({"name": name, "tags": tags})).collect();
    let too_many = "Too many requests or tries; `Retry-After` says when the next one is looked at.";
    add_problem(spec, 429, "TooManyRequests", too_many);
    credentials::describe(spec);
    forms::describe(spec);
    headers::describe(spec);
    webhooks::describe(spec);
}

fn used_tags(spec: &Value) -> Vec<String> {
    let items = spec["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = items.filter_map(Value::as_object).flat_map(|item| item.values());
    operations.filter_map(|operation| operation["tags"][0].as_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_who_asks_too_often_stands_beside_the_routes_own() {
        let mut spec = json!({"paths": {"/search/{topic}": {"get": {
            "tags": ["bazar"], "x-permissions": ["anyone"], "security": [{}, {"bearer": []}], "responses": {},
        }}}});
        describe(&mut spec);
        let operation = &spec["paths"]["/search/{topic}"]["get"];
        assert_eq!(operation["responses"]["429"]["$ref"], "#/components/responses/TooManyRequests");
        assert_eq!(
            spec["tags"],
            json!([{"name": "bazar", "description": "The contract of the three-tier book bazaar."}])
        );
        let credentials = json!([{}, {"bearer": []}, {"apiKey": []}, {"oauth2": []}, {"guestToken": []}]);
        assert_eq!(operation["security"], credentials);
    }
}
