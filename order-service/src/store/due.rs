use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{OrderId, Timestamp};

use super::text::{parsed, required};

/// When the next order is due; `None`: every order is at rest.
pub fn earliest(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, DbError> {
    let row = tx.query_one("select min(due_at_us) as due_at_us from orders where due_at_us is not null", &[])?;
    Ok(row.get::<Option<i64>>("due_at_us")?.map(Timestamp::from_micros))
}

/// Takes due orders on until `until`, longest due first. It saves work and decides nothing: should two drivers have one
/// order, the compare-and-swap of its moves decides.
pub fn claim(tx: &mut Tx<'_>, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<OrderId>, DbError> {
    let rows = tx.query(
        "update orders set due_at_us = $2 \
          where due_at_us <= $1 and order_id in \
                (select order_id from orders where due_at_us <= $1 order by due_at_us limit $3) \
         returning order_id",
        &params![now.micros(), until.micros(), limit],
    )?;
    let read = |row: &Row| required(parsed(row, "order_id")?, "order_id");
    rows.iter().map(read).collect()
}

/// The order's call had no answer: it is due again later.
pub fn postpone(tx: &mut Tx<'_>, id: OrderId, version: i64, due_at: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "update orders set due_at_us = $3, attempts = attempts + 1 \
          where order_id = $1 and version = $2 and due_at_us is not null",
        &params![id.to_string(), version, due_at.micros()],
    )
    .map(drop)
}

/// Whatever is outstanding is due now. At a start nobody is at work on it: those who were are dead, or do no harm.
pub fn all(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    tx.execute("update orders set due_at_us = $1 where due_at_us > $1", &params![now.micros()])
}
