//! What a commit wakes. A bell that rings is a hint: whoever missed it looks from time to time.

use tokio::sync::watch;

use crate::faults;

/// What waits to be carried out once it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bell {
    /// Events for other services: the relays'.
    Events,
    /// Rows that fall due for a worker of this service.
    Due,
}

/// The committing side.
pub(super) struct Bells {
    events: watch::Sender<u64>,
    due: watch::Sender<u64>,
}

/// The waking side. Clones hear the same bells.
#[derive(Clone)]
pub(super) struct Listeners {
    events: watch::Receiver<u64>,
    due: watch::Receiver<u64>,
}

/// Which bells a transaction rings once it has committed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rung {
    events: bool,
    due: bool,
}

pub(super) fn hang() -> (Bells, Listeners) {
    let ((events, events_rung), (due, due_rung)) = (watch::channel(0), watch::channel(0));
    (Bells { events, due }, Listeners { events: events_rung, due: due_rung })
}

impl Bells {
    /// However many transactions of one commit rang a bell, it rings once.
    pub(super) fn ring(&self, rung: Rung) {
        // Sabotage: a commit wakes nobody.
        if faults::sabotaged("silent_bells") {
            return;
        }
        for (bell, is_rung) in [(&self.events, rung.events), (&self.due, rung.due)] {
            if is_rung {
                bell.send_modify(|count| *count = count.wrapping_add(1));
            }
        }
    }
}

impl Listeners {
    pub(super) fn of(&self, bell: Bell) -> watch::Receiver<u64> {
        match bell {
            Bell::Events => self.events.clone(),
            Bell::Due => self.due.clone(),
        }
    }
}

impl Rung {
    pub(super) fn add(&mut self, bell: Bell) {
        match bell {
            Bell::Events => self.events = true,
            Bell::Due => self.due = true,
        }
    }

    pub(super) fn join(&mut self, others: Rung) {
        self.events |= others.events;
        self.due |= others.due;
    }
}
