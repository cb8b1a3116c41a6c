use shared_types::Timestamp;

use super::rotation::{Span, rotate};
use crate::{
    db::{DbError, Row, Tx},
    params,
};

/// A key as it is stored.
pub(super) struct StoredKey {
    pub span: Span,
    pub private_key: [u8; 32],
}

/// A key that the rotation may put to use. It is made outside of the transaction, which may run more than once.
pub(super) struct Candidate {
    pub kid: String,
    pub private_key: [u8; 32],
    pub public_key: [u8; 32],
}

/// Rotates where it is time, and answers the keys there are afterwards, the oldest first.
pub(super) fn rotated(tx: &mut Tx<'_>, now: Timestamp, candidate: &Candidate) -> Result<Vec<StoredKey>, DbError> {
    let spans: Vec<Span> = all(tx)?.iter().map(|key| key.span).collect();
    let plan = rotate(now, &spans);
    if let Some(span) = plan.create {
        create(tx, now, span, candidate)?;
    }
    for generation in plan.forget {
        tx.execute("delete from signing_key where generation = $1", &params![generation])?;
    }
    all(tx)
}

/// Two replicas that rotate at once make the same generation: the first to commit has made it, and the other's key is
/// dropped before anybody has seen it.
fn create(tx: &mut Tx<'_>, now: Timestamp, span: Span, key: &Candidate) -> Result<u64, DbError> {
    tx.execute(
        "insert into signing_key (generation, kid, private_key, public_key, created_us, activates_us, retires_us)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (generation) do nothing",
        &params![
            span.generation,
            &key.kid,
            key.private_key.as_slice(),
            key.public_key.as_slice(),
            now.micros(),
            span.activates.micros(),
            span.retires.micros(),
        ],
    )
}

fn all(tx: &mut Tx<'_>) -> Result<Vec<StoredKey>, DbError> {
    let rows = tx.query(
        "select generation, private_key, activates_us, retires_us from signing_key order by generation",
        &params![],
    )?;
    rows.iter().map(stored_key).collect()
}

fn stored_key(row: &Row) -> Result<StoredKey, DbError> {
    let private_key: Vec<u8> = row.get("private_key")?;
    let wrong_length = |_| DbError::Decode { column: "private_key".to_owned(), problem: "not 32 bytes".to_owned() };
    Ok(StoredKey {
        span: Span {
            generation: row.get("generation")?,
            activates: Timestamp::from_micros(row.get("activates_us")?),
            retires: Timestamp::from_micros(row.get("retires_us")?),
        },
        private_key: private_key.try_into().map_err(wrong_length)?,
    })
}
