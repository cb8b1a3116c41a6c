use std::time::Duration;

use service_kit::{
    Clock,
    db::{Db, DbError, Engine},
    faults,
};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use super::schedule::pause_ms;
use crate::{
    clients::Subscribers,
    points::TELL,
    store::subscribers::{self, Attempted, Due, Next},
};

/// How the sender paces itself, in milliseconds.
#[derive(Debug, Clone)]
pub struct Pace {
    /// A subscriber has so long to answer.
    pub call_ms: u64,
    /// After this long a message whose sender never came back is sent again. Longer than a call.
    pub lease_ms: i64,
    /// How often to look without having been woken: other replicas wake nobody here.
    pub poll_ms: u64,
    /// What counts as a second in the schedule of attempts.
    pub second_ms: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { call_ms: 10_000, lease_ms: 30_000, poll_ms: 1_000, second_ms: 1_000 }
    }
}

/// Messages on their way at once at most.
const SEATS: i64 = 16;

struct Worker {
    db: Db,
    clock: Clock,
    subscribers: Subscribers,
    pace: Pace,
}

/// Sends what is due until the service stops; a call that is on its way then is waited for.
pub(super) async fn work(db: Db, clock: Clock, subscribers: Subscribers, pace: Pace, stopping: CancellationToken) {
    let worker = Worker { db, clock, subscribers, pace };
    worker.resume().await;
    let mut committed = worker.db.committed_events();
    while !stopping.is_cancelled() {
        committed.mark_unchanged();
        match worker.round().await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(%error, "the webhooks that are due cannot be read"),
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            // A closed channel wakes nobody; the time-out is the ordinary end of a pause.
            _ = timeout(Duration::from_millis(worker.pace.poll_ms), committed.changed()) => {}
        }
    }
}

impl Worker {
    /// An SQLite file has one process: what was being sent at its start was sent by one that is dead, and is due.
    async fn resume(&self) {
        if self.db.engine() != Engine::Sqlite {
            return;
        }
        let (now, lease_ms) = (self.clock.now(), self.pace.lease_ms);
        if let Err(error) = self.db.write(move |tx| subscribers::end_leases(tx, now, lease_ms)).await {
            tracing::error!(%error, "webhooks that were being sent wait for their leases");
        }
    }

    /// Sends what is due now; says how much that was.
    async fn round(&self) -> Result<usize, DbError> {
        let now = self.clock.now();
        if !self.db.read(move |tx| subscribers::is_any_due(tx, now)).await? {
            return Ok(0);
        }
        let until = now.plus_ms(self.pace.lease_ms);
        let claimed = self.db.write(move |tx| subscribers::claim(tx, now, until, SEATS)).await?;
        let mut sends = JoinSet::new();
        let count = claimed.len();
        for due in claimed {
            let (db, clock) = (self.db.clone(), self.clock);
            let (subscribers, second_ms) = (self.subscribers.clone(), self.pace.second_ms);
            sends.spawn(async move { send(&db, clock, &subscribers, second_ms, due).await });
        }
        sends.join_all().await;
        Ok(count)
    }
}

async fn send(db: &Db, clock: Clock, subscribers: &Subscribers, second_ms: i64, due: Due) {
    let message_id = due.message_id.to_string();
    let at_s = clock.now().micros() / 1_000_000;
    faults::point(TELL.before_call);
    let said = subscribers.tell(&due.url, &due.secret, &message_id, at_s, &due.body).await;
    faults::point(TELL.after_call);
    let now = clock.now();
    let next = match pause_ms(due.tries, second_ms) {
        _ if said.is_acknowledged() => Next::Delivered,
        Some(pause_ms) => Next::Again(now.plus_ms(pause_ms)),
        None => Next::Failed,
    };
    let attempted = Attempted { status: said.status, detail: said.detail, at: now, next };
    let recorded = db.write(move |tx| subscribers::record(tx, &due, &attempted)).await;
    faults::point(TELL.after_commit);
    if let Err(error) = recorded {
        tracing::error!(message_id, %error, "what became of a webhook is not recorded: it is sent again");
    }
}
