//! The loop: take the lease, read a batch, send it, write down what became of it.

use std::time::Duration;

use shared_types::limits::MAX_EVENT_BATCH;
use shared_types::{Problem, Timestamp};
use tokio::sync::watch;

use super::post::post;
use super::settle::{Settlement, setback, settle};
use super::{RelayOptions, pause};
use crate::db::{Db, DbError, Tx};
use crate::outbox::deliveries::{self, Delivery};
use crate::{Client, Clock, Outcome, faults};

pub(super) struct Worker {
    db: Db,
    client: Client,
    clock: Clock,
    options: RelayOptions,
    subscriber: String,
    subscriber_id: i64,
    /// Who we are in the lease.
    holder: String,
    leased_until: Timestamp,
    /// Events in the next request: fewer after a whole batch was refused, until the one at fault is found.
    batch_events: usize,
    /// Rounds in a row without an answer.
    failures: i64,
}

/// How one round ended.
enum Round {
    /// There may be more.
    Moved,
    /// Nothing is waiting, except what is held.
    Drained,
    /// Another replica has the lease.
    NotOurs,
    /// No answer. Everything stays as it was.
    NoAnswer(String),
}

impl Worker {
    pub(super) fn new(
        db: Db,
        client: Client,
        clock: Clock,
        options: RelayOptions,
        subscriber: String,
        subscriber_id: i64,
        holder: String,
    ) -> Self {
        let batch_events = options.batch_events.clamp(1, MAX_EVENT_BATCH);
        let leased_until = Timestamp::from_micros(0);
        Self { db, client, clock, options, subscriber, subscriber_id, holder, leased_until, batch_events, failures: 0 }
    }

    /// Relays until it is stopped. A round that is interrupted is repeated by the next relay.
    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut committed = self.db.committed_events();
        loop {
            // Before the batch is read: what is committed from here on wakes us.
            committed.mark_unchanged();
            let round = tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => break,
                round = self.round() => round.unwrap_or_else(|error| Round::NoAnswer(error.to_string())),
            };
            let Some(pause) = self.pause_after(&round) else { continue };
            let woken = async {
                match round {
                    // A closed channel wakes nobody: the database is gone, and polling finds out.
                    Round::Drained if committed.changed().await.is_ok() => self.gather().await,
                    Round::Moved | Round::Drained | Round::NotOurs | Round::NoAnswer(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => break,
                // The time-out is the ordinary end of a pause.
                _ = tokio::time::timeout(pause, woken) => {}
            }
        }
        let (subscriber_id, holder) = (self.subscriber_id, self.holder);
        let given_up = self.db.write(move |tx| deliveries::give_up_lease(tx, subscriber_id, &holder)).await;
        if let Err(error) = given_up {
            tracing::debug!(%error, subscriber = self.subscriber, "the relay's lease runs out by itself");
        }
    }

    /// The time-out is the ordinary end.
    async fn gather(&self) {
        let gather = Duration::from_millis(u64::try_from(self.options.gather_ms).unwrap_or(0));
        drop(tokio::time::timeout(gather, std::future::pending::<()>()).await);
    }

    async fn round(&mut self) -> Result<Round, DbError> {
        if !self.hold_lease().await? {
            return Ok(Round::NotOurs);
        }
        let (subscriber_id, now, limit) = (self.subscriber_id, self.clock.now(), self.batch_events);
        let batch = self.db.read(move |tx| deliveries::next_batch(tx, subscriber_id, now, limit)).await?;
        if batch.is_empty() {
            return if self.bring_back(now).await? { Ok(Round::Moved) } else { Ok(Round::Drained) };
        }
        faults::point("relay.send.before_call");
        match post(&self.client, &batch).await {
            Outcome::Done(answer) => {
                faults::point("relay.send.after_call");
                self.batch_events = (self.batch_events * 2).min(self.options.batch_events.clamp(1, MAX_EVENT_BATCH));
                let settlement = settle(&batch, answer.results, self.clock.now(), &self.options);
                let held = !settlement.setbacks.is_empty();
                self.record(&batch, settlement).await?;
                // What was committed since the batch was read wakes us.
                Ok(if batch.len() < limit && !held { Round::Drained } else { Round::Moved })
            }
            // Whether *we* may talk to it says nothing about the events.
            Outcome::Refused(problem) if matches!(problem.status, 401 | 403) => {
                Ok(Round::NoAnswer(problem.to_string()))
            }
            Outcome::Refused(problem) => self.blame(&batch, &problem).await,
            Outcome::Unknown(no_answer) => Ok(Round::NoAnswer(no_answer.to_string())),
        }
    }

    /// What is held until a time that no pause leads to was held when the clock was ahead. Says whether anything was.
    async fn bring_back(&self, now: Timestamp) -> Result<bool, DbError> {
        let (subscriber_id, far) = (self.subscriber_id, now.plus_ms(2 * self.options.longest_pause_ms.max(1)));
        if !self.db.read(move |tx| deliveries::is_any_too_far(tx, subscriber_id, far)).await? {
            return Ok(false);
        }
        self.db.write(move |tx| deliveries::bring_back(tx, subscriber_id, now, far)).await.map(|events| events > 0)
    }

    /// The lease is prolonged at half its time, so that a relay at work writes it seldom.
    async fn hold_lease(&mut self) -> Result<bool, DbError> {
        let now = self.clock.now();
        let (half, whole) = (now.plus_ms(self.options.lease_ms / 2), now.plus_ms(self.options.lease_ms));
        // A longer one was taken when the clock was ahead, and nobody believes it.
        if self.leased_until > half && self.leased_until <= whole {
            return Ok(true);
        }
        let (subscriber_id, holder) = (self.subscriber_id, self.holder.clone());
        let until = whole;
        let ours = self.db.write(move |tx| deliveries::lease(tx, subscriber_id, &holder, now, until)).await?;
        self.leased_until = if ours { until } else { Timestamp::from_micros(0) };
        Ok(ours)
    }

    /// A whole batch was refused: by halves, until the one event at fault is alone.
    async fn blame(&mut self, batch: &[Delivery], problem: &Problem) -> Result<Round, DbError> {
        if let [alone] = batch {
            let refused = setback(alone, true, Some(problem.to_string()), self.clock.now(), &self.options);
            let settlement = Settlement { acknowledged: Vec::new(), setbacks: vec![refused] };
            self.batch_events = self.options.batch_events.clamp(1, MAX_EVENT_BATCH);
            self.record(batch, settlement).await?;
        } else {
            self.batch_events = batch.len() / 2;
        }
        Ok(Round::Moved)
    }

    async fn record(&self, batch: &[Delivery], settlement: Settlement) -> Result<(), DbError> {
        for held in settlement.setbacks.iter().filter(|held| held.held_until.is_none()) {
            let parked = batch.iter().find(|delivery| delivery.position == held.position);
            let (event_id, subject) = parked.map(|parked| (&parked.event_id, &parked.subject)).unzip();
            tracing::error!(event_id, subject, subscriber = self.subscriber, detail = held.detail, "event parked");
        }
        let subscriber_id = self.subscriber_id;
        let write = move |tx: &mut Tx<'_>| {
            if !settlement.acknowledged.is_empty() {
                deliveries::acknowledge(tx, subscriber_id, &settlement.acknowledged)?;
            }
            settlement.setbacks.iter().try_for_each(|held| deliveries::hold(tx, subscriber_id, held))
        };
        self.db.write(write).await
    }

    /// How long to pause, if at all. A subscriber that is down is logged when it goes and when it comes back.
    fn pause_after(&mut self, round: &Round) -> Option<Duration> {
        let pause_ms = match round {
            Round::Moved | Round::Drained if self.failures > 0 => {
                tracing::info!(subscriber = self.subscriber, failures = self.failures, "the subscriber is back");
                self.failures = 0;
                0
            }
            Round::Moved => 0,
            Round::Drained | Round::NotOurs => self.options.poll_interval_ms,
            Round::NoAnswer(reason) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures == 1 {
                    tracing::warn!(subscriber = self.subscriber, reason, "no answer from the subscriber");
                }
                pause::after(self.failures, &self.options)
            }
        };
        u64::try_from(pause_ms).ok().filter(|pause_ms| *pause_ms > 0).map(Duration::from_millis)
    }
}
