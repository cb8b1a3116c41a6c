use std::collections::BTreeSet;

use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{OrderId, Timestamp};

use super::{
    Stored,
    text::{from_json, json, named, parsed, required},
};
use crate::answer::{Answer, Route};

/// An idempotency key as a request carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Whose key it is.
    pub principal: String,
    pub route: Route,
    pub key: String,
    /// SHA-256 of what was asked.
    pub fingerprint: Vec<u8>,
}

/// What a key was used for before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// None: it was refused before an order was written.
    pub order_id: Option<OrderId>,
    /// Whether it was the same request.
    pub same: bool,
    /// The final answer, once there is one.
    pub answer: Option<Answer>,
}

/// Ties a key to an order; or answers what it was used for before, in which case nothing is written.
///
/// Of two requests with one key the second waits at this statement for the first's commit, then finds its row.
pub fn tie(tx: &mut Tx<'_>, key: &Key, order_id: OrderId, at: Timestamp) -> Result<Option<Used>, DbError> {
    insert(tx, key, Some(order_id.to_string()), None, at)
}

/// Keeps the refusal of a request for which no order was written; or answers what its key was used for before, in which
/// case nothing is written.
pub fn keep_refusal(tx: &mut Tx<'_>, key: &Key, refusal: &Answer, at: Timestamp) -> Result<Option<Used>, DbError> {
    insert(tx, key, None, Some(json(refusal)), at)
}

fn insert(
    tx: &mut Tx<'_>,
    key: &Key,
    order_id: Option<String>,
    answer: Option<String>,
    at: Timestamp,
) -> Result<Option<Used>, DbError> {
    let inserted = tx.execute(
        "insert into idempotency_key (principal, route, key, fingerprint, order_id, answer, created_at_us) \
         values ($1, $2, $3, $4, $5, $6, $7) \
         on conflict do nothing",
        &params![&key.principal, key.route.name(), &key.key, key.fingerprint.clone(), order_id, answer, at.micros()],
    )?;
    if inserted == 1 { Ok(None) } else { find(tx, key).and_then(|used| required(used, "key").map(Some)) }
}

/// What a key was used for, if it was used.
pub fn find(tx: &mut Tx<'_>, key: &Key) -> Result<Option<Used>, DbError> {
    let row = tx.query_opt(
        "select fingerprint, order_id, answer from idempotency_key where principal = $1 and route = $2 and key = $3",
        &params![&key.principal, key.route.name(), &key.key],
    )?;
    let read = |row: Row| {
        Ok(Used {
            order_id: parsed(&row, "order_id")?,
            same: row.get::<Vec<u8>>("fingerprint")? == key.fingerprint,
            answer: from_json(&row, "answer")?,
        })
    };
    row.map(read).transpose()
}

/// Keeps the final answers under the keys that wait for the order to be as it is now, in the transaction that made it so.
pub fn settle(tx: &mut Tx<'_>, stored: &Stored) -> Result<(), DbError> {
    let order_id = stored.order.id.to_string();
    let sql = "select route from idempotency_key where order_id = $1 and answer is null";
    let waiting = tx.query(sql, &params![&order_id])?;
    let routes = waiting.iter().map(|row| named::<Route>(row, "route")).collect::<Result<BTreeSet<_>, _>>()?;
    for route in routes.into_iter().filter(|route| route.is_final(&stored.order)) {
        tx.execute(
            "update idempotency_key set answer = $3 where order_id = $1 and route = $2 and answer is null",
            &params![&order_id, route.name(), json(&Answer::of(route, stored))],
        )?;
    }
    Ok(())
}

/// Forgets some of the keys that were answered and are older than `before`; says how many. A key whose order is not
/// decided stays, however old it is.
pub fn forget(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, DbError> {
    tx.execute(
        "delete from idempotency_key where (principal, route, key) in \
                (select principal, route, key from idempotency_key where answer is not null and created_at_us < $1 \
                  order by created_at_us limit $2)",
        &params![before.micros(), FORGOTTEN_AT_ONCE_ROWS],
    )
}

/// Rows in one delete: nobody waits long behind it.
const FORGOTTEN_AT_ONCE_ROWS: i64 = 1_000;
