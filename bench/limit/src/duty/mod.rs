//! What the shop owes for every request, whatever the request is for: an id that goes through all services, a caller who
//! is known, a head that is not too large, headers, numbers for a monitor, and a line in the log.
//!
//! Not kept, although the shop keeps it: deadlines, a limit of what is served at a time, rates, traces.

/// Who may call, by what he sends.
mod callers;
/// Lines of the log.
mod line;
/// Numbers for a monitor.
mod numbers;
/// Instants as text.
mod time;

use std::time::Instant;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};
use uuid::Uuid;

pub use callers::{BUYER, Callers, token_of};
pub use line::log;
use numbers::NUMBERS;
pub use time::text;

/// What browsers are told about every answer of the public door.
const PUBLIC: [(&str, &str); 6] = [
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("content-security-policy", "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"),
];

/// Bytes of a request's head at most, as in the shop.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// A request that is being served.
pub struct Duty<'a> {
    request: &'a HttpRequest,
    is_too_large: bool,
    began: Instant,
    pub request_id: String,
}

impl<'a> Duty<'a> {
    /// Takes the id that the request came with, or gives it one.
    pub fn of(request: &'a HttpRequest) -> Duty<'a> {
        let began = Instant::now();
        NUMBERS.begun();
        let given = header(request, "x-request-id").map(str::to_owned);
        let is_too_large = head_bytes(request) > MAX_HEAD_BYTES;
        Duty { request, is_too_large, began, request_id: given.unwrap_or_else(fresh_id) }
    }

    /// The answer of a service that only the shop's own services ask.
    pub fn done(self, mut answer: HttpResponse) -> HttpResponse {
        if self.is_too_large {
            answer = HttpResponse::RequestHeaderFieldsTooLarge().finish();
        }
        let elapsed = self.began.elapsed();
        NUMBERS.answered(elapsed);
        let headers = answer.headers_mut();
        set(headers, "x-request-id", &self.request_id);
        set_fixed(headers, "x-content-type-options", "nosniff");
        set(headers, "x-process-time", &format!("{}.{:06}", elapsed.as_secs(), elapsed.subsec_micros()));
        line::answered(self.request, answer.status().as_u16(), elapsed, &self.request_id);
        answer
    }

    /// The answer of the public door.
    pub fn done_in_public(self, mut answer: HttpResponse) -> HttpResponse {
        for (name, value) in PUBLIC {
            set_fixed(answer.headers_mut(), name, value);
        }
        self.done(answer)
    }
}

fn head_bytes(request: &HttpRequest) -> usize {
    let headers = request.headers().iter();
    request.path().len() + headers.map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}

/// A UUID of version 7, so that later ones sort behind earlier ones.
pub fn fresh_id() -> String {
    Uuid::now_v7().to_string()
}

/// A header of a request that is text.
pub fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Sets a header; what is no header's value is left out.
pub fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn set_fixed(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
}
