use rusqlite::{Connection, Result};

use super::wire::Event;

pub const TABLES: &str = include_str!("outbox.sql");

/// Writes an event, and what is to be delivered of it to whom.
pub fn append(connection: &Connection, event: &Event, at: i64) -> Result<()> {
    let body = serde_json::to_string(event).unwrap_or_default();
    connection
        .prepare_cached("insert into outbox_event (event_id, subject, body, time_us) values (?, ?, ?, ?)")?
        .execute((&event.id, &event.subject, body, at))?;
    connection
        .prepare_cached(
            "insert into outbox_delivery (subscriber_id, position, subject) \
             select subscriber_id, ?1, ?2 from outbox_subscriber",
        )?
        .execute((connection.last_insert_rowid(), &event.subject))?;
    Ok(())
}

/// Events that a subscriber was not told, in their order.
pub fn next(connection: &Connection, subscriber: i64, limit: usize) -> Result<Vec<(i64, String)>> {
    connection
        .prepare_cached(
            "select d.position, e.body from outbox_delivery d join outbox_event e on e.position = d.position \
             where d.subscriber_id = ? and d.held_until_us = 0 order by d.position limit ?",
        )?
        .query_map((subscriber, i64::try_from(limit).unwrap_or(i64::MAX)), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Deletes what a subscriber was told, up to and with that event, and the events that nobody else waits for. None of it is
/// ever held here, and there is one writer: nothing that he was not told has a lower number.
pub fn acknowledge(connection: &Connection, subscriber: i64, first: i64, last: i64) -> Result<()> {
    connection
        .prepare_cached("delete from outbox_delivery where subscriber_id = ? and position between ? and ?")?
        .execute((subscriber, first, last))?;
    connection
        .prepare_cached(
            "delete from outbox_event where position between ? and ? and not exists \
             (select 1 from outbox_subscriber s cross join outbox_delivery d \
               where d.subscriber_id = s.subscriber_id and d.position = outbox_event.position)",
        )?
        .execute((first, last))?;
    Ok(())
}
