use std::time::{SystemTime, UNIX_EPOCH};

use shared_types::Timestamp;

/// The only place that reads the wall clock. Times are for people and for deadlines; no decision about copies or money
/// depends on them being right.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    offset_ms: i64,
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Clock { offset_ms: 0 }
    }

    /// A clock that is wrong by so many milliseconds, for tests.
    pub const fn shifted(offset_ms: i64) -> Self {
        Clock { offset_ms }
    }

    /// Now, to the microsecond.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp::from_micros(micros).plus_ms(self.offset_ms)
    }
}
