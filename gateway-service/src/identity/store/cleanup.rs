use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::Timestamp;

/// Removes rows that are of no use any more, so many of each kind at most, children before parents. How many went.
///
/// `over`: what ended before this instant is not even of use to notice a second use.
pub fn remove(tx: &mut Tx<'_>, now: Timestamp, over: Timestamp, at_most: i64) -> Result<u64, DbError> {
    let ended = "select family_id from token_family where expires_at_us < $1 or revoked_at_us < $1";
    let mut removed = tx.execute(
        "delete from password_reset where token_sha256 in \
         (select token_sha256 from password_reset where expires_at_us < $1 limit $2)",
        &params![now.micros(), at_most],
    )?;
    for (table, key) in
        [("authorization_code", "code_sha256"), ("refresh_token", "token_sha256"), ("browser_cookie", "cookie_sha256")]
    {
        let sql = format!(
            "delete from {table} where {key} in (select {key} from {table} where family_id in ({ended}) limit $2)"
        );
        removed += tx.execute(&sql, &params![over.micros(), at_most])?;
    }
    // Used or expired refresh tokens of a family that goes on.
    removed += tx.execute(
        "delete from refresh_token where token_sha256 in \
         (select token_sha256 from refresh_token where expires_at_us < $1 limit $2)",
        &params![over.micros(), at_most],
    )?;
    removed += tx.execute(
        &format!(
            "delete from token_family where family_id in ({ended} limit $2) \
             and not exists (select 1 from authorization_code as code where code.family_id = token_family.family_id) \
             and not exists (select 1 from refresh_token as token where token.family_id = token_family.family_id) \
             and not exists (select 1 from browser_cookie as cookie where cookie.family_id = token_family.family_id)"
        ),
        &params![over.micros(), at_most],
    )?;
    Ok(removed)
}
