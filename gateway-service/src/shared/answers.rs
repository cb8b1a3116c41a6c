//! Answers of the catalog, kept for all gateways. Each script is one step to Redis: nothing fits between its look and its
//! change.
//!
//! It is decision 11 with one count for all gateways. All marks are fields of one key, so they are lost together or not at
//! all; and they have an epoch, which is new whenever they were lost, so that nothing from before is taken for newer
//! than what was dropped since.

use std::{sync::LazyLock, time::Duration};

use redis::Script;
use uuid::Uuid;

use super::{Purpose, Shared};

/// The count of all drops, its epoch, and for each mark the count of its last drop.
const MARKS: &str = "lastcopy:marks";
/// Before the digest under which an answer is kept.
const ANSWER: &str = "lastcopy:answer:";

/// Whether nothing in the list was dropped since; and the epoch, made where there is none.
const PRELUDE: &str = r"
local function holds(marks, on, since)
  local names = {}
  for name in string.gmatch(on, '%S+') do names[#names + 1] = name end
  if #names == 0 then return true end
  for _, dropped in ipairs(redis.call('HMGET', marks, unpack(names))) do
    if dropped and tonumber(dropped) > tonumber(since) then return false end
  end
  return true
end
local function present(marks, fresh)
  local known = redis.call('HMGET', marks, 'epoch', 'now')
  if known[1] and known[2] then return known[1], known[2] end
  redis.call('DEL', marks)
  redis.call('HSET', marks, 'epoch', fresh, 'now', 0)
  return fresh, '0'
end
";

macro_rules! script {
    ($body:expr) => {
        LazyLock::new(|| Script::new(&format!("{PRELUDE}{}", $body)))
    };
}

/// KEYS: marks, answer. ARGV: a fresh epoch.
static LOOK: LazyLock<Script> = script!(
    r"
local epoch, now = present(KEYS[1], ARGV[1])
local kept = redis.call('HMGET', KEYS[2], 'epoch', 'since', 'on', 'answer')
local good = kept[1] == epoch and kept[4] and holds(KEYS[1], kept[3], kept[2])
return {epoch, tonumber(now), good and kept[4]}
"
);

/// KEYS: marks, answer. ARGV: epoch, since, on, answer, milliseconds.
static KEEP: LazyLock<Script> = script!(
    r"
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] or not holds(KEYS[1], ARGV[3], ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'since', ARGV[2], 'on', ARGV[3], 'answer', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1
"
);

/// KEYS: marks. ARGV: a fresh epoch, the marks.
static DROP: LazyLock<Script> = script!(
    r"
present(KEYS[1], ARGV[1])
local now = redis.call('HINCRBY', KEYS[1], 'now', 1)
for at = 2, #ARGV do redis.call('HSET', KEYS[1], ARGV[at], now) end
return now
"
);

/// KEYS: marks. ARGV: a fresh epoch.
static BEGIN: LazyLock<Script> = script!(
    r"
redis.call('DEL', KEYS[1])
return redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'now', 0)
"
);

/// A point in the order of all drops that any gateway has told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    epoch: String,
    count: i64,
}

/// What is kept under a digest.
#[derive(Debug)]
pub enum Found {
    Answer(Vec<u8>),
    /// Nothing that holds. Whatever is asked for from now on may be kept as known since this point.
    Nothing(Point),
}

impl Shared {
    /// Looks for an answer; `None` where Redis does not answer.
    pub async fn look(&self, digest: &str) -> Option<Found> {
        let mut call = LOOK.prepare_invoke();
        call.key(MARKS).key(format!("{ANSWER}{digest}")).arg(fresh());
        let (epoch, count, kept): (String, i64, Option<Vec<u8>>) = self.run(Purpose::Look, &call).await?;
        Some(kept.map_or(Found::Nothing(Point { epoch, count }), Found::Answer))
    }

    /// Keeps an answer that depends on these marks for so long, unless one of them was dropped since.
    pub async fn keep(&self, digest: &str, since: &Point, on: &[String], answer: &[u8], time: Duration) {
        let mut call = KEEP.prepare_invoke();
        call.key(MARKS).key(format!("{ANSWER}{digest}"));
        call.arg(&since.epoch).arg(since.count).arg(on.join(" ")).arg(answer);
        // None of a millisecond is kept for ever.
        call.arg(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1));
        // Kept or not: whoever asks next finds out.
        let _kept: Option<i64> = self.run(Purpose::Look, &call).await;
    }

    /// Whatever was asked for before this returns and depends on one of these marks no longer holds at any gateway.
    /// Should Redis not answer, this gateway leaves it alone until it has dropped everything.
    pub async fn drop_marks(&self, marks: &[String]) {
        let mut call = DROP.prepare_invoke();
        call.key(MARKS).arg(fresh()).arg(marks);
        let _count: Option<i64> = self.run(Purpose::Drop, &call).await;
    }

    /// Whatever was asked for before this returns no longer holds at any gateway. `None` where Redis does not answer.
    pub async fn begin(&self) -> Option<()> {
        let mut call = BEGIN.prepare_invoke();
        call.key(MARKS).arg(fresh());
        self.run::<i64>(Purpose::Drop, &call).await.map(drop)
    }
}

fn fresh() -> String {
    Uuid::new_v4().simple().to_string()
}
