use shared_types::Timestamp;

use super::KeyedRequest;
use crate::{
    db::{DbError, Row, Tx},
    params,
};

/// What a key was used for before.
pub(super) struct Found {
    pub fingerprint: Vec<u8>,
    pub answer: String,
}

/// Takes the key for this transaction; or answers what it was used for, in which case nothing is written.
///
/// Of two transactions with one key the second waits at this statement until the first has committed or gone.
pub(super) fn claim(tx: &mut Tx<'_>, asked: &KeyedRequest, at: Timestamp) -> Result<Option<Found>, DbError> {
    let claimed = tx.execute(
        "insert into answered_request (principal, route, key, fingerprint, answer, answered_us) \
         values ($1, $2, $3, $4, '', $5) on conflict do nothing",
        &params![&asked.principal, &asked.route, &asked.key, asked.fingerprint.clone(), at.micros()],
    )?;
    if claimed == 1 {
        return Ok(None);
    }
    find(tx, asked)?.ok_or(DbError::NoRow).map(Some)
}

/// What a key was used for, if it was used.
pub(super) fn find(tx: &mut Tx<'_>, asked: &KeyedRequest) -> Result<Option<Found>, DbError> {
    let row = tx.query_opt(
        "select fingerprint, answer from answered_request where principal = $1 and route = $2 and key = $3",
        &params![&asked.principal, &asked.route, &asked.key],
    )?;
    let read = |row: Row| Ok(Found { fingerprint: row.get("fingerprint")?, answer: row.get("answer")? });
    row.map(read).transpose()
}

/// Writes the answer beside the key that this transaction has taken.
pub(super) fn keep(tx: &mut Tx<'_>, asked: &KeyedRequest, answer: &str) -> Result<(), DbError> {
    tx.execute(
        "update answered_request set answer = $4 where principal = $1 and route = $2 and key = $3",
        &params![&asked.principal, &asked.route, &asked.key, answer],
    )
    .map(drop)
}

/// Rows in one delete: nobody waits long behind it.
const FORGOTTEN_AT_ONCE_ROWS: i64 = 1_000;

/// Forgets some of the answers given before `before`; says how many.
pub(super) fn forget(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, DbError> {
    tx.execute(
        "delete from answered_request where (principal, route, key) in \
                (select principal, route, key from answered_request where answered_us < $1 \
                  order by answered_us limit $2)",
        &params![before.micros(), FORGOTTEN_AT_ONCE_ROWS],
    )
}
