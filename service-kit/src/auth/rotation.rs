//! When signing keys come and go. Pure: decided from the instant and the keys there are.
//!
//! A key is published before it signs, and stays published until the last token it signed has expired. So a verifier
//! that asks for the keys now and then never meets a good token whose key it does not know.

use shared_types::Timestamp;

use super::token::{LEEWAY_S, MAX_TOKEN_LIFETIME_S};

/// A key signs for this long.
pub const SIGNS_FOR_S: i64 = 7 * 24 * 60 * 60;
/// A key is published this long before it signs: longer than any verifier keeps a key set.
pub const PUBLISHED_AHEAD_S: i64 = 24 * 60 * 60;
/// Clocks of two replicas differ by less.
const SKEW_S: i64 = 5 * 60;
/// A key that signs no more stays published for this long.
pub const PUBLISHED_AFTER_S: i64 = MAX_TOKEN_LIFETIME_S + LEEWAY_S + SKEW_S;

/// The times of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Counted up: the number of the rotation that made the key.
    pub generation: i64,
    /// Signs from this instant on,
    pub activates: Timestamp,
    /// and no more from this one on.
    pub retires: Timestamp,
}

impl Span {
    pub const fn signs_at(&self, now: Timestamp) -> bool {
        self.activates.micros() <= now.micros() && now.micros() < self.retires.micros()
    }

    /// Whether tokens of this key may still be about.
    pub const fn is_published_at(&self, now: Timestamp) -> bool {
        now.micros() < self.retires.plus_ms(PUBLISHED_AFTER_S * 1_000).micros()
    }
}

/// What is to be done about the keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The key to make.
    pub create: Option<Span>,
    /// Generations whose keys can be forgotten.
    pub forget: Vec<i64>,
}

/// What is to be done about these keys now. Two replicas that ask about the same keys are told to make the same
/// generation, of which the database keeps one.
pub fn rotate(now: Timestamp, keys: &[Span]) -> Plan {
    let last = keys.iter().max_by_key(|key| key.generation);
    let generation = last.map_or(1, |key| key.generation + 1);
    let activates = match last {
        Some(key) if now.plus_ms(PUBLISHED_AHEAD_S * 1_000) < key.retires => None,
        Some(key) if now < key.retires => Some(key.retires),
        // The first key, or the first after a long sleep: nothing was signed meanwhile that it could come too late for.
        // Backdated, so that a replica whose clock is behind can sign with it.
        Some(_) | None => Some(now.plus_ms(-SKEW_S * 1_000)),
    };
    let create = activates.map(|activates| {
        let retires = activates.plus_ms(SIGNS_FOR_S * 1_000);
        Span { generation, activates, retires }
    });
    let forget = keys.iter().filter(|key| !key.is_published_at(now)).map(|key| key.generation).collect();
    Plan { create, forget }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the rotation every `step_s` for a month and tells each moment's keys.
    fn month(step_s: i64, mut see: impl FnMut(Timestamp, &[Span])) {
        let mut keys: Vec<Span> = Vec::new();
        for step in 0..(31 * 24 * 60 * 60 / step_s) {
            let now = Timestamp::from_micros(1_800_000_000_000_000).plus_ms(step * step_s * 1_000);
            let plan = rotate(now, &keys);
            keys.extend(plan.create);
            keys.retain(|key| !plan.forget.contains(&key.generation));
            see(now, &keys);
        }
    }

    #[test]
    fn at_every_moment_exactly_one_key_signs() {
        month(60, |now, keys| {
            let signing = keys.iter().filter(|key| key.signs_at(now)).count();
            assert_eq!(signing, 1, "at {now}: {keys:?}");
            assert!(keys.len() <= 3);
        });
    }

    #[test]
    fn a_key_is_published_a_day_before_it_signs_and_until_its_last_token_has_expired() {
        let mut first_seen = std::collections::BTreeMap::new();
        let mut last_signed = std::collections::BTreeMap::new();
        month(60, |now, keys| {
            for key in keys {
                let seen = *first_seen.entry(key.generation).or_insert(now);
                if key.signs_at(now) {
                    last_signed.insert(key.generation, now);
                    let ahead_us = now.micros() - seen.micros();
                    assert!(key.generation == 1 || ahead_us >= (PUBLISHED_AHEAD_S - 60) * 1_000_000, "{key:?}");
                }
            }
            for (generation, signed) in &last_signed {
                let alive = now < signed.plus_ms((MAX_TOKEN_LIFETIME_S + LEEWAY_S) * 1_000);
                assert!(!alive || keys.iter().any(|key| key.generation == *generation), "{generation} at {now}");
            }
        });
        assert_eq!(last_signed.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn after_a_long_sleep_a_new_key_signs_at_once() {
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let old = rotate(start, &[]).create.expect("the first key");
        let now = start.plus_ms(90 * 24 * 60 * 60 * 1_000);
        let plan = rotate(now, &[old]);
        assert_eq!(plan.forget, [1]);
        let new = plan.create.expect("a new key");
        assert!(new.generation == 2 && new.signs_at(now));
    }
}
