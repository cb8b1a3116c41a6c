//! How far behind each subscriber is, for `/metrics`.

use prometheus::{IntGaugeVec, Opts};

use super::{Backlog, backlog};
use crate::Clock;
use crate::db::Db;
use crate::metrics::{Metrics, Probe};

/// Subscribers with series of their own; the others share one.
const MAX_SUBSCRIBERS: usize = 20;
const OTHERS: &str = "(others)";

#[derive(Clone)]
struct Lag {
    waiting: IntGaugeVec,
    parked: IntGaugeVec,
    seconds: IntGaugeVec,
}

/// Shows the outbox of a database. Replicas that share one show the same.
pub(crate) fn show(db: &Db, metrics: &mut Metrics) {
    let gauge = |name, help| IntGaugeVec::new(Opts::new(name, help), &["subscriber"]).expect("BUG: a gauge's name");
    let lag = Lag {
        waiting: gauge("lastcopy_outbox_waiting_events", "Events a subscriber has not acknowledged"),
        parked: gauge("lastcopy_outbox_parked_events", "Events a subscriber refused for good, holding their subjects"),
        seconds: gauge("lastcopy_outbox_lag_seconds", "Age of the oldest event that waits and is not parked"),
    };
    for family in [&lag.waiting, &lag.parked, &lag.seconds] {
        metrics.add(Box::new(family.clone()));
    }
    let db = db.clone();
    metrics.probe(Probe::new("outbox", move || {
        let (db, lag) = (db.clone(), lag.clone());
        async move {
            let queues = db.read(backlog).await.map_err(|error| error.to_string())?;
            lag.set(&queues);
            Ok(())
        }
    }));
}

impl Lag {
    fn set(&self, queues: &[Backlog]) {
        for family in [&self.waiting, &self.parked, &self.seconds] {
            family.reset();
        }
        let now = Clock::system().now();
        for (place, queue) in queues.iter().enumerate() {
            let whose = [if place < MAX_SUBSCRIBERS { queue.subscriber.as_str() } else { OTHERS }];
            let lag_us = queue.oldest.map_or(0, |oldest| now.micros().saturating_sub(oldest.micros()).max(0));
            self.waiting.with_label_values(&whose).add(queue.waiting);
            self.parked.with_label_values(&whose).add(queue.parked);
            let seconds = self.seconds.with_label_values(&whose);
            seconds.set(seconds.get().max(lag_us / 1_000_000));
        }
    }
}
