use service_kit::{
    db::{DbError, Tx},
    params,
};

/// The key of guests' tokens; `candidate` where there was none. Of two replicas that start at once the first to commit
/// has made it.
pub fn key(tx: &mut Tx<'_>, candidate: &[u8]) -> Result<Vec<u8>, DbError> {
    tx.execute(
        "insert into guest_key (only_row, secret) values (1, $1) on conflict (only_row) do nothing",
        &params![candidate],
    )?;
    let row = tx.query_opt("select secret from guest_key", &params![])?.ok_or(DbError::NoRow)?;
    row.get("secret")
}
