//! What a database says of itself.

use std::time::Instant;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, core::Collector};

use super::error::DbError;
use crate::metrics::{COUNTS, SHORT_SECONDS};

/// The numbers of one database. A service shows them with `Background::close_last`.
pub(super) struct DbMetrics {
    /// A commit, from the word to the disk's answer.
    commit_seconds: Histogram,
    /// SQLite: closures that shared a commit.
    commit_jobs: Histogram,
    /// Closures run once more because the engine gave their transaction up.
    pub(super) reruns: IntCounter,
    /// Closures refused because too many were waiting.
    overloaded: IntCounter,
    /// Commits without an answer: the caller was told nothing, and repeats under the same ids.
    pub(super) unknown_commits: IntCounter,
    pub(super) waiting_writes: IntGauge,
    pub(super) waiting_for_connection: IntGauge,
    pub(super) connections_in_use: IntGauge,
    pub(super) connections: IntGauge,
}

impl Default for DbMetrics {
    fn default() -> Self {
        Self {
            commit_seconds: histogram("lastcopy_db_commit_seconds", "Duration of one commit", SHORT_SECONDS),
            commit_jobs: histogram("lastcopy_db_commit_jobs", "Writes that shared one commit", COUNTS),
            reruns: counter("lastcopy_db_reruns_total", "Transactions run again (deadlock, lost connection)"),
            overloaded: counter("lastcopy_db_overloaded_total", "Work refused because too much was waiting"),
            unknown_commits: counter("lastcopy_db_unknown_commits_total", "Commits whose answer was lost"),
            waiting_writes: gauge("lastcopy_db_waiting_writes", "Writes waiting for the one writer"),
            waiting_for_connection: gauge("lastcopy_db_waiting_for_connection", "Work waiting for a connection"),
            connections_in_use: gauge("lastcopy_db_connections_in_use", "Connections at work"),
            connections: gauge("lastcopy_db_connections", "Connections at most"),
        }
    }
}

impl DbMetrics {
    pub(super) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        vec![
            Box::new(self.commit_seconds.clone()),
            Box::new(self.commit_jobs.clone()),
            Box::new(self.reruns.clone()),
            Box::new(self.overloaded.clone()),
            Box::new(self.unknown_commits.clone()),
            Box::new(self.waiting_writes.clone()),
            Box::new(self.waiting_for_connection.clone()),
            Box::new(self.connections_in_use.clone()),
            Box::new(self.connections.clone()),
        ]
    }

    /// A commit that was begun at `began` carried so many closures.
    pub(super) fn committed(&self, began: Instant, jobs: usize) {
        self.commit_seconds.observe(began.elapsed().as_secs_f64());
        self.commit_jobs.observe(u32::try_from(jobs).unwrap_or(u32::MAX).into());
    }

    pub(super) fn overloaded(&self) -> DbError {
        self.overloaded.inc();
        DbError::Overloaded
    }
}

fn histogram(name: &str, help: &str, bounds: &[f64]) -> Histogram {
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec())).expect("BUG: a histogram's name")
}

fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect("BUG: a counter's name")
}

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect("BUG: a gauge's name")
}
