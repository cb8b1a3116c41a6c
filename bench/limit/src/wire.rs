use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Copies of every book: more than any run sells.
pub const COPIES: i64 = 10_000_000;

/// A purchase as it is sent to the shop. What does not decide about copies is not read.
#[derive(Deserialize)]
pub struct Checkout {
    pub lines: Vec<Line>,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
pub struct Line {
    pub book_id: i64,
    pub quantity: i64,
}

/// Which order takes which copies.
#[derive(Serialize, Deserialize)]
pub struct Taking {
    pub order_id: i64,
    pub lines: Vec<Line>,
}

/// Whether the copies were there.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub struct Taken {
    pub taken: bool,
}

#[derive(Serialize)]
pub struct Order {
    pub id: i64,
    pub state: &'static str,
}

/// Orders are counted.
pub fn next_order() -> i64 {
    static ORDERS: AtomicU64 = AtomicU64::new(1);
    i64::try_from(ORDERS.fetch_add(1, Ordering::Relaxed)).unwrap_or(i64::MAX)
}

/// Microseconds UTC.
#[expect(clippy::disallowed_methods, reason = "nothing here depends on what the clock says")]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Cents as an amount.
pub fn amount(minor: i64) -> Box<RawValue> {
    RawValue::from_string(format!("{}.{:02}", minor / 100, minor % 100)).unwrap_or_default()
}
