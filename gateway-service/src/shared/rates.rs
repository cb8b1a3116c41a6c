//! So many requests a second at all gateways together (GCRA), by the clock of Redis, which is one for all of them.

use std::{sync::LazyLock, time::Duration};

use redis::Script;

use super::{Purpose, Shared};

/// KEYS: whose. ARGV: requests a second, microseconds of a burst. How long to wait, in microseconds; 0: the
/// request is counted.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0)) + 1000000 / ARGV[1]
local wait = due - now - ARGV[2]
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.2f', due), 'PX', math.ceil((due - now) / 1000))
return 0
",
    )
});

/// Before the digest of whoever is counted.
const RATE: &str = "lastcopy:rate:";

impl Shared {
    /// Counts a request; or answers how long to wait for the next. `None` where Redis does not answer.
    pub async fn take(&self, digest: &str, per_second: u32, burst_s: u32) -> Option<Result<(), Duration>> {
        let mut call = TAKE.prepare_invoke();
        call.key(format!("{RATE}{digest}"));
        call.arg(per_second.max(1)).arg(u64::from(burst_s) * 1_000_000);
        let wait_us: u64 = self.run(Purpose::Look, &call).await?;
        Some(if wait_us == 0 { Ok(()) } else { Err(Duration::from_micros(wait_us)) })
    }
}
