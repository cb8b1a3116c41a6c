//! The inside of a closure: statements against one open transaction, and nothing else. There is no `await` here, so no
//! transaction is ever open while anything waits for the network.

use super::bells::{Bell, Bells, Rung};
use super::error::{DbError, Failure};
use super::pg::PgTx;
use super::row::Row;
use super::sqlite;
use super::url::Engine;
use super::value::Value;
use crate::metrics::Counter;

/// An open transaction. It ends with the closure it was lent to: `Ok` commits, `Err` rolls back.
///
/// A statement that fails ends the transaction: later statements, and an `Ok` of the closure, answer
/// [`DbError::AfterFailure`]. Where a refusal is expected and the work goes on, write `on conflict do nothing`.
pub struct Tx<'a> {
    inner: Inner<'a>,
    effects: Effects,
    failed: bool,
    again: bool,
}

enum Inner<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(PgTx<'a>),
}

impl<'a> Tx<'a> {
    pub(super) fn sqlite(connection: &'a rusqlite::Connection) -> Self {
        Self { inner: Inner::Sqlite(connection), effects: Effects::default(), failed: false, again: false }
    }

    pub(super) fn postgres(open: PgTx<'a>) -> Self {
        Self { inner: Inner::Postgres(open), effects: Effects::default(), failed: false, again: false }
    }

    /// For the rare statement that has to be written twice, such as a full-text search.
    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs one statement that answers no rows; returns how many it changed.
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        self.refuse_after_failure()?;
        let done = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Inner::Postgres(open) => open.execute(sql, params),
        };
        done.map_err(|failure| self.remember(failure))
    }

    /// Runs one statement and collects its rows (`select`, or a change with `returning`).
    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.refuse_after_failure()?;
        let done = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::query(connection, sql, params),
            Inner::Postgres(open) => open.query(sql, params),
        };
        done.map_err(|failure| self.remember(failure))
    }

    /// The first row, if there is one.
    pub fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// The first row, or [`DbError::NoRow`].
    pub fn query_one(&mut self, sql: &str, params: &[Value]) -> Result<Row, DbError> {
        self.query_opt(sql, params)?.ok_or(DbError::NoRow)
    }

    /// Wakes whoever watches [`Db::committed_events`](super::Db::committed_events), once this has committed.
    pub fn note_event(&mut self) {
        self.effects.rung.add(Bell::Events);
    }

    /// Wakes whoever watches [`Db::committed_due`](super::Db::committed_due), once this has committed: rows that fall
    /// due were written.
    pub fn note_due(&mut self) {
        self.effects.rung.add(Bell::Due);
    }

    /// Adds to a counter once this has committed: what is rolled back or run again was never counted.
    pub fn count(&mut self, counter: Counter, by: u64) {
        self.effects.counts.push((counter, by));
    }

    /// What is to happen after the commit.
    pub(super) fn effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// Whether a statement failed, so that only a rollback is honest.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    /// Whether the engine gave this transaction up (a deadlock, a serialization failure) and it may be run again.
    pub(super) fn again(&self) -> bool {
        self.again
    }

    /// Only Postgres' transactions are handed back: SQLite's belongs to the batch.
    pub(super) fn into_postgres(self) -> Option<PgTx<'a>> {
        match self.inner {
            Inner::Sqlite(_) => None,
            Inner::Postgres(open) => Some(open),
        }
    }

    fn refuse_after_failure(&self) -> Result<(), DbError> {
        if self.failed { Err(DbError::AfterFailure) } else { Ok(()) }
    }

    fn remember(&mut self, failure: Failure) -> DbError {
        self.failed = true;
        self.again = failure.again;
        failure.error
    }
}

/// What follows a commit and must not precede it.
#[derive(Default)]
pub(super) struct Effects {
    rung: Rung,
    counts: Vec<(Counter, u64)>,
}

impl Effects {
    /// Both follow one commit.
    pub(super) fn join(&mut self, others: Effects) {
        self.rung.join(others.rung);
        self.counts.extend(others.counts);
    }

    /// The commit is on disk.
    pub(super) fn follow(self, bells: &Bells) {
        bells.ring(self.rung);
        for (counter, by) in self.counts {
            counter.inc_by(by);
        }
    }
}
