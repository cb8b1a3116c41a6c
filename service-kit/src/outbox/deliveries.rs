//! The relay's side of the outbox: what to send next, and what became of it.

use std::sync::LazyLock;

use shared_types::Timestamp;
use shared_types::limits::MAX_EVENT_BATCH;

use super::PARKED;
use crate::db::{DbError, Engine, Row, Tx, Value};
use crate::params;

/// An event on its way to one subscriber.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub position: i64,
    pub event_id: String,
    pub subject: String,
    /// The CloudEvent as JSON.
    pub body: String,
    pub tries: i64,
    pub rejections: i64,
}

/// What to note about a delivery that was not acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Setback {
    pub position: i64,
    /// `None`: parked.
    pub held_until: Option<Timestamp>,
    pub tries: i64,
    pub rejections: i64,
    pub detail: Option<String>,
}

/// The next events in their order, without those that are held and whatever comes after those in their subjects.
pub(crate) fn next_batch(
    tx: &mut Tx<'_>,
    subscriber_id: i64,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Delivery>, DbError> {
    let limit = i64::try_from(limit.min(MAX_EVENT_BATCH)).unwrap_or(i64::MAX);
    let rows = tx.query(
        "select d.position, d.tries, d.rejections, e.event_id, e.subject, e.body \
           from outbox_delivery d join outbox_event e on e.position = d.position \
          where d.subscriber_id = $1 and d.held_until_us <= $2 \
            and not exists (select 1 from outbox_delivery earlier \
                             where earlier.subscriber_id = d.subscriber_id and earlier.subject = d.subject \
                               and earlier.position < d.position \
                               and earlier.held_until_us > 0 and earlier.held_until_us > $2) \
          order by d.position limit $3",
        &params![subscriber_id, now.micros(), limit],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Delivery, DbError> {
    Ok(Delivery {
        position: row.get("position")?,
        event_id: row.get("event_id")?,
        subject: row.get("subject")?,
        body: row.get("body")?,
        tries: row.get("tries")?,
        rejections: row.get("rejections")?,
    })
}

/// Whoever waits for an event. `cross`: the few subscribers come first, then each one's queue by its key.
const AWAITED: &str = "(select 1 from outbox_subscriber s cross join outbox_delivery d \
                         where d.subscriber_id = s.subscriber_id and d.position = outbox_event.position)";

/// Deletes what was acknowledged, and the events that nobody else waits for.
pub(crate) fn acknowledge(tx: &mut Tx<'_>, subscriber_id: i64, positions: &[i64]) -> Result<(), DbError> {
    for some in positions.chunks(MAX_EVENT_BATCH) {
        let texts = Acknowledging::of(some.len());
        let mut filled = params![subscriber_id].to_vec();
        // Repeating the last position fills the list up.
        let repeated = some.iter().chain(some.last().into_iter().cycle());
        filled.extend(repeated.take(texts.places).map(|position| Value::Int(*position)));
        tx.execute(&texts.deliveries, &filled)?;
        tx.execute(&texts.events, &filled[1..])?;
    }
    Ok(())
}

/// Statements that acknowledge up to so many events. A few lengths for all numbers, so that each is prepared once.
struct Acknowledging {
    places: usize,
    deliveries: String,
    events: String,
}

impl Acknowledging {
    /// The shortest for so many.
    fn of(events: usize) -> &'static Acknowledging {
        static TEXTS: LazyLock<[Acknowledging; 3]> =
            LazyLock::new(|| [1, MAX_EVENT_BATCH.div_ceil(10), MAX_EVENT_BATCH].map(Acknowledging::up_to));
        let [.., longest] = &*TEXTS;
        TEXTS.iter().find(|texts| texts.places >= events).unwrap_or(longest)
    }

    fn up_to(places: usize) -> Acknowledging {
        let numbered = |first: usize| {
            let numbers: Vec<String> = (first..first + places).map(|number| format!("${number}")).collect();
            numbers.join(", ")
        };
        let deliveries =
            format!("delete from outbox_delivery where position in ({}) and subscriber_id = $1", numbered(2));
        let events = format!("delete from outbox_event where position in ({}) and not exists {AWAITED}", numbered(1));
        Acknowledging { places, deliveries, events }
    }
}

/// Deletes events that nobody waits for. `acknowledge` leaves one when two subscribers acknowledge it in the same
/// instant, each still seeing the other's delivery.
pub(crate) fn purge(tx: &mut Tx<'_>) -> Result<(), DbError> {
    tx.execute(&format!("delete from outbox_event where not exists {AWAITED}"), &[]).map(drop)
}

/// Holds a delivery, and with it the later ones of its subject.
pub(crate) fn hold(tx: &mut Tx<'_>, subscriber_id: i64, setback: &Setback) -> Result<(), DbError> {
    let held_until_us = setback.held_until.map_or(PARKED, Timestamp::micros);
    tx.execute(
        "update outbox_delivery set held_until_us = $3, tries = $4, rejections = $5, detail = $6 \
          where subscriber_id = $1 and position = $2",
        &params![
            subscriber_id,
            setback.position,
            held_until_us,
            setback.tries,
            setback.rejections,
            setback.detail.clone()
        ],
    )
    .map(drop)
}

/// Whether an event is held until a time further away than `far`, the longest pause there is.
pub(crate) fn is_any_too_far(tx: &mut Tx<'_>, subscriber_id: i64, far: Timestamp) -> Result<bool, DbError> {
    let too_far = "select 1 as too_far from outbox_delivery \
                    where subscriber_id = $1 and held_until_us > $2 and held_until_us < $3 limit 1";
    Ok(tx.query_opt(too_far, &params![subscriber_id, far.micros(), PARKED])?.is_some())
}

/// Such an event is held until now: the clock has been set back since. What is parked stays so.
pub(crate) fn bring_back(tx: &mut Tx<'_>, subscriber_id: i64, now: Timestamp, far: Timestamp) -> Result<u64, DbError> {
    let too_far = "update outbox_delivery set held_until_us = $4 \
                    where subscriber_id = $1 and held_until_us > $2 and held_until_us < $3";
    tx.execute(too_far, &params![subscriber_id, far.micros(), PARKED, now.micros()])
}

/// Takes or prolongs the lease; says whether it is ours. The condition and the change are one statement.
pub(crate) fn lease(
    tx: &mut Tx<'_>,
    subscriber_id: i64,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, DbError> {
    // Whoever wrote a longer lease than there is had a clock that was wrong.
    let far = until.plus_ms((until.micros() - now.micros()) / 1_000);
    let taken = tx.execute(
        "insert into relay_lease (subscriber_id, holder, until_us) values ($1, $2, $3) \
         on conflict (subscriber_id) do update set holder = excluded.holder, until_us = excluded.until_us \
         where relay_lease.holder = excluded.holder or relay_lease.until_us <= $4 \
               or relay_lease.until_us > $5",
        &params![subscriber_id, holder, until.micros(), now.micros(), far.micros()],
    )?;
    Ok(taken == 1)
}

/// An SQLite file has one process: a lease that is not this process's is a dead one's, and nobody waits for its end.
pub(crate) fn bury_leases(tx: &mut Tx<'_>, this_process: &str) -> Result<(), DbError> {
    match tx.engine() {
        Engine::Postgres => Ok(()),
        Engine::Sqlite => {
            let dead = "delete from relay_lease where holder not like $1";
            tx.execute(dead, &params![format!("{this_process} %")]).map(drop)
        }
    }
}

/// Gives the lease back, so that another replica need not wait for its end.
pub(crate) fn give_up_lease(tx: &mut Tx<'_>, subscriber_id: i64, holder: &str) -> Result<(), DbError> {
    let ours = "delete from relay_lease where subscriber_id = $1 and holder = $2";
    tx.execute(ours, &params![subscriber_id, holder]).map(drop)
}
