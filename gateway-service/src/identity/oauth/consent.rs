use service_kit::auth::Scopes;
use shared_types::{AccountId, Code, Problem, Secret, identity::Role};

use super::{OAuthCode, OAuthError, clients::Client};
use crate::identity::{
    Identity,
    access::scopes_of,
    audit::Actor,
    domain::{CodeChallenge, Origin, Parameters, RedirectUri},
    opaque::{Opaque, OpaqueKind},
    store::{
        self,
        codes::NewCode,
        families::{Family, Kind, NewFamily},
    },
    trouble::Trouble,
};

/// A code is good for this long.
pub const CODE_LIFETIME_MS: i64 = 60_000;

/// What an application asks of a person, in order.
#[derive(Debug, Clone)]
pub struct Asked {
    pub client: Client,
    pub redirect_uri: RedirectUri,
    /// What the application asks for; a person grants no more than he may do himself.
    pub scopes: Scopes,
    pub state: Option<String>,
    redirect_uri_was_named: bool,
    challenge: CodeChallenge,
}

/// An authorization request that cannot be put to anybody.
#[derive(Debug, Clone)]
pub enum Misasked {
    /// Who asks, or where the answer goes, is not known: nobody is sent anywhere (RFC 6749 §4.1.2.1).
    Nowhere(OAuthError),
    /// The application is told.
    Back { redirect_uri: RedirectUri, state: Option<String>, error: OAuthError },
}

/// The longest `state` that is carried along.
const MAX_STATE_BYTES: usize = 2_000;

impl Identity {
    /// Reads the query of an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3).
    pub async fn read_authorization(&self, query: &str) -> Result<Asked, Misasked> {
        let twice = |_| OAuthError::request("a parameter is there twice");
        let parameters = Parameters::read(query.as_bytes()).map_err(twice).map_err(Misasked::Nowhere)?;
        let id = parameters.get("client_id").ok_or(OAuthError::request("client_id is missing"));
        let client = self.application(id.map_err(Misasked::Nowhere)?).await.map_err(Misasked::Nowhere)?;
        let unknown = OAuthError::new(OAuthCode::InvalidClient, "there is no such application");
        let client = client.ok_or(Misasked::Nowhere(unknown))?;
        let redirect_uri = redirect_uri(&client, parameters.get("redirect_uri")).map_err(Misasked::Nowhere)?;
        let state = parameters.get("state").filter(|state| state.len() <= MAX_STATE_BYTES).map(str::to_owned);
        match judge(&client, &parameters) {
            Ok((scopes, challenge)) => {
                let redirect_uri_was_named = parameters.get("redirect_uri").is_some();
                Ok(Asked { client, redirect_uri, scopes, state, redirect_uri_was_named, challenge })
            }
            Err(error) => Err(Misasked::Back { redirect_uri, state, error }),
        }
    }

    /// The person at the browser agrees: a code for the application.
    pub async fn agree(&self, asked: &Asked, person: &Family, origin: Origin) -> Result<Secret, Problem> {
        let (account, role) = person.account.ok_or_else(signed_out)?;
        let (now, code) = (self.clock.now(), Opaque::fresh(OpaqueKind::AuthorizationCode));
        let family = NewFamily {
            id: uuid::Uuid::now_v7().to_string(),
            kind: Kind::AuthorizationCode,
            application: Some(asked.client.application.id.clone()),
            scopes: asked.granted_by(role).to_string(),
            // Prolonged when the code is turned into tokens.
            expires: now.plus_ms(CODE_LIFETIME_MS),
        };
        let new = NewCode {
            sha256: code.sha256,
            family: family.id.clone(),
            application: asked.client.application.id.clone(),
            redirect_uri: asked.redirect_uri_was_named.then(|| asked.redirect_uri.to_string()),
            challenge: asked.challenge.clone(),
            expires: family.expires,
        };
        let (actor, browser) = (Actor::account(account, origin), person.id.clone());
        let done = self.db.write(move |tx| {
            // Signed out in another window meanwhile: then nobody agreed.
            let account = store::families::live(tx, &browser, now)?.and_then(|family| family.account);
            let (id, _) = account.ok_or_else(signed_out)?;
            let account = store::accounts::find(tx, id)?.ok_or_else(signed_out)?;
            store::families::insert(tx, &family, Some(&account), now)?;
            store::codes::insert(tx, &new)?;
            let entry = actor.done("application.consent", format_args!("/o/applications/{}", new.application));
            store::audit::append(tx, &entry.with_detail(family.scopes.clone()), now)?;
            Ok::<_, Trouble>(())
        });
        done.await?;
        Ok(code.secret)
    }

    /// The person at the browser says no.
    pub async fn decline(&self, asked: &Asked, account: AccountId, origin: Origin) -> Result<(), Problem> {
        let resource = format!("/o/applications/{}", asked.client.application.id);
        self.record(Actor::account(account, origin).refused("application.consent", resource, "declined")).await
    }
}

impl Asked {
    /// What a person of this role can grant of it.
    pub fn granted_by(&self, role: Role) -> Scopes {
        self.scopes.and(scopes_of(role))
    }
}

fn signed_out() -> Problem {
    Problem::new(Code::Unauthorized, "you are signed out; sign in again")
}

/// The registered address that the request names, letter by letter, or the only one there is.
fn redirect_uri(client: &Client, named: Option<&str>) -> Result<RedirectUri, OAuthError> {
    let registered = &client.application.redirect_uris;
    let found = match (named, registered.as_slice()) {
        (Some(named), _) => registered.iter().find(|uri| uri.as_str() == named),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    found.cloned().ok_or(OAuthError::request("redirect_uri is none that the application registered"))
}

fn judge(client: &Client, parameters: &Parameters) -> Result<(Scopes, CodeChallenge), OAuthError> {
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(OAuthError::new(OAuthCode::UnsupportedResponseType, "response_type is code here")),
        None => return Err(OAuthError::request("response_type is missing")),
    }
    if parameters.get("state").is_some_and(|state| state.len() > MAX_STATE_BYTES) {
        return Err(OAuthError::request("state is too long"));
    }
    // A method that is absent would mean `plain`, which protects nobody.
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::request("code_challenge_method is S256 here"));
    }
    let challenge = parameters.get("code_challenge").and_then(CodeChallenge::read);
    let challenge = challenge.ok_or(OAuthError::request("code_challenge is not a SHA-256 in base64url"))?;
    Ok((asked_scopes(parameters.get("scope"), client.scopes())?, challenge))
}

/// The scopes that are asked for, within the limit; all of the limit where none are named.
pub(super) fn asked_scopes(asked: Option<&str>, limit: Scopes) -> Result<Scopes, OAuthError> {
    let beyond = || OAuthError::new(OAuthCode::InvalidScope, "a scope is unknown or more than may be asked for");
    let scopes = match asked {
        Some(text) => text.parse::<Scopes>().map_err(|_| beyond())?,
        None => limit,
    };
    if scopes.is_empty() || !scopes.is_within(limit) { Err(beyond()) } else { Ok(scopes) }
}
