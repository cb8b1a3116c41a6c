use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};
use shared_types::{
    AccountId, Timestamp,
    identity::{AccountView, Email, PersonName, Phone, Role, Username},
};

use super::parsed;

/// An account as it is stored.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: AccountId,
    pub username: Username,
    pub email: Email,
    pub name: PersonName,
    pub phone: Option<Phone>,
    pub role: Role,
    pub password_hash: String,
    /// What was given out under an older number is no longer good.
    pub generation: i64,
    pub disabled: bool,
    pub version: i64,
    pub created_at: Timestamp,
}

impl Account {
    fn read(row: &Row) -> Result<Account, DbError> {
        let phone: Option<String> = row.get("phone")?;
        Ok(Account {
            id: parsed(row, "account_id")?,
            username: parsed(row, "username")?,
            email: parsed(row, "email")?,
            name: parsed(row, "name")?,
            phone: phone.is_some().then(|| parsed(row, "phone")).transpose()?,
            role: parsed(row, "role")?,
            password_hash: row.get("password_hash")?,
            generation: row.get("generation")?,
            disabled: row.get::<Option<i64>>("disabled_at_us")?.is_some(),
            version: row.get("version")?,
            created_at: Timestamp::from_micros(row.get("created_at_us")?),
        })
    }

    pub fn view(self) -> AccountView {
        AccountView {
            id: self.id,
            username: self.username,
            email: self.email,
            name: self.name,
            phone: self.phone,
            role: self.role,
            disabled: self.disabled,
            version: self.version,
            created_at: self.created_at,
        }
    }
}

/// What a new account is made of.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub id: AccountId,
    pub username: Username,
    pub email: Email,
    pub name: PersonName,
    pub phone: Option<Phone>,
    pub role: Role,
    pub password_hash: String,
}

/// Which of the two names another account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub username: bool,
    pub email: bool,
}

/// Adds an account, unless another one has its username or address. The unique constraints decide, so two
/// registrations of one name at the same moment make one account.
pub fn insert(tx: &mut Tx<'_>, new: &NewAccount, now: Timestamp) -> Result<Result<Account, Taken>, DbError> {
    let row = tx.query_opt(
        "insert into account (account_id, username, username_lower, email, email_lower, name, phone, role, \
         password_hash, created_at_us, updated_at_us) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) \
         on conflict do nothing returning *",
        &params![
            new.id.to_string(),
            new.username.as_str(),
            new.username.as_str().to_lowercase(),
            new.email.as_str(),
            new.email.as_str().to_lowercase(),
            new.name.as_str(),
            new.phone.as_ref().map(Phone::as_str),
            new.role.as_str(),
            new.password_hash.as_str(),
            now.micros(),
        ],
    )?;
    match row {
        Some(row) => Account::read(&row).map(Ok),
        None => Ok(Err(Taken {
            username: find_by_name(tx, new.username.as_str())?.is_some(),
            email: find_by_name(tx, new.email.as_str())?.is_some(),
        })),
    }
}

pub fn find(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<Account>, DbError> {
    let row = tx.query_opt("select * from account where account_id = $1", &params![id.to_string()])?;
    row.as_ref().map(Account::read).transpose()
}

/// By username or e-mail address, in any case. A username has no `@`, so the two never meet.
pub fn find_by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<Account>, DbError> {
    let sql = if name.contains('@') {
        "select * from account where email_lower = $1"
    } else {
        "select * from account where username_lower = $1"
    };
    tx.query_opt(sql, &params![name.to_lowercase()])?.as_ref().map(Account::read).transpose()
}

/// A page of accounts, latest first, after the position of the last row of the page before.
pub fn page(tx: &mut Tx<'_>, after: Option<(i64, String)>, rows: i64) -> Result<Vec<Account>, DbError> {
    let (at, id) = after.unwrap_or((i64::MAX, String::new()));
    let rows = tx.query(
        "select * from account where (created_at_us, account_id) < ($1, $2) \
         order by created_at_us desc, account_id desc limit $3",
        &params![at, id, rows],
    )?;
    rows.iter().map(Account::read).collect()
}

/// What an owner changes about himself; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub name: Option<PersonName>,
    pub phone: Option<Option<Phone>>,
    pub email: Option<Email>,
}

/// Changes an account, unless it is no longer at `version`. Nothing: it is not there, or at another version.
pub fn update(
    tx: &mut Tx<'_>,
    id: AccountId,
    changes: &Changes,
    version: Option<i64>,
    now: Timestamp,
) -> Result<Option<Account>, DbError> {
    let phone = changes.phone.as_ref();
    let row = tx.query_opt(
        "update account set name = coalesce($2, name), phone = case when $3 = 1 then $4 else phone end, \
         email = coalesce($5, email), email_lower = coalesce($6, email_lower), version = version + 1, \
         updated_at_us = $7 where account_id = $1 and (cast($8 as bigint) is null or version = $8) returning *",
        &params![
            id.to_string(),
            changes.name.as_ref().map(PersonName::as_str),
            i64::from(phone.is_some()),
            phone.and_then(Option::as_ref).map(Phone::as_str),
            changes.email.as_ref().map(Email::as_str),
            changes.email.as_ref().map(|email| email.as_str().to_lowercase()),
            now.micros(),
            version,
        ],
    )?;
    row.as_ref().map(Account::read).transpose()
}

/// Sets the password and ends every sign-in, if the password is still the one that was checked.
pub fn set_password(
    tx: &mut Tx<'_>,
    id: AccountId,
    checked_hash: Option<&str>,
    hash: &str,
    now: Timestamp,
) -> Result<Option<Account>, DbError> {
    let row = tx.query_opt(
        "update account set password_hash = $2, generation = generation + 1, version = version + 1, \
         updated_at_us = $3 where account_id = $1 and disabled_at_us is null \
         and (cast($4 as text) is null or password_hash = $4) returning *",
        &params![id.to_string(), hash, now.micros(), checked_hash],
    )?;
    row.as_ref().map(Account::read).transpose()
}

/// Ends every sign-in of the account: one number, whatever the count of its tokens.
pub fn end_sign_ins(tx: &mut Tx<'_>, id: AccountId, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.execute(
        "update account set generation = generation + 1, updated_at_us = $2 where account_id = $1",
        &params![id.to_string(), now.micros()],
    )?;
    Ok(changed == 1)
}

/// Shuts an account or opens it again; shutting ends its sign-ins. Asked twice, it stays as it is.
pub fn set_disabled(
    tx: &mut Tx<'_>,
    id: AccountId,
    disabled: bool,
    now: Timestamp,
) -> Result<Option<Account>, DbError> {
    let at = if disabled { Value::from(now.micros()) } else { Value::Null };
    tx.execute(
        "update account set disabled_at_us = $2, generation = generation + 1, version = version + 1, \
         updated_at_us = $3 where account_id = $1 and (disabled_at_us is null) = (cast($2 as bigint) is not null)",
        &[Value::from(id.to_string()), at, Value::from(now.micros())],
    )?;
    find(tx, id)
}
