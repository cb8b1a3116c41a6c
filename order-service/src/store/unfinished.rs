use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::Timestamp;

/// How many orders have not moved since each of these instants although something is outstanding for them, and when the
/// one that waits longest moved last.
pub fn since(tx: &mut Tx<'_>, instants: &[Timestamp]) -> Result<(Vec<i64>, Option<Timestamp>), DbError> {
    let mut counts = Vec::with_capacity(instants.len());
    for instant in instants {
        let count = tx.query_one(
            "select count(*) as orders from orders where due_at_us is not null and updated_at_us <= $1",
            &params![instant.micros()],
        )?;
        counts.push(count.get("orders")?);
    }
    let oldest = tx.query_one("select min(updated_at_us) as us from orders where due_at_us is not null", &[])?;
    Ok((counts, oldest.get::<Option<i64>>("us")?.map(Timestamp::from_micros)))
}
