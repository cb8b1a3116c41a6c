//! So many requests a second (GCRA, by `governor`), counted for each address and for each caller, in a table of a fixed
//! size: a flood of addresses fills no memory, and there is nothing to clean up. Gateways that share a Redis count there
//! what each of them would let in, so the rate is that of all of them together; while it does not answer, it is that of
//! each.
//!
//! Two keys that meet in one place of the table share its rate. Who shares is random and different in each process, so
//! nobody can choose his neighbour.

use std::{
    fmt::Debug,
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};
use service_kit::auth::{Caller, Who};
use sha2::{Digest, Sha256};
use shared_types::{AccountId, Code, Problem};

use crate::{identity::domain::Origin, shared::Shared};

/// Requests a second from one address where nothing else is configured: more than a person, a shop's own network or an
/// honest program sends, and less than this server answers.
pub const DEFAULT_PER_ADDRESS: u32 = 20_000;
/// Requests a second of one caller, wherever he calls from.
pub const DEFAULT_PER_CALLER: u32 = 10_000;
/// Who was quiet may send so many seconds' worth at once.
pub const BURST_S: u32 = 2;
/// Places in a table, eight bytes each.
const PLACES: usize = 65_536;

/// How often one address and one caller may ask.
#[derive(Debug, Clone, clap::Args)]
pub struct RateConfig {
    /// Requests a second that one address may send (of IPv6, one /64); 0: as many as it likes.
    #[arg(long, env = "LASTCOPY_RATE_PER_ADDRESS", default_value_t = DEFAULT_PER_ADDRESS)]
    pub rate_per_address: u32,
    /// Requests a second that one account, guest, API key or application may send; 0: as many as it likes.
    #[arg(long, env = "LASTCOPY_RATE_PER_CALLER", default_value_t = DEFAULT_PER_CALLER)]
    pub rate_per_caller: u32,
}

impl Default for RateConfig {
    fn default() -> Self {
        RateConfig { rate_per_address: DEFAULT_PER_ADDRESS, rate_per_caller: DEFAULT_PER_CALLER }
    }
}

pub(super) struct Rates {
    by_address: Option<Limiter<MonotonicClock>>,
    by_caller: Option<Limiter<MonotonicClock>>,
    shared: Option<Arc<Shared>>,
}

impl Rates {
    pub(super) fn new(config: &RateConfig, shared: Option<Arc<Shared>>) -> Rates {
        let limiter = |rate: u32| NonZeroU32::new(rate).map(|rate| Limiter::new(rate, MonotonicClock));
        Rates { by_address: limiter(config.rate_per_address), by_caller: limiter(config.rate_per_caller), shared }
    }

    /// Counts a request from this address, or says when the next one is let in.
    pub(super) async fn take_address(&self, origin: Origin) -> Result<(), Problem> {
        self.take(&self.by_address, &origin.network(), "from your address").await
    }

    /// Counts a request of this caller. Nobody is no caller: only his address counts.
    pub(super) async fn take_caller(&self, caller: &Caller) -> Result<(), Problem> {
        if *caller == Caller::anonymous() {
            return Ok(());
        }
        let counted = caller.who.account().map_or(Counted::Who(&caller.who), Counted::Account);
        self.take(&self.by_caller, &counted, "of yours").await
    }

    /// What this gateway alone would refuse does not reach Redis.
    async fn take<K: Hash + Debug>(
        &self,
        limiter: &Option<Limiter<MonotonicClock>>,
        key: &K,
        whose: &str,
    ) -> Result<(), Problem> {
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.take(key, whose)?;
        let Some(shared) = &self.shared else { return Ok(()) };
        let digest: String =
            Sha256::digest(format!("{whose} {key:?}")).iter().map(|byte| format!("{byte:02x}")).collect();
        match shared.take(&digest, limiter.rate.get(), BURST_S).await {
            Some(Err(wait)) => Err(too_many(wait, whose)),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

/// Whose requests are counted together. A promotion does not change who somebody is.
#[derive(Debug, Hash)]
enum Counted<'a> {
    Account(AccountId),
    Who(&'a Who),
}

fn too_many(wait: Duration, whose: &str) -> Problem {
    let seconds = i64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX).max(1);
    Problem::new(Code::TooManyRequests, format!("too many requests {whose}")).retry_after_s(seconds)
}

/// Probes of a load balancer are not counted.
pub(super) fn is_probe(path: &str) -> bool {
    path.starts_with("/health/") || path.starts_with("/api/v1/health/")
}

struct Limiter<C: Clock> {
    rate: NonZeroU32,
    governor: RateLimiter<usize, Table, C, NoOpMiddleware<C::Instant>>,
    hasher: RandomState,
}

/// One place for each key that hashes to it.
struct Table(Vec<InMemoryState>);

impl StateStore for Table {
    type Key = usize;

    fn measure_and_replace<T, F, E>(&self, key: &usize, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0[key % PLACES].measure_and_replace(&NotKeyed::NonKey, f)
    }
}

impl<C: Clock> Limiter<C> {
    fn new(rate: NonZeroU32, clock: C) -> Limiter<C> {
        let burst = NonZeroU32::new(BURST_S).map_or(rate, |seconds| rate.saturating_mul(seconds));
        let quota = Quota::per_second(rate).allow_burst(burst);
        let table = Table((0..PLACES).map(|_| InMemoryState::default()).collect());
        Limiter { rate, governor: RateLimiter::new(quota, table, clock), hasher: RandomState::new() }
    }

    fn take(&self, key: impl Hash, whose: &str) -> Result<(), Problem> {
        let place = usize::try_from(self.hasher.hash_one(key) % PLACES as u64).unwrap_or(0);
        self.governor
            .check_key(&place)
            .map_err(|wait: NotUntil<C::Instant>| too_many(wait.wait_time_from(self.governor.clock().now()), whose))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limiter(rate: u32) -> (Limiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limiter::new(NonZeroU32::new(rate).expect("a rate"), clock.clone()), clock)
    }

    fn taken(limiter: &Limiter<FakeRelativeClock>, key: &str, times: usize) -> usize {
        (0..times).filter(|_| limiter.take(key, "of yours").is_ok()).count()
    }

    #[test]
    fn a_burst_is_let_in_then_so_many_a_second_and_a_neighbour_pays_for_nobody() {
        let (limiter, clock) = limiter(10);
        assert_eq!(taken(&limiter, "ana", 100), 20);
        assert_eq!(taken(&limiter, "ben", 100), 20);
        clock.advance(Duration::from_secs(1));
        assert_eq!(taken(&limiter, "ana", 100), 10);
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(taken(&limiter, "ana", 100), 20, "who was quiet for an hour has no hour's worth");
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let (limiter, clock) = limiter(1);
        assert_eq!(taken(&limiter, "ana", 3), 2);
        let refused = limiter.take("ana", "of yours").expect_err("too many");
        assert_eq!((refused.status, refused.retry_after_s), (429, Some(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(taken(&limiter, "ana", 2), 1);
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_memory() {
        let (limiter, _) = limiter(1);
        (0..3 * PLACES).for_each(|address| drop(limiter.take(address, "from your address")));
        assert_eq!(limiter.governor.into_state_store().0.len(), PLACES);
    }
}
