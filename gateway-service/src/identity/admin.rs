use service_kit::{
    Clock,
    db::{DatabaseUrl, Db, DbError, DbOptions, OpenError},
};
use shared_types::{
    Code, Problem, Secret,
    identity::{AccountView, CreateAccountRequest, CreateApiKeyRequest, NewApiKeyView},
};

use super::{
    accounts,
    argon::Memory,
    audit::Actor,
    domain::refuse_obvious,
    keys,
    opaque::{Opaque, OpaqueKind},
    resets::RESET_LIFETIME_MS,
    store::{self, accounts::Account},
    trouble::Trouble,
};

/// Opens the gateway's database, whether or not the gateway is running on it.
pub async fn open(url: &DatabaseUrl) -> Result<Db, OpenError> {
    Db::open_beside(url, DbOptions::default(), store::MIGRATIONS).await
}

/// Makes an API key for the account of this name: it allows these scopes, as far as the account has them.
pub async fn add_key(db: &Db, username: &str, request: CreateApiKeyRequest) -> Result<NewApiKeyView, Problem> {
    let account = find(db, username).await?;
    keys::add(db, account.id, account.role, request, Actor::command_line(), Clock::system().now()).await
}

/// Opens an account of any role: how a shop gets its first administrator.
pub async fn add_user(db: &Db, request: CreateAccountRequest) -> Result<AccountView, Problem> {
    refuse_obvious(&request.password, &request.username, &request.email)
        .map_err(|why| Problem::invalid("password", why))?;
    let password = request.password.secret().clone();
    let hashed = tokio::task::spawn_blocking(move || Memory::default().hash(&password)).await;
    let hash = hashed.expect("BUG: hashing does not panic");
    accounts::add(db, request, hash, Actor::command_line(), "account.create", Clock::system().now()).await
}

/// A reset token for the account of this name, for whoever has the machine to hand over: good for half an hour, once.
pub async fn reset_token(db: &Db, username: &str) -> Result<Secret, Problem> {
    let account = find(db, username).await?;
    if account.disabled {
        return Err(Problem::new(Code::Forbidden, "the account is disabled"));
    }
    let (token, now) = (Opaque::fresh(OpaqueKind::PasswordReset), Clock::system().now());
    let sha256 = token.sha256;
    let done = db.write(move |tx| {
        store::resets::insert(tx, account.id, &sha256, now, now.plus_ms(RESET_LIFETIME_MS), i64::MAX)?;
        let entry = Actor::command_line().done("account.ask_reset", format_args!("/accounts/{}", account.id));
        store::audit::append(tx, &entry.on_behalf_of(account.id), now)
    });
    done.await.map_err(|error: DbError| Problem::from(Trouble::Database(error)))?;
    Ok(token.secret)
}

async fn find(db: &Db, username: &str) -> Result<Account, Problem> {
    let wanted = username.to_owned();
    let found = db.read(move |tx| store::accounts::find_by_name(tx, &wanted)).await.map_err(Trouble::Database)?;
    found.ok_or_else(|| Problem::new(Code::AccountNotFound, "there is no account of this name"))
}
