use serde_json::{Map, Value};
use service_kit::{
    auth::Permission,
    http::document::{Saying, add_header},
};

/// Reads whose answers may be kept.
const KEPT: &[&str] = &[
    "/api/books",
    "/api/books/{isbn}",
    "/api/v1/books",
    "/api/v1/books/{book}",
    "/api/v1/items",
    "/api/v1/items/{item}",
    "/api/v1/topics",
    "/info/{book_id}",
    "/products",
    "/products/{product_id}",
    "/search/{topic}",
];

/// Pages that a browser comes to with a cookie, or gets one from.
const PAGES: &[&str] = &["/o/authorize/", "/o/sign-in/", "/o/sign-out/"];

/// Says which answers tell that they were kept, and which of them make somebody a guest.
pub(super) fn describe(spec: &mut Value) {
    let paths = spec["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let Some(operation) = operation.as_object_mut() else { continue };
            if method == "get" && KEPT.contains(&path.as_str()) {
                let kept = "`HIT` where all of it was kept, else `MISS`.";
                add_header(operation, Saying::Read, "X-Cache", kept, "HIT");
            }
            if makes_guests(operation) {
                let token = "With it a new guest sees his orders; sent back in this header, or as the cookie.";
                add_header(operation, Saying::Any, "X-Guest-Token", token, "lcg_…");
            }
            if makes_guests(operation) || PAGES.contains(&path.as_str()) {
                let cookie = "For browsers: which guest it is, or whose sign-in.";
                add_header(operation, Saying::Any, "Set-Cookie", cookie, "lastcopy-guest=…; HttpOnly; SameSite=Lax");
            }
        }
    }
}

fn makes_guests(operation: &Map<String, Value>) -> bool {
    let texts = operation.get("x-permissions").and_then(Value::as_array).into_iter().flatten();
    let mut permissions = texts.filter_map(|text| text.as_str()?.parse().ok());
    permissions.any(|permission| matches!(permission, Permission::ScopeOrGuest(_)))
}
