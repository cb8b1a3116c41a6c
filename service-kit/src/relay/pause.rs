//! Pauses that double up to a limit, each shortened at random, so that many who failed together do not return together.

use rand::RngExt;

use super::RelayOptions;

/// Milliseconds to wait after so many failures in a row.
pub(super) fn after(failures: i64, options: &RelayOptions) -> i64 {
    let doublings = u32::try_from(failures.saturating_sub(1).clamp(0, 30)).unwrap_or(0);
    let pause_ms = options.first_pause_ms.saturating_mul(1 << doublings).clamp(1, options.longest_pause_ms.max(1));
    rand::rng().random_range(pause_ms / 2..=pause_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_never_exceed_the_longest() {
        let options = RelayOptions { first_pause_ms: 200, longest_pause_ms: 5_000, ..RelayOptions::default() };
        for (failures, longest) in [(0, 200), (1, 200), (2, 400), (5, 3_200), (6, 5_000), (i64::MAX, 5_000)] {
            let pause = after(failures, &options);
            assert!((longest / 2..=longest).contains(&pause), "{failures}: {pause}");
        }
    }
}
