use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

/// Whether a service is about to stop.
#[derive(Debug, Clone, Default)]
pub(super) struct Draining {
    /// For whoever waits for it.
    token: CancellationToken,
    /// For whoever looks with each request: the token has a lock, at which all workers would meet.
    has_begun: Arc<AtomicBool>,
}

impl Draining {
    pub(super) fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
        self.token.cancel();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Cancelled when it begins.
    pub(super) fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}
