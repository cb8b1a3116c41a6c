//! A route that has a stricter or a wider rule of its own (a page with a form) sets the header itself; every other answer
//! gets these.

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CROSS_ORIGIN_OPENER_POLICY, CROSS_ORIGIN_RESOURCE_POLICY, HeaderMap, HeaderName,
    HeaderValue, PERMISSIONS_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_FRAME_OPTIONS,
};

/// Headers for which there is room at once, those that an answer has besides among them.
const ROOM_HEADERS: usize = 14;

type Header = (HeaderName, HeaderValue);

const fn policy(text: &'static str) -> Header {
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(text))
}

/// Nothing of an answer runs, loads, is framed or sends a form.
static NOTHING: Header = policy("default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'");
/// The documentation pages run scripts of ours, none of which stands in a page; one of them makes its styles, and its
/// search is a worker that it makes. Nothing is loaded from elsewhere.
static DOCS: Header = policy(
    "default-src 'none'; script-src 'self'; worker-src blob:; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// On every answer. `nosniff` is the shell's, for every service.
static ALWAYS: [Header; 5] = [
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (PERMISSIONS_POLICY, HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()")),
    (CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

/// A year.
static ONLY_HTTPS: Header = (STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));

/// Sets the headers that an answer does not set itself.
pub(super) fn set_where_absent(headers: &mut HeaderMap, is_docs: bool, is_https: bool) {
    for (name, value) in of(if is_docs { &DOCS } else { &NOTHING }, is_https) {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// The headers of an answer of the API that sets none of them itself.
pub(super) fn of_answer(is_https: bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(ROOM_HEADERS);
    for (name, value) in of(&NOTHING, is_https) {
        headers.insert(name.clone(), value.clone());
    }
    headers
}

fn of(policy: &'static Header, is_https: bool) -> impl Iterator<Item = &'static Header> {
    ALWAYS.iter().chain([policy]).chain(is_https.then_some(&ONLY_HTTPS))
}
