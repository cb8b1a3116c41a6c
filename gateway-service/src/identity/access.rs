//! From a credential to its caller, and from a caller to a token.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpMessage, HttpRequest, http::header::HeaderName};
use service_kit::{
    auth::{
        Authenticate, Authenticating, Caller, Claims, Expected, MAX_TOKEN_LIFETIME_S, Refusal, Scopes, Service,
        Verified, Who, bearer_token,
    },
    db::DbError,
};
use shared_types::{
    AccountId, Code, Problem,
    identity::{Role, TokenView},
};

use super::{
    GUEST_TOKEN, Identity, Visit,
    audit::Entry,
    http::ThisSignIn,
    keys::DEMO_KEY,
    store::{
        self,
        accounts::Account,
        families::{Family, Kind},
    },
    trouble,
};

/// Access tokens of the public door live this long.
pub const ACCESS_TOKEN_LIFETIME_S: i64 = MAX_TOKEN_LIFETIME_S;
/// What another replica revoked is believed here for this long at most, where nothing else is configured; what this one
/// revoked, not at all.
pub const REVOCATION_LAG_S: u64 = 15;
/// No configuration makes it longer.
pub const MAX_REVOCATION_LAG_S: u64 = 60;
/// Sign-ins, and keys, that are remembered at most.
pub const MAX_REMEMBERED: usize = 50_000;

/// Who the holder of an account is.
pub(super) const fn who(role: Role, account: AccountId) -> Who {
    match role {
        Role::Customer => Who::Customer(account),
        Role::Employee => Who::Employee(account),
        Role::Administrator => Who::Administrator(account),
    }
}

/// What the holder of an account may do.
pub(super) const fn scopes_of(role: Role) -> Scopes {
    let role = match role {
        Role::Customer => service_kit::auth::Role::Customer,
        Role::Employee => service_kit::auth::Role::Employee,
        Role::Administrator => service_kit::auth::Role::Administrator,
    };
    role.scopes()
}

/// The caller that a family lets in today: its account's role may have changed since it began.
pub(super) fn caller_of(family: &Family) -> Option<Caller> {
    let granted = Scopes::known_in(&family.scopes);
    let (who, scopes) = match (&family.account, &family.application) {
        (Some((account, role)), _) => (who(*role, *account), granted.and(scopes_of(*role))),
        (None, Some(application)) => (Who::Client(application.clone()), granted),
        (None, None) => return None,
    };
    let client_id = family.application.clone().filter(|_| family.kind == Kind::AuthorizationCode);
    Some(Caller { who, scopes, act: None, client_id })
}

impl Identity {
    /// An access token for this caller, within this family.
    pub(super) fn mint(&self, caller: Caller, family: &str) -> Result<TokenView, Problem> {
        let lifetime = Duration::from_secs(ACCESS_TOKEN_LIFETIME_S.unsigned_abs());
        let scopes = caller.scopes.iter().map(|scope| scope.to_string()).collect();
        let claims = Claims { caller, aud: Service::Gateway, lifetime };
        let token = self.issuer.mint_within(&claims, Some(family)).map_err(|error| {
            tracing::error!(%error, "no token was made");
            Problem::new(Code::Unavailable, "no token can be made at the moment")
        })?;
        Ok(TokenView {
            access_token: token.secret().to_owned(),
            token_type: "bearer".to_owned(),
            expires_in: ACCESS_TOKEN_LIFETIME_S,
            scopes,
        })
    }

    /// An access token for the holder of this account himself.
    pub(super) fn first_hand_token(&self, account: &Account, family: &str) -> Result<TokenView, Problem> {
        self.mint(Caller::first_hand(who(account.role, account.id)), family)
    }

    /// Who sends this access token, if it is good and its sign-in still holds.
    pub(super) async fn bearer(&self, token: &str) -> Result<(Caller, Arc<Family>, Verified), Refusal> {
        let verified = self.verifier.verify_whole(token, &Expected::access(Service::Gateway)).await?;
        let revoked = Refusal::BadCredential("the token has been revoked");
        let Some(sid) = verified.sid.as_deref() else { return Err(revoked) };
        let family = self.family(sid).await.map_err(|problem| Refusal::Unavailable(problem.detail))?;
        let Some(family) = family else { return Err(revoked) };
        let now = caller_of(&family).ok_or_else(|| revoked.clone())?;
        // What the token says was true when it was made; less is true where a role or a consent shrank since.
        let caller = Caller { scopes: verified.caller.scopes.and(now.scopes), ..now };
        if caller.who.subject() != verified.caller.who.subject() {
            return Err(revoked);
        }
        Ok((caller, family, verified))
    }

    /// The family, if it still holds; remembered for a moment.
    pub(super) async fn family(&self, id: &str) -> Result<Option<Arc<Family>>, Problem> {
        let now = self.clock.now();
        if let Some(known) = self.families.get(id) {
            return Ok(known.filter(|family| family.expires > now));
        }
        let wanted = id.to_owned();
        let read = self.db.look_up(move |tx| store::families::live(tx, &wanted, now)).await;
        let family = read.map_err(|error: DbError| trouble::database(&error))?.map(Arc::new);
        self.families.insert(id.to_owned(), family.clone());
        Ok(family)
    }

    /// Ends a family and all its tokens.
    pub(super) async fn end_family(&self, id: &str, because: &'static str, entry: Entry) -> Result<(), Problem> {
        let (wanted, now) = (id.to_owned(), self.clock.now());
        let done = self.db.write(move |tx| {
            if store::families::revoke(tx, &wanted, because, now)? {
                store::audit::append(tx, &entry, now)?;
            }
            Ok(())
        });
        done.await.map_err(|error: DbError| trouble::database(&error))?;
        self.families.forget(id);
        Ok(())
    }

    /// After a change that ends families: nothing that was remembered is believed any more.
    pub(super) fn forget_families(&self) {
        self.families.forget_all();
        self.known_keys.forget_all();
    }
}

/// The header of an API key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const GUEST: HeaderName = HeaderName::from_static(GUEST_TOKEN);

/// The one API key of a request.
fn api_key(request: &HttpRequest) -> Result<Option<&str>, Refusal> {
    one_header(request, API_KEY)
}

/// A header that a request has once at most.
fn one_header(request: &HttpRequest, name: HeaderName) -> Result<Option<&str>, Refusal> {
    let mut values = request.headers().get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Unreadable("a credential's header is there more than once"));
    }
    value.to_str().map(Some).map_err(|_| Refusal::Unreadable("a credential's header is not ASCII"))
}

impl Identity {
    /// Whether a request carries the key that every guide names, in a shop that lets it in.
    pub(crate) fn is_demo_key(&self, request: &HttpRequest) -> bool {
        self.demo && matches!(api_key(request), Ok(Some(DEMO_KEY)))
    }
}

impl Identity {
    /// The guest who sends a request without another credential; nobody where it has no guest's token either. Browsers
    /// send what they have, so a cookie that is none of ours is no credential; a header was meant.
    fn guest(&self, request: &HttpRequest) -> Result<Caller, Refusal> {
        if let Some(token) = one_header(request, GUEST)? {
            return self.guests.read(token);
        }
        let guest = Visit::guest_in(request).and_then(|cookie| self.guests.read(cookie.expose()).ok());
        Ok(guest.unwrap_or_else(Caller::anonymous))
    }
}

/// The public door: bearer tokens and API keys, one of them at a time; without either a guest's token.
pub struct Door(pub Arc<Identity>);

impl Authenticate for Door {
    fn authenticate<'a>(&'a self, request: &'a HttpRequest) -> Authenticating<'a> {
        Box::pin(async move {
            match (bearer_token(request)?, api_key(request)?) {
                (Some(_), Some(_)) => Err(Refusal::Unreadable("there are two credentials: a token and an API key")),
                (None, Some(key)) => self.0.key_holder(key).await,
                (Some(token), None) => {
                    let (caller, family, _) = self.0.bearer(token).await?;
                    request.extensions_mut().insert(ThisSignIn(family));
                    Ok(caller)
                }
                (None, None) => self.0.guest(request),
            }
        })
    }

    fn welcome(&self, request: &HttpRequest) -> Option<Caller> {
        self.0.guests.welcome(request)
    }
}
