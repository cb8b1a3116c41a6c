use std::sync::Arc;

use shared_types::{Problem, identity::SetPasswordRequest};

use super::{
    Identity,
    audit::Actor,
    domain::Origin,
    notify::ResetNotice,
    opaque::{Opaque, OpaqueKind, sha256},
    store,
    trouble::Trouble,
};

/// A reset token is good for this long.
pub const RESET_LIFETIME_MS: i64 = 30 * 60 * 1_000;
/// Good reset tokens of one account at a time: nobody's mailbox is flooded.
pub const MAX_LIVE_RESETS: i64 = 3;

impl Identity {
    /// Sends a reset token to the owner of this name. Whether there is such an account shows neither in the answer nor
    /// in its time: both ways write one line of the audit log and wait for no message.
    pub async fn ask_reset(&self, name: &str, origin: Origin) -> Result<(), Problem> {
        self.ask_resets(origin)?;
        let account = self.find_by_name(name).await?.filter(|account| !account.disabled);
        let token = Opaque::fresh(OpaqueKind::PasswordReset);
        let (now, id, sha256) = (self.clock.now(), account.as_ref().map(|account| account.id), token.sha256.clone());
        let actor = Actor::anonymous(origin);
        let send = self.db.write(move |tx| {
            let Some(id) = id else {
                store::audit::append(tx, &actor.refused("account.ask_reset", "/accounts", "unknown name"), now)?;
                return Ok::<_, Trouble>(false);
            };
            let expires = now.plus_ms(RESET_LIFETIME_MS);
            let added = store::resets::insert(tx, id, &sha256, now, expires, MAX_LIVE_RESETS)?;
            let resource = format!("/accounts/{id}");
            let entry = match added {
                true => actor.done("account.ask_reset", resource),
                false => actor.refused("account.ask_reset", resource, "enough were sent"),
            };
            store::audit::append(tx, &entry, now)?;
            Ok(added)
        });
        if let (true, Some(account)) = (send.await?, account) {
            let notice =
                ResetNotice { account: account.id, email: account.email, name: account.name, token: token.secret };
            self.send(notice);
        }
        Ok(())
    }

    fn send(&self, notice: ResetNotice) {
        let notifier = Arc::clone(&self.notifier);
        tokio::task::spawn_blocking(move || {
            if let Err(reason) = notifier.password_reset(&notice) {
                tracing::error!(account = %notice.account, reason, "a password reset was not sent");
            }
        });
    }

    /// Sets a new password for the holder of a reset token. Every sign-in of the account ends.
    pub async fn reset_password(&self, request: SetPasswordRequest, origin: Origin) -> Result<(), Problem> {
        let (now, sha256) = (self.clock.now(), sha256(request.token.expose()));
        let wanted = sha256.clone();
        let owner = self.db.read(move |tx| store::resets::owner(tx, &wanted, now)).await.map_err(Trouble::Database)?;
        let account = self.stored(owner.ok_or_else(no_token)?).await?;
        let hash = self.hash_new(&account, &request.new_password).await?;
        let actor = Actor::account(account.id, origin);
        let done = self.db.write(move |tx| {
            let id = store::resets::take(tx, &sha256, now)?.ok_or_else(no_token)?;
            store::accounts::set_password(tx, id, None, &hash, now)?.ok_or_else(no_token)?;
            store::audit::append(tx, &actor.done("account.reset_password", format_args!("/accounts/{id}")), now)?;
            Ok::<_, Trouble>(())
        });
        done.await?;
        self.forget_families();
        Ok(())
    }
}

/// The same for a token that never was, one that was used, and one of a disabled account.
fn no_token() -> Problem {
    Problem::invalid("token", "is none of ours, was used, or is too old")
}
