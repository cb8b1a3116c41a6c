use std::time::{Duration, Instant};

/// Reached only by a bug: longer than a purchase waits while services are asleep for a minute, or while a busy machine starts
/// all of them again and again.
const DEADLINE: Duration = Duration::from_secs(240);
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
        assert!(began.elapsed() < DEADLINE, "never came true: {what}");
    }
}
