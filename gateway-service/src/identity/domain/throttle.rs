//! Guessing is slowed down; nobody is locked out by a stranger.
//!
//! Three sliding counters of wrong passwords decide, none of which a stranger elsewhere can turn against the owner:
//! per account *and* network a growing pause, per network a ceiling, per account from everywhere a short wait before the
//! password is looked at. Keys are hashes and the tables are bounded, so that no flood of names fills the memory.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hash},
};

use shared_types::Timestamp;

use super::origin::Network;

/// Wrong passwords for one account from one network that cost nothing yet.
pub const FREE_TRIES: u64 = 5;
/// The longest pause between two tries for one account from one network.
pub const MAX_PAUSE_MS: i64 = 300_000;
/// Wrong passwords from one network in [`WINDOW_MS`] at most, whatever the accounts.
pub const MAX_NETWORK_TRIES: u64 = 200;
/// Wrong passwords for one account, from anywhere, that cost nothing yet.
pub const FREE_ACCOUNT_TRIES: u64 = 20;
/// The longest wait for the owner of an account that strangers are guessing at.
pub const MAX_HOLD_MS: u64 = 3_000;
/// Accounts that one network opens in [`WINDOW_MS`] at most.
pub const MAX_REGISTRATIONS: u64 = 1_000;
/// Reset messages that one network asks for in [`WINDOW_MS`] at most.
pub const MAX_RESETS: u64 = 60;
/// Wrong passwords are forgotten after this long.
pub const WINDOW_MS: i64 = 900_000;
/// Keys that one counter remembers at most; beyond, an old one is forgotten.
pub const MAX_KEYS: usize = 65_536;

/// What happens to a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is looked at after this wait; 0 for almost everybody.
    After { hold_ms: u64 },
    /// It is not looked at. Tries in between do not make the pause longer.
    Refused { retry_after_ms: i64 },
}

/// Wrong passwords by key.
#[derive(Default)]
pub struct Throttle {
    hasher: RandomState,
    pairs: Counter,
    networks: Counter,
    accounts: Counter,
}

impl Throttle {
    /// Whether a password for `account` from `network` is looked at now.
    pub fn ask(&self, account: &str, network: Network, now: Timestamp) -> Verdict {
        let pair = self.pairs.get(self.key((account, network)));
        let here = self.networks.get(self.key(network));
        let pause_ms = if pair.count(now) < FREE_TRIES { 0 } else { growing_ms(pair.count(now) - FREE_TRIES) };
        let until = pair.last.plus_ms(pause_ms);
        if here.count(now) >= MAX_NETWORK_TRIES {
            return Verdict::Refused { retry_after_ms: WINDOW_MS / 4 };
        }
        if pause_ms > 0 && until > now {
            return Verdict::Refused { retry_after_ms: (until.micros() - now.micros()) / 1_000 + 1 };
        }
        let elsewhere = self.accounts.get(self.key(account)).count(now).saturating_sub(FREE_ACCOUNT_TRIES);
        Verdict::After { hold_ms: elsewhere.saturating_mul(100).min(MAX_HOLD_MS) }
    }

    /// The password was wrong, or there is no such account.
    pub fn failed(&mut self, account: &str, network: Network, now: Timestamp) {
        let (pair, here, whole) = (self.key((account, network)), self.key(network), self.key(account));
        self.pairs.add(pair, now);
        self.networks.add(here, now);
        self.accounts.add(whole, now);
    }

    /// The password was right: this network belongs to the owner, and its slips are forgotten.
    pub fn succeeded(&mut self, account: &str, network: Network) {
        let pair = self.key((account, network));
        self.pairs.windows.remove(&pair);
    }

    fn key(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }
}

/// So many requests of one kind from one network in a sliding window.
pub struct Quota {
    at_most: u64,
    hasher: RandomState,
    requests: Counter,
}

impl Quota {
    pub fn new(at_most: u64) -> Quota {
        Quota { at_most, hasher: RandomState::new(), requests: Counter::default() }
    }

    /// Counts a request, if there is room for it.
    pub fn take(&mut self, network: Network, now: Timestamp) -> bool {
        let key = self.hasher.hash_one(network);
        let room = self.requests.get(key).count(now) < self.at_most;
        if room {
            self.requests.add(key, now);
        }
        room
    }
}

/// 1 s, 2 s, 4 s and so on, up to the longest pause.
fn growing_ms(beyond: u64) -> i64 {
    1_000_i64.saturating_mul(1 << beyond.min(20)).min(MAX_PAUSE_MS)
}

#[derive(Default)]
struct Counter {
    windows: HashMap<u64, Window>,
}

/// A sliding count in two numbers: this window's, and the share of the one before that the sliding window still covers.
#[derive(Clone, Copy)]
struct Window {
    began: Timestamp,
    current: u64,
    before: u64,
    last: Timestamp,
}

impl Window {
    const NONE: Window = {
        let long_ago = Timestamp::from_micros(0);
        Window { began: long_ago, current: 0, before: 0, last: long_ago }
    };

    fn at(self, now: Timestamp) -> Window {
        let age_ms = (now.micros() - self.began.micros()) / 1_000;
        match age_ms / WINDOW_MS {
            0 => self,
            1 => Window { began: self.began.plus_ms(WINDOW_MS), before: self.current, current: 0, ..self },
            _ => Window { began: now, before: 0, current: 0, ..self },
        }
    }

    fn count(self, now: Timestamp) -> u64 {
        let window = self.at(now);
        let left_ms = (WINDOW_MS - (now.micros() - window.began.micros()) / 1_000).clamp(0, WINDOW_MS);
        let share = window.before * u64::try_from(left_ms).unwrap_or(0) / WINDOW_MS.unsigned_abs();
        window.current + share
    }
}

impl Counter {
    fn get(&self, key: u64) -> Window {
        self.windows.get(&key).copied().unwrap_or(Window::NONE)
    }

    fn add(&mut self, key: u64, now: Timestamp) {
        if self.windows.len() >= MAX_KEYS && !self.windows.contains_key(&key) {
            self.make_room(now);
        }
        let window = self.get(key).at(now);
        self.windows.insert(key, Window { current: window.current + 1, last: now, ..window });
    }

    /// Forgets what no longer counts; where everything counts, every other key.
    fn make_room(&mut self, now: Timestamp) {
        self.windows.retain(|_, window| window.count(now) > 0);
        if self.windows.len() >= MAX_KEYS {
            let mut keep = false;
            self.windows.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::domain::Origin;

    const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

    fn network(text: &str) -> Network {
        Origin(text.parse().expect("an address")).network()
    }

    fn fail(throttle: &mut Throttle, account: &str, from: Network, times: usize) {
        (0..times).for_each(|_| throttle.failed(account, from, NOW));
    }

    #[test]
    fn guesses_pause_longer_and_longer_and_slips_are_forgotten() {
        let (mut throttle, here) = (Throttle::default(), network("192.0.2.1"));
        fail(&mut throttle, "ana", here, 4);
        assert_eq!(throttle.ask("ana", here, NOW), Verdict::After { hold_ms: 0 });
        fail(&mut throttle, "ana", here, 1);
        assert_eq!(throttle.ask("ana", here, NOW), Verdict::Refused { retry_after_ms: 1_001 });
        assert_eq!(throttle.ask("ana", here, NOW.plus_ms(1_000)), Verdict::After { hold_ms: 0 });
        fail(&mut throttle, "ana", here, 3);
        assert_eq!(throttle.ask("ana", here, NOW), Verdict::Refused { retry_after_ms: 8_001 });
        fail(&mut throttle, "ana", here, 20);
        assert_eq!(throttle.ask("ana", here, NOW), Verdict::Refused { retry_after_ms: MAX_PAUSE_MS + 1 });
        assert_eq!(throttle.ask("ana", here, NOW.plus_ms(2 * WINDOW_MS)), Verdict::After { hold_ms: 0 });
        fail(&mut throttle, "ben", here, 5);
        throttle.succeeded("ben", here);
        assert_eq!(throttle.ask("ben", here, NOW), Verdict::After { hold_ms: 0 });
    }

    #[test]
    fn a_stranger_elsewhere_never_locks_the_owner_out() {
        let (mut throttle, home) = (Throttle::default(), network("192.0.2.1"));
        for host in 0..250 {
            fail(&mut throttle, "ana", network(&format!("198.51.100.{host}")), 10);
        }
        assert_eq!(throttle.ask("ana", home, NOW), Verdict::After { hold_ms: MAX_HOLD_MS });
        assert_eq!(throttle.ask("ben", home, NOW), Verdict::After { hold_ms: 0 });
    }

    #[test]
    fn one_network_does_not_try_every_account() {
        let (mut throttle, here) = (Throttle::default(), network("192.0.2.1"));
        for account in 0..MAX_NETWORK_TRIES {
            fail(&mut throttle, &format!("account {account}"), here, 1);
        }
        assert!(matches!(throttle.ask("ana", here, NOW), Verdict::Refused { .. }));
        assert_eq!(throttle.ask("ana", network("192.0.2.2"), NOW), Verdict::After { hold_ms: 0 });
        // The window slides: half of it later, half of the tries still count.
        let later = NOW.plus_ms(WINDOW_MS + WINDOW_MS / 2);
        assert_eq!(throttle.networks.get(throttle.key(here)).count(later), MAX_NETWORK_TRIES / 2);
    }

    #[test]
    fn a_quota_is_per_network_and_comes_back() {
        let mut quota = Quota::new(2);
        let (here, there) = (network("192.0.2.1"), network("192.0.2.2"));
        assert!(quota.take(here, NOW) && quota.take(here, NOW) && !quota.take(here, NOW));
        assert!(quota.take(there, NOW));
        assert!(quota.take(here, NOW.plus_ms(2 * WINDOW_MS)));
    }

    #[test]
    fn a_flood_of_names_does_not_fill_the_memory() {
        let (mut throttle, here) = (Throttle::default(), network("192.0.2.1"));
        for account in 0..3 * MAX_KEYS {
            throttle.failed(&account.to_string(), here, NOW);
        }
        assert!(throttle.pairs.windows.len() <= MAX_KEYS && throttle.accounts.windows.len() <= MAX_KEYS);
    }
}
