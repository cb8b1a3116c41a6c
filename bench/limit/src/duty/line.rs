use std::{
    io::{Write, stderr},
    time::Duration,
};

use actix_web::HttpRequest;
use serde::Serialize;

use super::time::text;
use crate::wire::now;

/// Bytes of an ordinary line.
const LINE_BYTES: usize = 320;

/// What the shop's line of a request says, in its order.
#[derive(Serialize)]
struct Answered<'a> {
    timestamp: String,
    level: &'static str,
    message: &'static str,
    method: &'a str,
    path: &'a str,
    status: u16,
    elapsed_us: u128,
    target: &'static str,
    request_id: &'a str,
}

pub(super) fn answered(request: &HttpRequest, status: u16, elapsed: Duration, request_id: &str) {
    let elapsed_us = elapsed.as_micros();
    log(&Answered {
        timestamp: text(now()),
        level: "INFO",
        message: "answered",
        method: request.method().as_str(),
        path: request.path(),
        status,
        elapsed_us,
        target: "limit::duty",
        request_id,
    });
}

/// Writes one line to standard error, which nothing gathers: it is out before the next one.
pub fn log(line: &impl Serialize) {
    let mut bytes = Vec::with_capacity(LINE_BYTES);
    if serde_json::to_writer(&mut bytes, line).is_ok() {
        bytes.push(b'\n');
        // A log that nobody can write to ends no request.
        stderr().write_all(&bytes).ok();
    }
}
