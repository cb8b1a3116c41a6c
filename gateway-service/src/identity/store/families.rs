use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{AccountId, Timestamp, identity::Role};

use super::{accounts::Account, parsed};
use crate::identity::access::ACCESS_TOKEN_LIFETIME_S;

/// How a family began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A username and a password for an access token.
    Password,
    /// A person at a page of ours.
    Browser,
    /// A consent to an application.
    AuthorizationCode,
    /// An application for itself.
    ClientCredentials,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Password => "password",
            Kind::Browser => "browser",
            Kind::AuthorizationCode => "authorization_code",
            Kind::ClientCredentials => "client_credentials",
        }
    }

    /// How long a family of this kind lasts at most, however often its tokens are renewed.
    pub const fn lifetime_ms(self) -> i64 {
        const HOUR_MS: i64 = 60 * 60 * 1_000;
        match self {
            // Not renewed: as long as its one token.
            Kind::Password | Kind::ClientCredentials => ACCESS_TOKEN_LIFETIME_S * 1_000,
            Kind::Browser => 12 * HOUR_MS,
            Kind::AuthorizationCode => 90 * 24 * HOUR_MS,
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Kind::Password, Kind::Browser, Kind::AuthorizationCode, Kind::ClientCredentials];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| format!("{text:?} is no kind of family"))
    }
}

/// A sign-in or a consent that begins.
#[derive(Debug, Clone)]
pub struct NewFamily {
    pub id: String,
    pub kind: Kind,
    pub application: Option<String>,
    /// Separated by spaces.
    pub scopes: String,
    pub expires: Timestamp,
}

/// Begins a family of this account, under the account's number of today.
pub fn insert(tx: &mut Tx<'_>, new: &NewFamily, account: Option<&Account>, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "insert into token_family (family_id, account_id, application_id, kind, scopes, generation, created_at_us, \
         expires_at_us) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &params![
            new.id.as_str(),
            account.map(|account| account.id.to_string()),
            new.application.as_deref(),
            new.kind.as_str(),
            new.scopes.as_str(),
            account.map_or(0, |account| account.generation),
            now.micros(),
            new.expires.micros(),
        ],
    )?;
    Ok(())
}

/// A family that still holds, with what its account is now: a role that was taken away is gone at once.
#[derive(Debug, Clone)]
pub struct Family {
    pub id: String,
    pub kind: Kind,
    pub account: Option<(AccountId, Role)>,
    pub application: Option<String>,
    pub scopes: String,
    pub expires: Timestamp,
}

impl Family {
    fn read(row: &Row) -> Result<Family, DbError> {
        let has_account = row.get::<Option<String>>("account_id")?.is_some();
        let account = || Ok::<_, DbError>((parsed(row, "account_id")?, parsed(row, "role")?));
        Ok(Family {
            id: row.get("family_id")?,
            kind: parsed(row, "kind")?,
            account: has_account.then(account).transpose()?,
            application: row.get("application_id")?,
            scopes: row.get("scopes")?,
            expires: Timestamp::from_micros(row.get("expires_at_us")?),
        })
    }
}

/// The family, if it was not revoked, has not expired, its account is neither disabled nor signed out everywhere, and its
/// application is still there, with an owner who is let in.
pub fn live(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<Option<Family>, DbError> {
    let row = tx.query_opt(
        "select family.*, account.role as role from token_family as family \
         left join account on account.account_id = family.account_id \
         left join application on application.application_id = family.application_id \
         left join account as owner on owner.account_id = application.account_id \
         where family.family_id = $1 and family.revoked_at_us is null and family.expires_at_us > $2 \
         and (family.account_id is null \
              or (account.disabled_at_us is null and account.generation = family.generation)) \
         and (family.application_id is null \
              or (application.deleted_at_us is null and owner.disabled_at_us is null))",
        &params![id, now.micros()],
    )?;
    row.as_ref().map(Family::read).transpose()
}

/// Lets a family that holds last longer: a consent's code was turned into tokens.
pub fn prolong(tx: &mut Tx<'_>, id: &str, expires: Timestamp) -> Result<(), DbError> {
    tx.execute("update token_family set expires_at_us = $2 where family_id = $1", &params![id, expires.micros()])?;
    Ok(())
}

/// The application of a family, whether it holds or not.
pub fn application_of(tx: &mut Tx<'_>, id: &str) -> Result<Option<String>, DbError> {
    let row = tx.query_opt("select application_id from token_family where family_id = $1", &params![id])?;
    row.map_or(Ok(None), |row| row.get("application_id"))
}

/// Ends a family. Ended twice, it keeps its first reason.
pub fn revoke(tx: &mut Tx<'_>, id: &str, because: &str, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.execute(
        "update token_family set revoked_at_us = $2, revoked_because = $3 where family_id = $1 and revoked_at_us is null",
        &params![id, now.micros(), because],
    )?;
    Ok(changed == 1)
}
