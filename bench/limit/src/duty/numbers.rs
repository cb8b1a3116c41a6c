use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds of the shop's histogram, in microseconds; the last one has none.
const UPPER_US: [u128; 15] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    u128::MAX,
];

/// What a monitor reads about the requests of a process: how many there were, how long they took, how many are under way. The
/// shop has it for each route, method and status.
pub struct Numbers {
    under_way: AtomicU64,
    taken: [AtomicU64; UPPER_US.len()],
    total_us: AtomicU64,
}

/// The numbers of this process.
pub static NUMBERS: Numbers = Numbers {
    under_way: AtomicU64::new(0),
    taken: [const { AtomicU64::new(0) }; UPPER_US.len()],
    total_us: AtomicU64::new(0),
};

impl Numbers {
    pub fn begun(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    pub fn answered(&self, elapsed: Duration) {
        let micros = elapsed.as_micros();
        let bucket = UPPER_US.iter().position(|upper| micros <= *upper).unwrap_or(UPPER_US.len() - 1);
        self.taken[bucket].fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(u64::try_from(micros).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
