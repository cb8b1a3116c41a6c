use rand::RngExt;

use crate::config::Pace;

/// Milliseconds until the next attempt after so many without an answer: doubling up to the longest, each shortened at
/// random by up to a half, so that many who failed together do not return together.
pub(super) fn after(attempts: i64, pace: &Pace) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 30)).unwrap_or(0);
    let longest_ms = pace.longest_pause_ms.max(1);
    let pause_ms = pace.first_pause_ms.saturating_mul(1 << doublings).clamp(1, longest_ms);
    rand::rng().random_range((pause_ms + 1) / 2..=pause_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pace = Pace::default();
        for (attempts, longest_ms) in [(0, 200), (1, 400), (4, 3_200), (5, 5_000), (i64::MAX, 5_000)] {
            for _ in 0..100 {
                let pause_ms = after(attempts, &pace);
                assert!((longest_ms / 2..=longest_ms).contains(&pause_ms), "{attempts}: {pause_ms}");
            }
        }
    }
}
