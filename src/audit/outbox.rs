use service_kit::{
    db::{DbError, Row, Tx},
    params,
};

/// `held_until_us` of an event that its subscriber refused for good.
const PARKED: i64 = i64::MAX;

/// An event that a subscriber refused for good; it holds the later ones of its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parked {
    /// Where to read on.
    pub place: (i64, i64),
    pub subscriber: String,
    pub event_id: String,
    pub detail: Option<String>,
}

pub(super) fn parked(tx: &mut Tx<'_>, after: (i64, i64), rows: i64) -> Result<Vec<Parked>, DbError> {
    let found = tx.query(
        "select d.position, d.subscriber_id, s.name, e.event_id, d.detail \
           from outbox_delivery d \
           join outbox_event e on e.position = d.position \
           join outbox_subscriber s on s.subscriber_id = d.subscriber_id \
          where d.held_until_us = $1 and (d.position > $2 or (d.position = $2 and d.subscriber_id > $3)) \
          order by d.position, d.subscriber_id limit $4",
        &params![PARKED, after.0, after.1, rows],
    )?;
    let read = |row: &Row| {
        Ok(Parked {
            place: (row.get("position")?, row.get("subscriber_id")?),
            subscriber: row.get("name")?,
            event_id: row.get("event_id")?,
            detail: row.get("detail")?,
        })
    };
    found.iter().map(read).collect()
}
