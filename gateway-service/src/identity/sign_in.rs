use std::{sync::PoisonError, time::Duration};

use service_kit::db::DbError;
use shared_types::{
    Code, Problem, Secret,
    identity::{TokenRequest, TokenView},
};

use super::{
    Identity,
    audit::Actor,
    domain::{Origin, throttle::Verdict},
    store::{
        self,
        accounts::Account,
        families::{Kind, NewFamily},
    },
    trouble::{self, Trouble},
};

/// A name that is longer belongs to nobody.
const MAX_NAME_BYTES: usize = 254;

/// Somebody whose password was right, at the moment when it was looked at.
pub struct SignedIn(pub(super) Account);

impl Identity {
    /// `POST /auth/token`: an access token for a username and a password.
    pub async fn token(&self, request: TokenRequest, origin: Origin) -> Result<TokenView, Problem> {
        let signed_in = self.check_password(&request.username, request.password, origin).await?;
        self.first_token(&signed_in, origin).await
    }

    /// Whose name and password these are. An unknown name, a wrong password and a disabled account are told apart in
    /// the audit log only: they answer the same, after the same time.
    pub async fn check_password(&self, name: &str, password: Secret, origin: Origin) -> Result<SignedIn, Problem> {
        let found = self.find_by_name(name).await?;
        let subject = found.as_ref().map_or_else(|| name.to_lowercase(), |account| account.id.to_string());
        let right = self.throttled(&subject, origin, password, found.as_ref()).await?;
        match found {
            Some(account) if right && !account.disabled => Ok(SignedIn(account)),
            found => {
                self.note_refusal(found.as_ref(), right, origin).await?;
                Err(wrong())
            }
        }
    }

    /// Looks at a password when its turn comes, unless there were too many wrong ones.
    pub(super) async fn throttled(
        &self,
        subject: &str,
        origin: Origin,
        password: Secret,
        account: Option<&Account>,
    ) -> Result<bool, Problem> {
        self.hold(self.ask_throttle(subject, origin)?).await;
        let turn = self.passwords.turn().await?;
        // Asked again when the turn has come: a burst gets no more guesses than a sequence.
        self.ask_throttle(subject, origin)?;
        let right = self.passwords.verify(turn, password, account.map(|account| account.password_hash.clone())).await;
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        match right {
            true => throttle.succeeded(subject, origin.network()),
            false => throttle.failed(subject, origin.network(), self.clock.now()),
        }
        Ok(right)
    }

    fn ask_throttle(&self, subject: &str, origin: Origin) -> Result<u64, Problem> {
        let throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        match throttle.ask(subject, origin.network(), self.clock.now()) {
            Verdict::After { hold_ms } => Ok(hold_ms),
            Verdict::Refused { retry_after_ms } => {
                let detail = "too many wrong passwords; this one was not looked at";
                Err(Problem::new(Code::TooManyRequests, detail).retry_after_s(retry_after_ms.div_euclid(1_000) + 1))
            }
        }
    }

    async fn hold(&self, hold_ms: u64) {
        if hold_ms > 0 {
            #[expect(clippy::disallowed_methods, reason = "the wait itself is what slows guessing down")]
            tokio::time::sleep(Duration::from_millis(hold_ms)).await;
        }
    }

    /// The first token of somebody whose password was right.
    pub(super) async fn first_token(&self, signed_in: &SignedIn, origin: Origin) -> Result<TokenView, Problem> {
        let family = self.begin(signed_in, Kind::Password, None, origin).await?;
        self.first_hand_token(&signed_in.0, &family)
    }

    /// Begins a family for somebody whose password was right, at a browser with this cookie or at none: its id.
    pub(super) async fn begin(
        &self,
        signed_in: &SignedIn,
        kind: Kind,
        cookie_sha256: Option<Vec<u8>>,
        origin: Origin,
    ) -> Result<String, Problem> {
        let checked = signed_in.0.clone();
        let family = self.new_family(kind, &checked);
        let (now, actor, id) = (self.clock.now(), Actor::account(checked.id, origin), family.id.clone());
        let done = self.db.write(move |tx| {
            // What was checked may have changed while the password was hashed.
            let same = |account: &Account| !account.disabled && account.password_hash == checked.password_hash;
            let account = store::accounts::find(tx, checked.id)?.filter(same).ok_or_else(wrong)?;
            store::families::insert(tx, &family, Some(&account), now)?;
            if let Some(cookie) = &cookie_sha256 {
                store::codes::insert_cookie(tx, cookie, &family.id)?;
            }
            store::audit::append(tx, &actor.done("account.sign_in", format_args!("/accounts/{}", account.id)), now)?;
            Ok::<_, Trouble>(())
        });
        done.await?;
        Ok(id)
    }

    fn new_family(&self, kind: Kind, account: &Account) -> NewFamily {
        NewFamily {
            id: uuid::Uuid::now_v7().to_string(),
            kind,
            application: None,
            scopes: super::access::scopes_of(account.role).to_string(),
            expires: self.clock.now().plus_ms(kind.lifetime_ms()),
        }
    }

    pub(super) async fn find_by_name(&self, name: &str) -> Result<Option<Account>, Problem> {
        if name.len() > MAX_NAME_BYTES || name.contains('\0') {
            return Ok(None);
        }
        let name = name.to_owned();
        let found = self.db.read(move |tx| store::accounts::find_by_name(tx, &name)).await;
        found.map_err(|error: DbError| trouble::database(&error))
    }

    async fn note_refusal(&self, account: Option<&Account>, right: bool, origin: Origin) -> Result<(), Problem> {
        let (resource, why) = match account {
            None => ("/accounts".to_owned(), "unknown name"),
            Some(account) if right => (format!("/accounts/{}", account.id), "disabled"),
            Some(account) => (format!("/accounts/{}", account.id), "wrong password"),
        };
        self.record(Actor::anonymous(origin).refused("account.sign_in", resource, why)).await
    }
}

fn wrong() -> Problem {
    Problem::new(Code::Unauthorized, "the username or the password is wrong")
}
