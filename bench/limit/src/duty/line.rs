use std::{
    io::{Write, stderr},
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
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

/// Lines that wait for others, to go out together as the shop's do.
static WAITING: Mutex<Vec<u8>> = Mutex::new(Vec::new());
/// For so long, at most.
const LINE_WAITS: Duration = Duration::from_millis(5);

/// Writes one line to standard error, in a moment.
pub fn log(line: &impl Serialize) {
    static WRITING: Once = Once::new();
    WRITING.call_once(|| drop(thread::spawn(write_now_and_then)));
    let mut bytes = Vec::with_capacity(LINE_BYTES);
    if serde_json::to_writer(&mut bytes, line).is_ok() {
        bytes.push(b'\n');
        waiting().extend_from_slice(&bytes);
    }
}

#[expect(clippy::disallowed_methods, reason = "lines that come together are waited for")]
fn write_now_and_then() {
    let mut lines = Vec::new();
    loop {
        thread::sleep(LINE_WAITS);
        std::mem::swap(&mut lines, &mut waiting());
        // A log that nobody can write to ends no request.
        stderr().write_all(&lines).ok();
        lines.clear();
    }
}

fn waiting() -> MutexGuard<'static, Vec<u8>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
