use std::time::{Duration, Instant};

use crate::storms::is_long;

/// Reached only by a bug. In the long run services are asleep for longer than a minute, and orders with them.
fn deadline() -> Duration {
    Duration::from_secs(if is_long() { 240 } else { 60 })
}

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// As `service_kit::testing::eventually_some`, for tasks that move between threads: the compiler cannot show that an
/// async closure may.
pub async fn patiently<T, F: Future<Output = Option<T>>>(what: &str, find: impl Fn() -> F) -> T {
    let began = Instant::now();
    let mut polls = tokio::time::interval(POLL_INTERVAL);
    polls.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        polls.tick().await;
        if let Some(found) = find().await {
            return found;
        }
        assert!(began.elapsed() < deadline(), "never came true: {what}");
    }
}
