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
use crate::identity::domain::RedirectUri;

/// A registered application.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its `client_id`.
    pub id: String,
    pub owner: AccountId,
    pub name: Label,
    pub secret_sha256: Option<Vec<u8>>,
    pub redirect_uris: Vec<RedirectUri>,
    pub scopes: Scopes,
    pub client_credentials: bool,
    pub version: i64,
    pub created_at: Timestamp,
}

impl Application {
    fn read(row: &Row) -> Result<Application, DbError> {
        let uris: String = row.get("redirect_uris")?;
        let uri = |text: &str| {
            let problem = |error: crate::identity::domain::RedirectUriError| error.to_string();
            let column = "redirect_uris".to_owned();
            text.parse().map_err(|error| DbError::Decode { column, problem: problem(error) })
        };
        Ok(Application {
            id: row.get("application_id")?,
            owner: parsed(row, "account_id")?,
            name: parsed(row, "name")?,
            secret_sha256: row.get("secret_sha256")?,
            redirect_uris: uris.lines().map(uri).collect::<Result<_, _>>()?,
            scopes: Scopes::known_in(&row.get::<String>("scopes")?),
            client_credentials: row.get("client_credentials")?,
            version: row.get("version")?,
            created_at: Timestamp::from_micros(row.get("created_at_us")?),
        })
    }

    pub fn is_confidential(&self) -> bool {
        self.secret_sha256.is_some()
    }
}

fn lines(uris: &[RedirectUri]) -> String {
    uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>().join("\n")
}

/// Adds an application, unless its owner has enough of them.
pub fn insert(tx: &mut Tx<'_>, new: &Application, at_most: i64) -> Result<bool, DbError> {
    let added = tx.execute(
        "insert into application (application_id, account_id, name, secret_sha256, redirect_uris, scopes, \
         client_credentials, created_at_us) select $1, $2, $3, $4, $5, $6, $7, $8 \
         where (select count(*) from application where account_id = $2 and deleted_at_us is null) < $9",
        &params![
            new.id.as_str(),
            new.owner.to_string(),
            new.name.as_str(),
            new.secret_sha256.clone(),
            lines(&new.redirect_uris),
            new.scopes.to_string(),
            new.client_credentials,
            new.created_at.micros(),
            at_most,
        ],
    )?;
    Ok(added == 1)
}

/// An application, unless its owner removed it or cannot sign in any more, with the role that its owner has today.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<(Application, Role)>, DbError> {
    let row = tx.query_opt(
        "select application.*, account.role as role from application \
         join account on account.account_id = application.account_id \
         where application_id = $1 and deleted_at_us is null and account.disabled_at_us is null",
        &params![id],
    )?;
    row.map(|row| Ok((Application::read(&row)?, parsed(&row, "role")?))).transpose()
}

/// A page of the applications of one owner, or of all, latest first.
pub fn page(
    tx: &mut Tx<'_>,
    owner: Option<AccountId>,
    after: Option<&str>,
    rows: i64,
) -> Result<Vec<Application>, DbError> {
    let rows = tx.query(
        "select * from application where deleted_at_us is null and (cast($1 as text) is null or account_id = $1) \
         and (cast($2 as text) is null or application_id < $2) order by application_id desc limit $3",
        &params![owner.map(|owner| owner.to_string()), after, rows],
    )?;
    rows.iter().map(Application::read).collect()
}

/// What its owner changes; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub name: Option<Label>,
    pub redirect_uris: Option<Vec<RedirectUri>>,
    pub scopes: Option<Scopes>,
    pub secret_sha256: Option<Vec<u8>>,
}

/// Changes an application of this owner, or of anybody. A public one is never given a secret.
pub fn update(
    tx: &mut Tx<'_>,
    id: &str,
    owner: Option<AccountId>,
    changes: &Changes,
) -> Result<Option<Application>, DbError> {
    let row = tx.query_opt(
        "update application set name = coalesce($3, name), redirect_uris = coalesce($4, redirect_uris), \
         scopes = coalesce($5, scopes), version = version + 1, secret_sha256 = \
         case when secret_sha256 is null then null else coalesce($6, secret_sha256) end \
         where application_id = $1 and deleted_at_us is null and (cast($2 as text) is null or account_id = $2) \
         returning *",
        &params![
            id,
            owner.map(|owner| owner.to_string()),
            changes.name.as_ref().map(Label::as_str),
            changes.redirect_uris.as_deref().map(lines),
            changes.scopes.map(|scopes| scopes.to_string()),
            changes.secret_sha256.clone(),
        ],
    )?;
    row.as_ref().map(Application::read).transpose()
}

/// Removes an application of this owner, or of anybody, and ends everything that it was given.
pub fn remove(tx: &mut Tx<'_>, id: &str, owner: Option<AccountId>, now: Timestamp) -> Result<bool, DbError> {
    let removed = tx.execute(
        "update application set deleted_at_us = $3, version = version + 1 \
         where application_id = $1 and deleted_at_us is null and (cast($2 as text) is null or account_id = $2)",
        &params![id, owner.map(|owner| owner.to_string()), now.micros()],
    )?;
    if removed == 1 {
        tx.execute(
            "update token_family set revoked_at_us = $2, revoked_because = 'application removed' \
             where application_id = $1 and revoked_at_us is null",
            &params![id, now.micros()],
        )?;
    }
    Ok(removed == 1)
}
