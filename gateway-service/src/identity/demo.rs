//! The accounts of a demo. Their passwords are made up at the first start and shown once: no two shops share one, and
//! nobody who reads this knows any.

use shared_types::{
    AccountId, Problem,
    identity::{Email, PersonName, Role, Username},
};
use uuid::Uuid;

use super::{
    Identity,
    audit::Actor,
    notify::FirstPassword,
    opaque,
    store::{self, accounts::NewAccount},
    trouble::Trouble,
};

/// Their ids never change, so that a shop that is no demo any more finds and shuts those that
/// nobody made his own.
const ACCOUNTS: [(Uuid, &str, &str, Role); 3] = [
    (Uuid::from_u128(0x01936f2e_0000_7000_8000_000000000001), "customer", "Cora Customer", Role::Customer),
    (Uuid::from_u128(0x01936f2e_0000_7000_8000_000000000002), "employee", "Emil Employee", Role::Employee),
    (
        Uuid::from_u128(0x01936f2e_0000_7000_8000_000000000003),
        "administrator",
        "Ada Administrator",
        Role::Administrator,
    ),
];

impl Identity {
    /// In a demo the accounts are there. Otherwise they are shut, unless somebody gave them a password of his own.
    pub(super) async fn settle_demo_accounts(&self, demo: bool) -> Result<(), Problem> {
        if demo { self.add_demo_accounts().await } else { self.shut_demo_accounts().await }
    }

    async fn add_demo_accounts(&self) -> Result<(), Problem> {
        let mut made = Vec::new();
        for (id, username, name, role) in self.demo_accounts_where(|found| found.is_none()).await? {
            let password = opaque::fresh_password();
            let hash = self.passwords.hash(self.passwords.turn().await?, password.clone()).await;
            let (account, now) = (demo_account(id, username, name, role, &hash), self.clock.now());
            let done = self.db.write(move |tx| {
                // Where somebody has the name already, the demo goes without.
                if store::accounts::insert(tx, &account, now)?.is_err() {
                    return Ok(false);
                }
                let entry = Actor::command_line().done("account.create", format_args!("/accounts/{}", account.id));
                store::audit::append(tx, &entry.with_detail("demo"), now)?;
                Ok::<_, Trouble>(true)
            });
            made.extend(done.await?.then_some(FirstPassword { username, password }));
        }
        if !made.is_empty() {
            self.notifier.first_passwords(&made);
        }
        Ok(())
    }

    async fn shut_demo_accounts(&self) -> Result<(), Problem> {
        // Changing the password is one of the things that end an account's sign-ins, and so counts its generation up.
        let untouched = |found: Option<&store::accounts::Account>| {
            found.is_some_and(|account| !account.disabled && account.generation == 1)
        };
        for (id, ..) in self.demo_accounts_where(untouched).await? {
            let (id, now) = (AccountId::from_uuid(id), self.clock.now());
            let done = self.db.write(move |tx| {
                store::accounts::set_disabled(tx, id, true, now)?;
                let entry = Actor::command_line().done("account.disable", format_args!("/accounts/{id}"));
                store::audit::append(tx, &entry.with_detail("no demo any more"), now)
            });
            done.await.map_err(Trouble::Database)?;
        }
        Ok(())
    }

    async fn demo_accounts_where(
        &self,
        wanted: fn(Option<&store::accounts::Account>) -> bool,
    ) -> Result<Vec<(Uuid, &'static str, &'static str, Role)>, Problem> {
        // It only reads: but a database that is away for a moment is no reason not to start.
        let read = self.db.write_at_start(move |tx| {
            let mut found = Vec::new();
            for demo in ACCOUNTS {
                let account = store::accounts::find(tx, AccountId::from_uuid(demo.0))?;
                found.extend(wanted(account.as_ref()).then_some(demo));
            }
            Ok(found)
        });
        Ok(read.await.map_err(Trouble::Database)?)
    }
}

fn demo_account(id: Uuid, username: &str, name: &str, role: Role, hash: &str) -> NewAccount {
    let username: Username = username.parse().expect("BUG: demo accounts have good names");
    let email: Email = format!("{username}@demo.example").parse().expect("BUG: demo accounts have good addresses");
    let name: PersonName = name.parse().expect("BUG: demo accounts have good names");
    let id = AccountId::from_uuid(id);
    NewAccount { id, username, email, name, phone: None, role, password_hash: hash.to_owned() }
}
