use service_kit::{
    Clock,
    db::{Db, DbError, Engine},
    due, faults,
};
use shared_types::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    clients::{Sent, Sms},
    points::NOTIFY,
    store::notifications::{self, Due, Outcome},
};

/// How the sender paces itself, in milliseconds.
#[derive(Debug, Clone)]
pub struct Pace {
    /// A message may be on its way this long.
    pub call_ms: u64,
    /// After this long a message whose sender never came back is unknown. Longer than a call.
    pub lease_ms: i64,
    /// How often to look without having been woken: other replicas wake nobody here.
    pub poll_ms: u64,
    /// The pause after a provider could not be reached; it doubles up to the longest.
    pub first_pause_ms: i64,
    pub longest_pause_ms: i64,
    /// A message that could not leave for this long is old news, and is given up.
    pub patience_ms: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            call_ms: 15_000,
            lease_ms: 60_000,
            poll_ms: 1_000,
            first_pause_ms: 1_000,
            longest_pause_ms: 300_000,
            patience_ms: 24 * 3_600 * 1_000,
        }
    }
}

/// Messages on their way at once at most.
const SEATS: usize = 8;

#[derive(Clone)]
struct Worker {
    db: Db,
    clock: Clock,
    sms: Sms,
    pace: Pace,
}

/// Sends what is due until the service stops; a message that is on its way then is waited for.
pub(super) async fn work(db: Db, clock: Clock, sms: Sms, pace: Pace, stopping: CancellationToken) {
    let worker = Worker { db, clock, sms, pace };
    worker.resume().await;
    let send = |due| worker.clone().send(due);
    due::work_off(&worker.db, worker.pace.poll_ms, SEATS, &stopping, |free| worker.claim(free), send).await;
}

impl Worker {
    /// An SQLite file has one process: whatever is `sending` at its start was sent by one that is dead. Elsewhere it may be
    /// another replica's, and its lease tells.
    async fn resume(&self) {
        if self.db.engine() == Engine::Sqlite
            && let Err(error) = self.end_leases(Timestamp::from_micros(i64::MAX)).await
        {
            tracing::error!(%error, "messages that were on their way wait for their leases");
        }
    }

    async fn end_leases(&self, by: Timestamp) -> Result<(), DbError> {
        let now = self.clock.now();
        let lost = self.db.write(move |tx| notifications::end_leases(tx, by, now)).await?;
        if lost > 0 {
            tracing::warn!(messages = lost, "messages whose fate nobody knows");
        }
        Ok(())
    }

    /// What is due now, and ours until its lease is over.
    async fn claim(&self, free: usize) -> Result<Vec<Due>, DbError> {
        let now = self.clock.now();
        let far = now.plus_ms(2 * self.pace.lease_ms.max(self.pace.longest_pause_ms));
        if self.db.read(move |tx| notifications::is_any_too_far(tx, far)).await? {
            self.db.write(move |tx| notifications::bring_back(tx, now, far)).await?;
        }
        if self.db.read(move |tx| notifications::is_any_lease_over(tx, now)).await? {
            self.end_leases(now).await?;
        }
        if !self.db.read(move |tx| notifications::is_any_due(tx, now)).await? {
            return Ok(Vec::new());
        }
        let until = now.plus_ms(self.pace.lease_ms);
        self.db.write(move |tx| notifications::claim(tx, now, until, free)).await
    }

    /// `sending` is on disk. From here on the message may have left.
    async fn send(self, due: Due) {
        faults::point(NOTIFY.before_call);
        let sent = self.sms.send(&due.phone, &due.message).await;
        faults::point(NOTIFY.after_call);
        let (id, now) = (due.id, self.clock.now());
        let outcome = outcome(sent, &due, &self.pace, now);
        let recorded = self.db.write(move |tx| notifications::record(tx, &due, &outcome, now)).await;
        faults::point(NOTIFY.after_commit);
        if let Err(error) = recorded {
            tracing::error!(notification = id, %error, "what became of a message is not recorded: it will be unknown");
        }
    }
}

fn outcome(sent: Sent, due: &Due, pace: &Pace, now: Timestamp) -> Outcome {
    match sent {
        Sent::Accepted(provider_id) => Outcome::Sent { provider_id },
        Sent::Refused(detail) => Outcome::Failed { detail },
        Sent::Unknown(detail) => Outcome::Unknown { detail },
        Sent::NotSent(detail) if due.created_at.plus_ms(pace.patience_ms) <= now => Outcome::Failed { detail },
        Sent::NotSent(detail) => {
            let doublings = u32::try_from(due.attempts.clamp(1, 20) - 1).unwrap_or(0);
            let pause = pace.first_pause_ms.saturating_mul(1 << doublings).min(pace.longest_pause_ms);
            Outcome::Again { detail, at: now.plus_ms(pause) }
        }
    }
}
