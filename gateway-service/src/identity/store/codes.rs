use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::Timestamp;

use crate::identity::domain::CodeChallenge;

/// A consent's code, as it is stored.
#[derive(Debug, Clone)]
pub struct NewCode {
    pub sha256: Vec<u8>,
    pub family: String,
    pub application: String,
    /// As it stood in the request.
    pub redirect_uri: Option<String>,
    pub challenge: CodeChallenge,
    pub expires: Timestamp,
}

pub fn insert(tx: &mut Tx<'_>, new: &NewCode) -> Result<(), DbError> {
    tx.execute(
        "insert into authorization_code (code_sha256, family_id, application_id, redirect_uri, code_challenge, \
         expires_at_us) values ($1, $2, $3, $4, $5, $6)",
        &params![
            new.sha256.as_slice(),
            new.family.as_str(),
            new.application.as_str(),
            new.redirect_uri.as_deref(),
            new.challenge.as_str(),
            new.expires.micros(),
        ],
    )?;
    Ok(())
}

/// What came of using a secret that is good once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Used<T> {
    /// It was good, and is used up.
    Good(T),
    /// It was used before: somebody else has it. This family is not to be trusted any more.
    Again { family: String },
    /// It never was, is too old, or belongs to another application.
    Never,
}

/// What a code was given out for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    pub family: String,
    pub redirect_uri: Option<String>,
    pub challenge: Option<CodeChallenge>,
}

/// Uses a code of this application up. Of two who use it at the same time, one finds it used.
pub fn redeem(tx: &mut Tx<'_>, sha256: &[u8], application: &str, now: Timestamp) -> Result<Used<Redeemed>, DbError> {
    let row = tx.query_opt(
        "update authorization_code set used_at_us = $3 where code_sha256 = $1 and application_id = $2 \
         and used_at_us is null and expires_at_us > $3 returning *",
        &params![sha256, application, now.micros()],
    )?;
    if let Some(row) = row {
        let challenge = CodeChallenge::read(&row.get::<String>("code_challenge")?);
        return Ok(Used::Good(Redeemed {
            family: row.get("family_id")?,
            redirect_uri: row.get("redirect_uri")?,
            challenge,
        }));
    }
    let used = tx.query_opt(
        "select family_id from authorization_code where code_sha256 = $1 and application_id = $2 \
         and used_at_us is not null",
        &params![sha256, application],
    )?;
    again(used)
}

fn again<T>(row: Option<service_kit::db::Row>) -> Result<Used<T>, DbError> {
    match row {
        Some(row) => Ok(Used::Again { family: row.get("family_id")? }),
        None => Ok(Used::Never),
    }
}

/// Keeps a refresh token's hash.
pub fn insert_refresh(
    tx: &mut Tx<'_>,
    sha256: &[u8],
    family: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "insert into refresh_token (token_sha256, family_id, issued_at_us, expires_at_us) values ($1, $2, $3, $4)",
        &params![sha256, family, now.micros(), expires.micros()],
    )?;
    Ok(())
}

/// Uses a refresh token of this application up; its family. Of two who use it at the same time, one finds it used.
pub fn rotate(tx: &mut Tx<'_>, sha256: &[u8], application: &str, now: Timestamp) -> Result<Used<String>, DbError> {
    const ITS: &str = "family_id in (select family_id from token_family where application_id = $2)";
    let row = tx.query_opt(
        &format!(
            "update refresh_token set used_at_us = $3 where token_sha256 = $1 and {ITS} \
             and used_at_us is null and expires_at_us > $3 returning family_id"
        ),
        &params![sha256, application, now.micros()],
    )?;
    if let Some(row) = row {
        return Ok(Used::Good(row.get("family_id")?));
    }
    let used = tx.query_opt(
        &format!("select family_id from refresh_token where token_sha256 = $1 and {ITS} and used_at_us is not null"),
        &params![sha256, application],
    )?;
    again(used)
}

/// A refresh token that is good now.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    pub family: String,
    pub issued: Timestamp,
    pub expires: Timestamp,
}

/// The refresh token with this hash, if it is good; it stays so.
pub fn find_refresh(tx: &mut Tx<'_>, sha256: &[u8], now: Timestamp) -> Result<Option<RefreshToken>, DbError> {
    let row = tx.query_opt(
        "select * from refresh_token where token_sha256 = $1 and used_at_us is null and expires_at_us > $2",
        &params![sha256, now.micros()],
    )?;
    row.map(|row| {
        Ok(RefreshToken {
            family: row.get("family_id")?,
            issued: Timestamp::from_micros(row.get("issued_at_us")?),
            expires: Timestamp::from_micros(row.get("expires_at_us")?),
        })
    })
    .transpose()
}

/// The family of a refresh token, used up or not: whoever revokes it may hold an old one.
pub fn family_of_refresh(tx: &mut Tx<'_>, sha256: &[u8]) -> Result<Option<String>, DbError> {
    let row = tx.query_opt("select family_id from refresh_token where token_sha256 = $1", &params![sha256])?;
    row.map(|row| row.get("family_id")).transpose()
}

/// Keeps the hash of a browser's cookie.
pub fn insert_cookie(tx: &mut Tx<'_>, sha256: &[u8], family: &str) -> Result<(), DbError> {
    tx.execute("insert into browser_cookie (cookie_sha256, family_id) values ($1, $2)", &params![sha256, family])?;
    Ok(())
}

/// The family of a browser's cookie, whether it holds or not.
pub fn family_of_cookie(tx: &mut Tx<'_>, sha256: &[u8]) -> Result<Option<String>, DbError> {
    let row = tx.query_opt("select family_id from browser_cookie where cookie_sha256 = $1", &params![sha256])?;
    row.map(|row| row.get("family_id")).transpose()
}
