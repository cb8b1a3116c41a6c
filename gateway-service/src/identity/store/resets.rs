use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::{AccountId, Timestamp};

use super::parsed;

/// Keeps a reset token's hash, unless its owner was sent enough of them lately.
pub fn insert(
    tx: &mut Tx<'_>,
    account: AccountId,
    sha256: &[u8],
    now: Timestamp,
    expires: Timestamp,
    at_most: i64,
) -> Result<bool, DbError> {
    let added = tx.execute(
        "insert into password_reset (token_sha256, account_id, created_at_us, expires_at_us) \
         select $1, $2, $3, $4 where (select count(*) from password_reset \
         where account_id = $2 and expires_at_us > $3) < $5",
        &params![sha256, account.to_string(), now.micros(), expires.micros(), at_most],
    )?;
    Ok(added == 1)
}

/// Whose reset token this is, if it is good. It stays good.
pub fn owner(tx: &mut Tx<'_>, sha256: &[u8], now: Timestamp) -> Result<Option<AccountId>, DbError> {
    let row = tx.query_opt(
        "select account_id from password_reset where token_sha256 = $1 and expires_at_us > $2",
        &params![sha256, now.micros()],
    )?;
    row.map(|row| parsed(&row, "account_id")).transpose()
}

/// Uses a reset token up, and all others of its account with it. Its account, if the token was good.
pub fn take(tx: &mut Tx<'_>, sha256: &[u8], now: Timestamp) -> Result<Option<AccountId>, DbError> {
    // The row that this statement deletes is deleted by nobody else: one token sets one password.
    let row = tx.query_opt(
        "delete from password_reset where token_sha256 = $1 and expires_at_us > $2 returning account_id",
        &params![sha256, now.micros()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let account: AccountId = parsed(&row, "account_id")?;
    tx.execute("delete from password_reset where account_id = $1", &params![account.to_string()])?;
    Ok(Some(account))
}
