use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shared_types::OrderId;
use tokio::sync::watch;

use crate::store::Stored;

type Sender = watch::Sender<Option<Arc<Stored>>>;

/// Who waits for which order in this process. A hint: whoever misses it looks at the row.
#[derive(Default)]
pub(super) struct Watchers(Mutex<HashMap<OrderId, Sender>>);

/// The moves of one order that this process makes from now on.
pub struct Watch {
    id: OrderId,
    told: watch::Receiver<Option<Arc<Stored>>>,
    watchers: Arc<Watchers>,
}

impl Watchers {
    pub(super) fn watch(self: &Arc<Self>, id: OrderId) -> Watch {
        let told = self.lock().entry(id).or_insert_with(|| watch::channel(None).0).subscribe();
        Watch { id, told, watchers: Arc::clone(self) }
    }

    pub(super) fn tell(&self, stored: &Stored) {
        if let Some(sender) = self.lock().get(&stored.order.id) {
            // Two drivers may tell in the wrong order; an older version is no news. Nor is what comes after the decision:
            // whoever waits is answered with the order as it was decided.
            sender.send_if_modified(|last| {
                let newer =
                    last.as_ref().is_none_or(|last| last.order.version < stored.order.version && !last.order.decided());
                if newer {
                    *last = Some(Arc::new(stored.clone()));
                }
                newer
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OrderId, Sender>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// The order after its next move; for ever, if there is none.
    pub(super) async fn moved(&mut self) -> Stored {
        loop {
            if self.told.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(stored) = self.told.borrow_and_update().as_deref() {
                return stored.clone();
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.watchers.lock();
        // The last one out: under the lock nobody can have joined meanwhile.
        if watched.get(&self.id).is_some_and(|sender| sender.receiver_count() <= 1) {
            watched.remove(&self.id);
        }
    }
}
