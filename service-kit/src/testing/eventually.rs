//! Waiting on conditions, never on time. This is the only place where a test sleeps.

use std::time::{Duration, Instant};

/// How long a condition may take before the test fails. Generous: it is reached only by a bug.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Returns once `condition` holds; panics with `what` when it never does.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut condition: F) {
    eventually_some(what, async || condition().await.then_some(())).await;
}

/// Returns what `find` finds; panics with `what` when it never does.
#[expect(clippy::disallowed_methods, reason = "the one place where a test sleeps, between two looks")]
pub async fn eventually_some<T, F: AsyncFnMut() -> Option<T>>(what: &str, mut find: F) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = find().await {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "never came true: {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
