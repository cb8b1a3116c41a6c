//! What the types on the wire check and their API document cannot know by itself: ranges, lengths, patterns, formats, and
//! which members may be absent. A word means the same wherever it stands, unless its owner says otherwise.

use serde_json::{Map, Value, json};

use crate::limits::{
    MAX_ADDRESS_FIELD_CHARS, MAX_BOOK_COPIES, MAX_IDEMPOTENCY_KEY_CHARS, MAX_IMPORT_ROWS, MAX_LINE_COPIES,
    MAX_ORDER_LINES, MAX_PAGE_ROWS, MAX_QUERY_CHARS, MAX_REASON_CHARS, MAX_SKU_CHARS, MAX_TEXT_CHARS, MAX_TOPIC_CHARS,
};

/// Members that are filled in where they are absent: `serde(default)` of a type that is no `Option`, or left out of an
/// answer where there is nothing to say.
const MAY_BE_ABSENT: &[(&str, &str)] = &[
    ("Problem", "errors"),
    ("CreateBookRequest", "stock"),
    ("CreateBookRequest", "warn_limit"),
    ("CreateOrderRequest", "lines"),
    ("RegisterApplicationRequest", "redirect_uris"),
];

/// Whether this member of this schema may be absent although its type is no `Option`.
pub fn may_be_absent(owner: &str, member: &str) -> bool {
    MAY_BE_ABSENT.contains(&(owner, member))
}

/// Whether answers with this schema are a version of one resource, which their `ETag` tells.
pub fn has_entity_tag(schema: &str) -> bool {
    matches!(schema, "AccountView" | "BookView" | "DeliveryView" | "OrderView")
}

/// What more there is to say of a member of a schema, or of a parameter in `path`, `query` or `header`.
pub fn rule(owner: &str, member: &str) -> Map<String, Value> {
    let own = match owner {
        "path" => in_path(member),
        "query" => in_query(member),
        "header" => in_header(member),
        _ if owner.ends_with("Request") || INSIDE_REQUESTS.contains(&owner) => in_request(owner, member),
        _ => in_other_contracts(owner, member),
    };
    let said = if own.is_null() { anywhere(member) } else { own };
    let mut rule = if let Value::Object(rule) = said { rule } else { Map::new() };
    if rule.get("format") == Some(&json!("line")) {
        rule.entry("pattern").or_insert_with(|| json!(NO_CONTROL_CHARACTER));
    }
    rule
}

/// What everybody can check of a line, whether he knows the format or not.
const NO_CONTROL_CHARACTER: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// Schemas that are parts of requests.
const INSIDE_REQUESTS: &[&str] = &["Address", "Card", "CheckoutLine", "ImportRow"];

/// What more there is to say of a whole schema.
pub fn whole(owner: &str) -> Map<String, Value> {
    let said = match owner {
        "AdjustStockRequest" => json!({"oneOf": [{"required": ["delta"]}, {"required": ["set_to"]}]}),
        _ => Value::Null,
    };
    if let Value::Object(rule) = said { rule } else { Map::new() }
}

const UUID: &str = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";

/// Words that mean the same everywhere.
fn anywhere(member: &str) -> Value {
    match member {
        "book_id" => json!({"minimum": 1, "maximum": i64::MAX, "example": 8}),
        "order_id" | "on_behalf_of" => json!({"format": "uuid", "example": UUID}),
        "delivery_id" => json!({"pattern": attempt(":d"), "example": format!("{UUID}:d1")}),
        "payment_id" | "taking_id" => json!({"pattern": attempt(":"), "example": format!("{UUID}:1")}),
        "isbn" => json!({"format": "isbn", "example": "9780143127550"}),
        "currency" => json!({"pattern": "^[A-Z]{3}$", "example": "USD"}),
        "phone" => json!({"format": "phone", "example": "+254711223344"}),
        "next_cursor" => json!({"example": "5b2238225d"}),
        "title" => json!({"example": "The Martian"}),
        "author" => json!({"example": "Andy Weir"}),
        "topic" => json!({"example": "science fiction"}),
        _ => Value::Null,
    }
}

fn attempt(between: &str) -> String {
    format!("^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}{between}[1-9][0-9]{{0,8}}$")
}

fn text(max_chars: usize) -> Value {
    json!({"format": "line", "minLength": 1, "maxLength": max_chars})
}

fn in_path(member: &str) -> Value {
    match member {
        "book" => json!({"format": "book", "example": "9780143127550"}),
        "book_id" | "courier_id" => json!({"minimum": 1, "maximum": i64::MAX, "example": 8}),
        "line" => json!({"minimum": 1, "maximum": u32::MAX, "example": 1}),
        "topic" => json!({"format": "line", "minLength": 1, "example": "distributed systems"}),
        _ => Value::Null,
    }
}

fn in_query(member: &str) -> Value {
    match member {
        "limit" => json!({"type": "integer", "minimum": 1, "maximum": MAX_PAGE_ROWS, "example": 50}),
        "cursor" => json!({"format": "cursor"}),
        "q" => json!({"format": "line", "maxLength": MAX_QUERY_CHARS, "example": "martian"}),
        // What no ISBN is names no book, as long as it is a text.
        "isbn" => json!({"format": "line", "example": "9780143127550"}),
        "sku" => json!({"format": "line"}),
        "topic" => json!({"format": "line", "example": "science fiction"}),
        "author" => json!({"format": "line", "example": "Andy Weir"}),
        // Of books; another list's own values stand in its type.
        "state" => json!({"enum": ["AVAILABLE", "FEW REMAINING", "OUT OF STOCK"]}),
        "sort" => json!({"enum": ["id", "-id", "title", "-title", "price", "-price"]}),
        _ => Value::Null,
    }
}

fn in_header(member: &str) -> Value {
    match member {
        "If-Match" | "If-None-Match" => json!({"format": "entity-tag", "example": "\"3\""}),
        "Idempotency-Key" => json!({
            "pattern": format!("^[!-~]{{1,{MAX_IDEMPOTENCY_KEY_CHARS}}}$"), "example": "basket-4711",
        }),
        _ => Value::Null,
    }
}

fn in_request(owner: &str, member: &str) -> Value {
    match (owner, member) {
        ("CheckoutRequest", "lines") => json!({"minItems": 1, "maxItems": MAX_ORDER_LINES}),
        ("CreateOrderRequest", "lines") => json!({"maxItems": MAX_ORDER_LINES, "default": []}),
        (_, "quantity") => json!({"minimum": 1, "maximum": MAX_LINE_COPIES, "example": 1}),
        ("ImportRow", "line") => json!({"minimum": i64::MIN, "maximum": i64::MAX}),
        ("ImportRow", _) => cell(),
        ("ImportRequest", "rows") => json!({"minItems": 1, "maxItems": MAX_IMPORT_ROWS}),
        (_, "price" | "expected_price") => json!({"minimum": 0, "maximum": 9_999_999_999_i64, "example": 12.99}),
        ("CreateBookRequest", "stock") => json!({"minimum": 0, "maximum": MAX_BOOK_COPIES, "default": 0}),
        ("CreateBookRequest", "warn_limit") => json!({"minimum": 0, "maximum": MAX_BOOK_COPIES, "default": 0}),
        (_, "warn_limit") => json!({"minimum": 0, "maximum": MAX_BOOK_COPIES}),
        (_, "first_year") => json!({"minimum": -9999, "maximum": 9999, "example": 2011}),
        (_, "sku") => text(MAX_SKU_CHARS),
        (_, "title" | "author") => text(MAX_TEXT_CHARS),
        (_, "topic") => text(MAX_TOPIC_CHARS),
        (_, "delta") => json!({"minimum": -MAX_BOOK_COPIES, "maximum": MAX_BOOK_COPIES}),
        (_, "set_to") => json!({"minimum": 0, "maximum": MAX_BOOK_COPIES}),
        (_, "reason" | "adjustment_id") => text(MAX_REASON_CHARS),
        ("Address", "country") => json!({"pattern": "^[A-Z]{2}$"}),
        ("Address", _) => text(MAX_ADDRESS_FIELD_CHARS),
        ("Card", "number") => json!({"pattern": "^[0-9]([ -]?[0-9]){3,18}$"}),
        ("Card", "expiry") => json!({"pattern": "^[0-9]{1,2}[/ -][0-9]{2,4}$"}),
        ("Card", "cvc") => json!({"pattern": "^[0-9]{3,4}$"}),
        // Whoever signs in may write what he likes; whether there is such an account is for nobody to see.
        ("TokenRequest" | "ResetPasswordRequest", _) => Value::Null,
        (_, "username") => json!({"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$", "example": "ana"}),
        (_, "email") => json!({"format": "email", "maxLength": 254, "example": "ana@example.com"}),
        (_, "password" | "new_password" | "current_password") => json!({"format": "password"}),
        (_, "redirect_uris") => json!({"items": {"type": "string", "format": "uri"}, "default": []}),
        _ => Value::Null,
    }
}

/// Contracts of others show `null` where there is nothing, and have forms of their own.
fn in_other_contracts(owner: &str, member: &str) -> Value {
    let number = || json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX});
    match (owner, member) {
        ("NewStoreOrder", "customer_id") => json!({"oneOf": [{"type": "string"}, number()]}),
        ("StoreOrder", "customer_id") => json!({"oneOf": [{"type": "string", "nullable": true}, number()]}),
        ("StoreOrder", "payment_tx_id" | "total") | ("Placed", "total") => json!({"nullable": true}),
        // A principal of any kind, where a request names an account.
        ("AuditEntryView", "on_behalf_of") => json!({"example": format!("account:{UUID}")}),
        ("NewStoreDelivery", "address") => json!({"pattern": "\\S"}),
        _ => Value::Null,
    }
}

/// A cell of a table: a text or a number.
fn cell() -> Value {
    json!({"oneOf": [{"type": "string"}, {"type": "number"}]})
}
