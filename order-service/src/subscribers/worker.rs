use service_kit::{
    Clock,
    db::{Db, DbError, Engine, Tx},
    due, faults,
};
use tokio_util::sync::CancellationToken;

use super::{
    lines::Lines,
    schedule::{longest_pause_ms, pause_ms},
};
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
const SEATS: usize = 64;

#[derive(Clone)]
struct Worker {
    db: Db,
    clock: Clock,
    subscribers: Subscribers,
    pace: Pace,
    lines: Lines,
}

/// Sends what is due until the service stops; a call that is on its way then is waited for.
pub(super) async fn work(db: Db, clock: Clock, subscribers: Subscribers, pace: Pace, stopping: CancellationToken) {
    let worker = Worker { db, clock, subscribers, pace, lines: Lines::default() };
    worker.resume().await;
    let send = |due| worker.clone().send(due);
    due::work_off(&worker.db, worker.pace.poll_ms, SEATS, &stopping, |free| worker.claim(free), send).await;
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

    /// What is due now, and ours until its lease is over. Nobody who is slow to answer has more than his own share of seats.
    async fn claim(&self, free: usize) -> Result<Vec<Due>, DbError> {
        let now = self.clock.now();
        let far = now.plus_ms(self.pace.lease_ms.max(2 * longest_pause_ms(self.pace.second_ms)));
        if self.db.read(move |tx| subscribers::is_any_too_far(tx, far)).await? {
            self.db.write(move |tx| subscribers::bring_back(tx, now, far)).await?;
        }
        let due = self.db.read(move |tx| subscribers::due(tx, now)).await?;
        let shares = self.lines.shares(due, free);
        if shares.is_empty() {
            return Ok(Vec::new());
        }
        let until = now.plus_ms(self.pace.lease_ms);
        let claim = move |tx: &mut Tx<'_>| {
            let claimed = shares.iter().map(|(id, room)| subscribers::claim(tx, *id, now, until, *room));
            Ok(claimed.collect::<Result<Vec<_>, _>>()?.concat())
        };
        let claimed = self.db.write(claim).await?;
        claimed.iter().for_each(|due| self.lines.begins(due.webhook_id));
        Ok(claimed)
    }

    async fn send(self, due: Due) {
        let message_id = due.message_id.to_string();
        let at_s = self.clock.now().micros() / 1_000_000;
        faults::point(TELL.before_call);
        let said = self.subscribers.tell(&due.url, &due.secret, &message_id, at_s, &due.body).await;
        faults::point(TELL.after_call);
        self.lines.ended(due.webhook_id, said.status.is_some());
        let now = self.clock.now();
        let next = match pause_ms(due.tries, self.pace.second_ms) {
            _ if said.is_acknowledged() => Next::Delivered,
            Some(pause_ms) => Next::Again(now.plus_ms(pause_ms)),
            None => Next::Failed,
        };
        let attempted = Attempted { status: said.status, detail: said.detail, at: now, next };
        let recorded = self.db.write(move |tx| subscribers::record(tx, &due, &attempted)).await;
        faults::point(TELL.after_commit);
        if let Err(error) = recorded {
            tracing::error!(message_id, %error, "what became of a webhook is not recorded: it is sent again");
        }
    }
}
