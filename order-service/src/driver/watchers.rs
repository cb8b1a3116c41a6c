use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shared_types::OrderId;
use tokio::sync::watch;

use crate::store::Stored;

/// The moves that were told of since somebody began to wait. An order makes few while anybody waits for it.
type Moves = Vec<Arc<Stored>>;
type Sender = watch::Sender<Moves>;

/// Who waits for which order in this process. A hint: whoever misses it looks at the row.
#[derive(Default)]
pub(super) struct Watchers(Mutex<HashMap<OrderId, Sender>>);

/// The moves of one order that this process makes from now on.
pub struct Watch {
    id: OrderId,
    told: watch::Receiver<Moves>,
    /// How many of them were looked at.
    seen: usize,
    watchers: Arc<Watchers>,
}

impl Watchers {
    pub(super) fn watch(self: &Arc<Self>, id: OrderId) -> Watch {
        let told = self.lock().entry(id).or_insert_with(|| watch::channel(Moves::new()).0).subscribe();
        let seen = told.borrow().len();
        Watch { id, told, seen, watchers: Arc::clone(self) }
    }

    pub(super) fn tell(&self, stored: &Stored) {
        if let Some(sender) = self.lock().get(&stored.order.id) {
            sender.send_modify(|moves| moves.push(Arc::new(stored.clone())));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OrderId, Sender>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// The order after its next move, none left out: the move that answers a request may be followed by others at once. For
    /// ever, if there is none.
    pub(super) async fn moved(&mut self) -> Stored {
        loop {
            let next = self.told.borrow_and_update().get(self.seen).cloned();
            if let Some(stored) = next {
                self.seen += 1;
                return Stored::clone(&stored);
            }
            if self.told.changed().await.is_err() {
                std::future::pending::<()>().await;
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
