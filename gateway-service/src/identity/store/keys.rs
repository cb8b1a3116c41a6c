use service_kit::{
    auth::Scopes,
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{
    AccountId, Timestamp,
    identity::{Label, Role},
};

use super::parsed;

/// An API key as it is stored.
#[derive(Debug, Clone)]
pub struct ApiKey {
    pub id: String,
    pub owner: Option<AccountId>,
    pub name: Label,
    pub scopes: Scopes,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub revoked: bool,
}

impl ApiKey {
    fn read(row: &Row) -> Result<ApiKey, DbError> {
        let instant = |column| Ok::<_, DbError>(row.get::<Option<i64>>(column)?.map(Timestamp::from_micros));
        let has_owner = row.get::<Option<String>>("account_id")?.is_some();
        Ok(ApiKey {
            id: row.get("key_id")?,
            owner: has_owner.then(|| parsed(row, "account_id")).transpose()?,
            name: parsed(row, "name")?,
            scopes: Scopes::known_in(&row.get::<String>("scopes")?),
            created_at: Timestamp::from_micros(row.get("created_at_us")?),
            expires_at: instant("expires_at_us")?,
            last_used_at: instant("last_used_at_us")?,
            revoked: instant("revoked_at_us")?.is_some(),
        })
    }
}

/// Adds a key, unless its owner has enough of them.
pub fn insert(tx: &mut Tx<'_>, key: &ApiKey, sha256: &[u8], now: Timestamp, at_most: i64) -> Result<bool, DbError> {
    let owner = key.owner.map(|owner| owner.to_string());
    let added = tx.execute(
        "insert into api_key (key_id, account_id, name, key_sha256, scopes, created_at_us, expires_at_us) \
         select $1, $2, $3, $4, $5, $6, $7 where (select count(*) from api_key where account_id = $2 \
         and revoked_at_us is null and (expires_at_us is null or expires_at_us > $8)) < $9",
        &params![
            key.id.as_str(),
            owner,
            key.name.as_str(),
            sha256,
            key.scopes.to_string(),
            key.created_at.micros(),
            key.expires_at.map(Timestamp::micros),
            now.micros(),
            at_most,
        ],
    )?;
    Ok(added == 1)
}

/// Lets the configuration's key in, again if need be. An owner's key is left as it is.
pub fn allow_configured(tx: &mut Tx<'_>, key: &ApiKey, sha256: &[u8]) -> Result<(), DbError> {
    tx.execute(
        "insert into api_key (key_id, name, key_sha256, scopes, created_at_us) values ($1, $2, $3, $4, $5) \
         on conflict (key_sha256) do update set name = excluded.name, scopes = excluded.scopes, revoked_at_us = null \
         where api_key.account_id is null",
        &params![key.id.as_str(), key.name.as_str(), sha256, key.scopes.to_string(), key.created_at.micros(),],
    )?;
    Ok(())
}

/// Revokes every key of earlier configurations, before those of this one are let in.
pub fn revoke_configured(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "update api_key set revoked_at_us = $1 where account_id is null and revoked_at_us is null",
        &params![now.micros()],
    )?;
    Ok(())
}

/// The key with this hash, if it is good now, with no more scopes than its owner has.
pub fn live(
    tx: &mut Tx<'_>,
    sha256: &[u8],
    now: Timestamp,
    scopes_of: fn(Role) -> Scopes,
) -> Result<Option<ApiKey>, DbError> {
    let row = tx.query_opt(
        "select api_key.*, account.role as role from api_key left join account on account.account_id = api_key.account_id \
         where key_sha256 = $1 and revoked_at_us is null and (expires_at_us is null or expires_at_us > $2) \
         and (api_key.account_id is null or account.disabled_at_us is null)",
        &params![sha256, now.micros()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let key = ApiKey::read(&row)?;
    let limit = match key.owner {
        Some(_) => scopes_of(parsed(&row, "role")?),
        None => Scopes::all(),
    };
    Ok(Some(ApiKey { scopes: key.scopes.and(limit), ..key }))
}

/// Notes a use, if the last one noted is older than `since`.
pub fn note_use(tx: &mut Tx<'_>, id: &str, now: Timestamp, since: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "update api_key set last_used_at_us = $2 \
         where key_id = $1 and (last_used_at_us is null or last_used_at_us < $3)",
        &params![id, now.micros(), since.micros()],
    )?;
    Ok(())
}

/// A page of the keys of one owner, or of all, latest first.
pub fn page(tx: &mut Tx<'_>, owner: Option<AccountId>, after: Option<&str>, rows: i64) -> Result<Vec<ApiKey>, DbError> {
    let rows = tx.query(
        "select * from api_key where (cast($1 as text) is null or account_id = $1) \
         and (cast($2 as text) is null or key_id < $2) order by key_id desc limit $3",
        &params![owner.map(|owner| owner.to_string()), after, rows],
    )?;
    rows.iter().map(ApiKey::read).collect()
}

/// Revokes a key of this owner, or of anybody. Revoked twice, it stays so. The key; nothing where there is none.
pub fn revoke(tx: &mut Tx<'_>, id: &str, owner: Option<AccountId>, now: Timestamp) -> Result<Option<ApiKey>, DbError> {
    let row = tx.query_opt(
        "update api_key set revoked_at_us = coalesce(revoked_at_us, $3) \
         where key_id = $1 and (cast($2 as text) is null or account_id = $2) returning *",
        &params![id, owner.map(|owner| owner.to_string()), now.micros()],
    )?;
    row.as_ref().map(ApiKey::read).transpose()
}
