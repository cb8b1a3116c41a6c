//! What a service tells others, written in the transaction of the change it tells about.
//!
//! An event and one delivery per subscriber are rows like any other: they are committed with the change or not at all.
//! The [relay](crate::relay) carries them out afterwards, as often as it takes.

/// The relay's side: what to send next, and what became of it.
pub(crate) mod deliveries;
/// Parked events, seen and sent on.
mod desk;
/// How far behind each subscriber is, for `/metrics`.
mod lag;

use shared_types::Timestamp;
use shared_types::events::CloudEvent;

use crate::db::{DbError, Engine, Row, Tx};
use crate::params;
pub(crate) use lag::show;

pub use desk::desk;

/// `held_until_us` of a delivery that only an operator sends on.
pub(crate) const PARKED: i64 = i64::MAX;

/// Records that something happened. Takes a transaction and nothing else: there is no other way to send an event, so
/// none is ever sent for a change that was rolled back.
///
/// Without subscribers nothing is written. An `id` that was recorded before is refused (`outbox_event_event_id_key`).
pub fn append(tx: &mut Tx<'_>, event: &CloudEvent) -> Result<(), DbError> {
    take_turn(tx, &event.subject)?;
    append_in_line(tx, event)
}

/// As [`append`], for a subject whose changes stand in line already: the transaction has locked a row that every change
/// of the subject locks. So whoever appends next does so after this commit, and need not be kept waiting twice.
pub fn append_in_line(tx: &mut Tx<'_>, event: &CloudEvent) -> Result<(), DbError> {
    let body = serde_json::to_string(event).map_err(|error| DbError::Sql(format!("an event without JSON: {error}")))?;
    let written = tx.execute(
        "insert into outbox_event (event_id, subject, body, time_us) \
         select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as bigint) \
         where exists (select 1 from outbox_subscriber)",
        &params![&event.id, &event.subject, body, event.time.micros()],
    )?;
    if written == 0 {
        return Ok(());
    }
    tx.execute(
        "insert into outbox_delivery (subscriber_id, position, subject) \
         select s.subscriber_id, e.position, e.subject from outbox_event e cross join outbox_subscriber s \
          where e.event_id = $1",
        &params![&event.id],
    )?;
    tx.note_event();
    Ok(())
}

/// Postgres numbers rows when they are inserted, not when they are committed, so the later of two transactions could
/// become visible first. Whoever appends to a subject keeps others from appending to it until he has committed. SQLite
/// has one writer and no such gap.
fn take_turn(tx: &mut Tx<'_>, subject: &str) -> Result<(), DbError> {
    match tx.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => {
            let lock = "select 1 as locked from pg_advisory_xact_lock(hashtextextended($1, 0))";
            tx.query(lock, &params![subject]).map(drop)
        }
    }
}

/// Makes sure that every event from now on is delivered to the subscriber of that name; answers its id. A relay does so
/// when it starts.
pub fn subscribe(tx: &mut Tx<'_>, name: &str) -> Result<i64, DbError> {
    let known = "select subscriber_id from outbox_subscriber where name = $1";
    if let Some(row) = tx.query_opt(known, &params![name])? {
        return row.get("subscriber_id");
    }
    // Another replica may have been first; its row is visible to the next statement.
    tx.execute("insert into outbox_subscriber (name) values ($1) on conflict do nothing", &params![name])?;
    tx.query_one(known, &params![name])?.get("subscriber_id")
}

/// Forgets a subscriber and everything it was not told yet.
pub fn unsubscribe(tx: &mut Tx<'_>, name: &str) -> Result<(), DbError> {
    let whose = "where subscriber_id in (select subscriber_id from outbox_subscriber where name = $1)";
    for table in ["outbox_delivery", "relay_lease", "outbox_subscriber"] {
        tx.execute(&format!("delete from {table} {whose}"), &params![name])?;
    }
    deliveries::purge(tx)
}

/// How far behind a subscriber is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    pub subscriber: String,
    /// Events it has not acknowledged, the parked ones among them.
    pub waiting: i64,
    /// Events it refused for good, and which hold their subjects.
    pub parked: i64,
    /// When the oldest of those not parked happened.
    pub oldest: Option<Timestamp>,
}

/// The queue of each subscriber, for readiness and metrics.
pub fn backlog(tx: &mut Tx<'_>) -> Result<Vec<Backlog>, DbError> {
    let rows = tx.query(
        "select s.name, count(d.position) as waiting, \
                count(case when d.held_until_us = $1 then 1 end) as parked, \
                min(case when d.held_until_us < $1 then e.time_us end) as oldest_us \
           from outbox_subscriber s \
           left join outbox_delivery d on d.subscriber_id = s.subscriber_id \
           left join outbox_event e on e.position = d.position \
          group by s.name order by s.name",
        &params![PARKED],
    )?;
    let read = |row: &Row| {
        Ok(Backlog {
            subscriber: row.get("name")?,
            waiting: row.get("waiting")?,
            parked: row.get("parked")?,
            oldest: row.get::<Option<i64>>("oldest_us")?.map(Timestamp::from_micros),
        })
    };
    rows.iter().map(read).collect()
}

/// An event that a subscriber refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub subscriber: String,
    pub event_id: String,
    pub subject: String,
    /// What the subscriber said last.
    pub detail: Option<String>,
}

/// Every parked event, oldest first.
pub fn parked(tx: &mut Tx<'_>) -> Result<Vec<Parked>, DbError> {
    let rows = tx.query(
        "select s.name, e.event_id, e.subject, d.detail from outbox_delivery d \
           join outbox_event e on e.position = d.position \
           join outbox_subscriber s on s.subscriber_id = d.subscriber_id \
          where d.held_until_us = $1 order by d.position, s.name",
        &params![PARKED],
    )?;
    let read = |row: &Row| {
        Ok(Parked {
            subscriber: row.get("name")?,
            event_id: row.get("event_id")?,
            subject: row.get("subject")?,
            detail: row.get("detail")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Sends a parked event again, after its cause was mended; says whether there was one. Its subject follows in order.
pub fn release(tx: &mut Tx<'_>, subscriber: &str, event_id: &str) -> Result<bool, DbError> {
    let released = tx.execute(
        "update outbox_delivery set held_until_us = 0, tries = 0, rejections = 0 \
          where held_until_us = $1 \
            and subscriber_id = (select subscriber_id from outbox_subscriber where name = $2) \
            and position = (select position from outbox_event where event_id = $3)",
        &params![PARKED, subscriber, event_id],
    )?;
    tx.note_event();
    Ok(released == 1)
}
