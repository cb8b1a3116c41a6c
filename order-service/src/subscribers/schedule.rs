/// Pauses after the first, second, … attempt that was not acknowledged, in seconds: 5 s, 1 and 5 minutes, half an hour,
/// then hours, a day in all.
const PAUSES_S: [i64; 9] = [5, 60, 300, 1_800, 7_200, 14_400, 18_000, 21_600, 22_800];

/// How long to wait after so many attempts, in milliseconds. `None`: it was tried for a day.
pub(super) fn pause_ms(tries: i64, second_ms: i64) -> Option<i64> {
    let at = usize::try_from(tries.checked_sub(1)?).ok()?;
    PAUSES_S.get(at).map(|seconds| seconds * second_ms)
}

/// The longest of them.
pub(super) fn longest_pause_ms(second_ms: i64) -> i64 {
    PAUSES_S.iter().max().map_or(0, |seconds| seconds * second_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_for_a_day_and_less_and_less_often() {
        let pauses: Vec<i64> = (1..).map_while(|tries| pause_ms(tries, 1_000)).collect();
        assert!(pauses.is_sorted(), "{pauses:?}");
        let day_ms = 24 * 3_600 * 1_000;
        let total: i64 = pauses.iter().sum();
        assert!((day_ms - 600_000..=day_ms + 600_000).contains(&total), "{total}");
        assert_eq!((pause_ms(0, 1_000), pause_ms(10, 1_000)), (None, None));
    }
}
