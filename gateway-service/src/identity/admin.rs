use service_kit::{
    Clock,
    db::{DatabaseUrl, Db, DbOptions, OpenError},
};
use shared_types::{
    Code, Problem,
    identity::{AccountView, CreateAccountRequest, CreateApiKeyRequest, NewApiKeyView},
};

use super::{accounts, argon::Memory, audit::Actor, domain::refuse_obvious, keys, store, trouble::Trouble};

/// Opens the gateway's database and brings its schema up to date. An SQLite file belongs to one process at a time, so
/// the gateway must not be running on it.
pub async fn open(url: &DatabaseUrl) -> Result<Db, OpenError> {
    Db::open(url, DbOptions::default(), store::MIGRATIONS).await
}

/// Makes an API key for the account of this name: it allows these scopes, as far as the account has them.
pub async fn add_key(db: &Db, username: &str, request: CreateApiKeyRequest) -> Result<NewApiKeyView, Problem> {
    let wanted = username.to_owned();
    let found = db.read(move |tx| store::accounts::find_by_name(tx, &wanted)).await.map_err(Trouble::Database)?;
    let missing = || Problem::new(Code::AccountNotFound, "there is no account of this name");
    let account = found.ok_or_else(missing)?;
    keys::add(db, account.id, account.role, request, Actor::command_line(), Clock::system().now()).await
}

/// Opens an account of any role: how a shop gets its first administrator.
pub async fn add_user(db: &Db, request: CreateAccountRequest) -> Result<AccountView, Problem> {
    refuse_obvious(&request.password, &request.username, &request.email)
        .map_err(|why| Problem::invalid("password", why))?;
    let password = request.password.secret().clone();
    let hashed = tokio::task::spawn_blocking(move || Memory::new().hash(&password)).await;
    let hash = hashed.expect("BUG: hashing does not panic");
    accounts::add(db, request, hash, Actor::command_line(), "account.create", Clock::system().now()).await
}
