use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{OrderId, Timestamp};

use super::text::{parsed, required};

/// When the driver has to look at an order next; `None`: nothing is outstanding, and nothing is waited for.
pub fn earliest(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, DbError> {
    let row = tx.query_one(
        "select (select min(due_at_us) from orders where due_at_us is not null) as due_at_us, \
                (select min(look_at_us) from orders where look_at_us is not null) as look_at_us",
        &[],
    )?;
    let (due, look): (Option<i64>, Option<i64>) = (row.get("due_at_us")?, row.get("look_at_us")?);
    Ok([due, look].into_iter().flatten().min().map(Timestamp::from_micros))
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
    rows.iter().map(id).collect()
}

/// Orders that are to be looked at although they may be at rest, taken on likewise.
pub fn claim_looks(tx: &mut Tx<'_>, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<OrderId>, DbError> {
    let rows = tx.query(
        "update orders set look_at_us = $2 \
          where look_at_us <= $1 and order_id in \
                (select order_id from orders where look_at_us <= $1 order by look_at_us limit $3) \
         returning order_id",
        &params![now.micros(), until.micros(), limit],
    )?;
    rows.iter().map(id).collect()
}

fn id(row: &Row) -> Result<OrderId, DbError> {
    required(parsed(row, "order_id")?, "order_id")
}

/// There was nothing new to see: the order is looked at again then.
pub fn look_again(tx: &mut Tx<'_>, id: OrderId, version: i64, at: Option<Timestamp>) -> Result<(), DbError> {
    tx.execute(
        "update orders set look_at_us = $3 where order_id = $1 and version = $2 and look_at_us is not null",
        &params![id.to_string(), version, at.map(Timestamp::micros)],
    )
    .map(drop)
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

/// Whether an order waits for a time that nobody sets who knows what time it is: one that is further away than `far`, the
/// longest pause there is. An order that waits for its deadline alone may wait for long.
pub fn is_any_too_far(tx: &mut Tx<'_>, far: Timestamp) -> Result<bool, DbError> {
    let row = tx.query_one(
        "select case when exists (select 1 from orders where due_at_us > $1) \
                       or exists (select 1 from orders where look_at_us > $1 and look_at_us < pay_by_us) \
                     then 1 else 0 end as too_far",
        &params![far.micros()],
    )?;
    Ok(row.get::<i64>("too_far")? == 1)
}

/// Those orders are due now: the clock has been set back since.
pub fn bring_back(tx: &mut Tx<'_>, now: Timestamp, far: Timestamp) -> Result<u64, DbError> {
    let due = "update orders set due_at_us = $1 where due_at_us > $2";
    let look = "update orders set look_at_us = $1 where look_at_us > $2 and look_at_us < pay_by_us";
    let times = params![now.micros(), far.micros()];
    Ok(tx.execute(due, &times)? + tx.execute(look, &times)?)
}

/// An order is due now, if anything is outstanding for it. Says whether there is such an order.
pub fn now(tx: &mut Tx<'_>, id: OrderId, now: Timestamp) -> Result<bool, DbError> {
    let found = tx.execute(
        "update orders set due_at_us = case when due_at_us is null then null else cast($2 as bigint) end \
          where order_id = $1",
        &params![id.to_string(), now.micros()],
    )?;
    Ok(found == 1)
}

/// Whatever is outstanding is due now: whoever was at work on it is dead.
pub fn all(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    tx.execute("update orders set due_at_us = $1 where due_at_us > $1", &params![now.micros()])
}

/// Whatever is outstanding for this order is due now: whoever was at work on it stops.
pub fn leave(tx: &mut Tx<'_>, id: OrderId, now: Timestamp) -> Result<(), DbError> {
    let sql = "update orders set due_at_us = $2 where order_id = $1 and due_at_us > $2";
    tx.execute(sql, &params![id.to_string(), now.micros()]).map(drop)
}
