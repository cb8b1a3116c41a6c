use service_kit::db::{Db, DbError};
use service_kit::http::{Cursor, PageQuery};
use shared_types::{
    AccountId, Code, FieldError, Problem, Secret, Timestamp,
    identity::{
        AccountPage, AccountView, ChangePasswordRequest, CreateAccountRequest, NewPassword, RegisterRequest, Role,
        TokenView, UpdateAccountRequest,
    },
};

use super::{
    Identity,
    audit::Actor,
    domain::{Origin, refuse_obvious},
    sign_in::SignedIn,
    store::{
        self,
        accounts::{Account, Changes, NewAccount, Taken},
    },
    trouble::{self, Trouble},
};

impl Identity {
    /// A customer opens an account for himself.
    pub async fn register(&self, request: RegisterRequest, origin: Origin) -> Result<AccountView, Problem> {
        self.ask_registrations(origin)?;
        let RegisterRequest { username, email, password, name, phone } = request;
        let request = CreateAccountRequest { username, email, password, name, phone, role: Role::Customer };
        self.create_account(request, &Actor::anonymous(origin), "account.register").await
    }

    /// Opens an account of any role: for administrators, and for whoever has the machine.
    pub async fn create_account(
        &self,
        request: CreateAccountRequest,
        actor: &Actor,
        action: &'static str,
    ) -> Result<AccountView, Problem> {
        refuse_obvious(&request.password, &request.username, &request.email)
            .map_err(|why| Problem::invalid("password", why))?;
        let turn = self.passwords.turn().await?;
        let password_hash = self.passwords.hash(turn, request.password.secret().clone()).await;
        add(&self.db, request, password_hash, actor.clone(), action, self.clock.now()).await
    }

    /// One account.
    pub async fn account(&self, id: AccountId) -> Result<AccountView, Problem> {
        Ok(self.stored(id).await?.view())
    }

    pub(super) async fn stored(&self, id: AccountId) -> Result<Account, Problem> {
        let found = self.db.read(move |tx| store::accounts::find(tx, id)).await;
        found.map_err(|error: DbError| trouble::database(&error))?.ok_or_else(|| missing(id))
    }

    /// All accounts, latest first.
    pub async fn accounts(&self, page: &PageQuery) -> Result<AccountPage, Problem> {
        let rows = page.rows()?;
        let after = page.cursor.as_deref().map(after).transpose()?;
        let read = self.db.read(move |tx| store::accounts::page(tx, after.clone(), rows + 1)).await;
        let mut accounts: Vec<Account> = read.map_err(|error: DbError| trouble::database(&error))?;
        let more = accounts.len() > usize::try_from(rows).unwrap_or(usize::MAX);
        accounts.truncate(usize::try_from(rows).unwrap_or(usize::MAX));
        let last = accounts.last().filter(|_| more);
        let next_cursor =
            last.map(|last| Cursor(vec![last.created_at.micros().to_string(), last.id.to_string()]).encode());
        Ok(AccountPage { items: accounts.into_iter().map(Account::view).collect(), next_cursor })
    }

    /// What one changes about oneself.
    pub async fn update_account(
        &self,
        id: AccountId,
        request: UpdateAccountRequest,
        version: Option<i64>,
        origin: Origin,
    ) -> Result<AccountView, Problem> {
        if request.email.is_some() {
            self.check_current(id, request.current_password, "current_password", origin).await?;
        }
        let changes = Changes { name: request.name, phone: request.phone, email: request.email };
        let (now, actor) = (self.clock.now(), Actor::account(id, origin));
        let account = self.db.write(move |tx| {
            if let Some(email) = &changes.email
                && store::accounts::find_by_name(tx, email.as_str())?.is_some_and(|other| other.id != id)
            {
                return Err(Trouble::from(taken(Taken { username: false, email: true })));
            }
            let changed = store::accounts::update(tx, id, &changes, version, now)?;
            let account = changed.ok_or_else(|| stale(version))?;
            let entry = actor.done("account.update", format_args!("/accounts/{id}")).with_detail(names(&changes));
            store::audit::append(tx, &entry, now)?;
            Ok(account)
        });
        match account.await {
            Ok(account) => Ok(account.view()),
            // Another account took the address since the look: the unique constraint has the last word.
            Err(Trouble::Database(error)) if error.is_constraint("account_email_lower_key") => {
                Err(taken(Taken { username: false, email: true }))
            }
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// A new password for oneself: every other sign-in ends, and this one goes on with a new token.
    pub async fn change_password(
        &self,
        id: AccountId,
        request: ChangePasswordRequest,
        origin: Origin,
    ) -> Result<TokenView, Problem> {
        let account = self.check_current(id, Some(request.current_password), "current_password", origin).await?;
        let hash = self.hash_new(&account, &request.new_password).await?;
        let (now, actor) = (self.clock.now(), Actor::account(id, origin));
        let changed = self.db.write(move |tx| {
            let changed = store::accounts::set_password(tx, id, Some(&account.password_hash), &hash, now)?;
            let moved = || Problem::new(Code::Unauthorized, "the password has changed meanwhile");
            let account = changed.ok_or_else(moved)?;
            store::audit::append(tx, &actor.done("account.change_password", format_args!("/accounts/{id}")), now)?;
            Ok::<_, Trouble>(account)
        });
        let signed_in = SignedIn(changed.await?);
        self.forget_families();
        self.first_token(&signed_in, origin).await
    }

    /// The hash of a new password, if it is one to take.
    pub(super) async fn hash_new(&self, account: &Account, password: &NewPassword) -> Result<String, Problem> {
        refuse_obvious(password, &account.username, &account.email)
            .map_err(|why| Problem::invalid("new_password", why))?;
        let turn = self.passwords.turn().await?;
        Ok(self.passwords.hash(turn, password.secret().clone()).await)
    }

    /// Whether this is the account's password; throttled like a sign-in.
    async fn check_current(
        &self,
        id: AccountId,
        password: Option<Secret>,
        field: &str,
        origin: Origin,
    ) -> Result<Account, Problem> {
        let password = password.ok_or_else(|| Problem::invalid(field, "is needed for this change"))?;
        let account = self.stored(id).await?;
        if self.throttled(&id.to_string(), origin, password, Some(&account)).await? {
            return Ok(account);
        }
        let entry =
            Actor::account(id, origin).refused("account.check", format_args!("/accounts/{id}"), "wrong password");
        self.record(entry).await?;
        Err(Problem::invalid(field, "is not your password"))
    }

    /// Shuts an account, or opens it again. Nobody shuts his own: so the last administrator cannot lock the shop.
    pub async fn set_disabled(
        &self,
        id: AccountId,
        disabled: bool,
        by: AccountId,
        origin: Origin,
    ) -> Result<AccountView, Problem> {
        if id == by {
            return Err(Problem::new(Code::Forbidden, "nobody disables or enables his own account"));
        }
        let action = if disabled { "account.disable" } else { "account.enable" };
        let (now, actor) = (self.clock.now(), Actor::account(by, origin));
        let account = self.db.write(move |tx| {
            let account = store::accounts::set_disabled(tx, id, disabled, now)?.ok_or_else(|| missing(id))?;
            store::audit::append(tx, &actor.done(action, format_args!("/accounts/{id}")).on_behalf_of(id), now)?;
            Ok::<_, Trouble>(account)
        });
        let account = account.await?;
        self.forget_families();
        Ok(account.view())
    }

    /// Ends every sign-in and every consent of an account.
    pub async fn sign_out_everywhere(&self, id: AccountId, origin: Origin) -> Result<(), Problem> {
        let (now, actor) = (self.clock.now(), Actor::account(id, origin));
        let done = self.db.write(move |tx| {
            if !store::accounts::end_sign_ins(tx, id, now)? {
                return Err(Trouble::from(missing(id)));
            }
            store::audit::append(tx, &actor.done("account.sign_out_everywhere", format_args!("/accounts/{id}")), now)?;
            Ok(())
        });
        done.await?;
        self.forget_families();
        Ok(())
    }
}

/// Adds an account whose password was judged and hashed, and notes who did it.
pub(super) async fn add(
    db: &Db,
    request: CreateAccountRequest,
    password_hash: String,
    actor: Actor,
    action: &'static str,
    now: Timestamp,
) -> Result<AccountView, Problem> {
    let id = AccountId::from_uuid(uuid::Uuid::now_v7());
    let CreateAccountRequest { username, email, name, phone, role, .. } = request;
    let new = NewAccount { id, username, email, name, phone, role, password_hash };
    let account = db.write(move |tx| {
        let account = store::accounts::insert(tx, &new, now)?.map_err(taken)?;
        let entry = actor.done(action, format_args!("/accounts/{id}")).with_detail(new.role.as_str());
        store::audit::append(tx, &entry, now)?;
        Ok::<_, Trouble>(account)
    });
    Ok(account.await?.view())
}

/// The position in the list of accounts.
fn after(cursor: &str) -> Result<(i64, String), Problem> {
    let cursor = Cursor::decode(cursor, 2)?;
    let id: AccountId = cursor.0[1].parse().map_err(|_| Cursor::malformed())?;
    Ok((cursor.number(0)?, id.to_string()))
}

fn missing(id: AccountId) -> Problem {
    Problem::new(Code::AccountNotFound, format!("there is no account {id}"))
}

fn stale(version: Option<i64>) -> Problem {
    match version {
        Some(version) => Problem::new(Code::VersionMismatch, format!("the account is no longer at version {version}")),
        None => Problem::new(Code::AccountNotFound, "the account is gone"),
    }
}

fn taken(taken: Taken) -> Problem {
    let fields = [("username", taken.username), ("email", taken.email)];
    let errors: Vec<FieldError> = fields
        .into_iter()
        .filter(|(_, taken)| *taken)
        .map(|(field, _)| FieldError { field: field.to_owned(), detail: "belongs to another account".to_owned() })
        .collect();
    Problem::new(Code::AccountTaken, "another account has this name or address").with_errors(errors)
}

/// Which fields were changed; never to what.
fn names(changes: &Changes) -> String {
    let fields =
        [("name", changes.name.is_some()), ("phone", changes.phone.is_some()), ("email", changes.email.is_some())];
    fields.iter().filter(|(_, changed)| *changed).map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}
