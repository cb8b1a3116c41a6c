use service_kit::{
    auth::Scopes,
    db::{DbError, Tx},
};
use shared_types::{Problem, Secret, Timestamp, identity::TokensView};

use super::{Credentials, OAuthCode, OAuthError, clients::Client, consent::asked_scopes};
use crate::identity::{
    Identity,
    access::caller_of,
    audit::Actor,
    domain::{Origin, Parameters},
    opaque::{Opaque, OpaqueKind, sha256},
    store::{
        self,
        codes::{Redeemed, Used},
        families::{Family, Kind, NewFamily},
    },
    trouble::{self, Trouble},
};

/// A refresh token that is not used for this long is no longer good.
pub const REFRESH_IDLE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// What came of a grant, once it is on disk.
enum Outcome {
    /// The family that holds, and the refresh token that was put down for it.
    Granted(Family),
    /// The secret was used before: the family was ended for good.
    Stolen {
        family: String,
    },
    Refused,
}

impl Identity {
    /// `POST /o/token/` (RFC 6749 §3.2).
    pub async fn grant(
        &self,
        credentials: Credentials,
        form: &Parameters,
        origin: Origin,
    ) -> Result<TokensView, OAuthError> {
        let client = self.client(credentials).await?;
        match form.get("grant_type") {
            Some("authorization_code") => self.grant_by_code(&client, form, origin).await,
            Some("refresh_token") => self.grant_by_refresh(&client, form, origin).await,
            Some("client_credentials") => self.grant_to_itself(&client, form, origin).await,
            Some(_) => Err(OAuthError::new(OAuthCode::UnsupportedGrantType, "this grant_type is not supported")),
            None => Err(OAuthError::request("grant_type is missing")),
        }
    }

    async fn grant_by_code(
        &self,
        client: &Client,
        form: &Parameters,
        origin: Origin,
    ) -> Result<TokensView, OAuthError> {
        let code = form.get("code").ok_or(OAuthError::request("code is missing"))?;
        let verifier = form.get("code_verifier").ok_or(OAuthError::request("code_verifier is missing"))?.to_owned();
        let named = form.get("redirect_uri").map(str::to_owned);
        let (code, application, now) = (sha256(code), client.application.id.clone(), self.clock.now());
        let next = Opaque::fresh(OpaqueKind::RefreshToken);
        let (entry, put_down) = (self.told(client, origin), next.sha256.clone());
        let outcome = self.db.write(move |tx| {
            let redeemed = match store::codes::redeem(tx, &code, &application, now)? {
                Used::Good(redeemed) => redeemed,
                Used::Again { family } => return stolen(tx, family, "code used twice", &entry, now),
                Used::Never => return Ok(Outcome::Refused),
            };
            if !redeemed.is_for(named.as_deref(), &verifier) {
                // Whoever has the code has not the verifier: the consent behind it is not safe any more.
                return stolen(tx, redeemed.family, "code without its verifier", &entry, now);
            }
            store::families::prolong(tx, &redeemed.family, now.plus_ms(Kind::AuthorizationCode.lifetime_ms()))?;
            granted(tx, &redeemed.family, &put_down, now)
        });
        let outcome = outcome.await.map_err(Trouble::Database);
        self.answer(outcome, next.secret, None, "the code was used, is too old, or is none of yours").await
    }

    async fn grant_by_refresh(
        &self,
        client: &Client,
        form: &Parameters,
        origin: Origin,
    ) -> Result<TokensView, OAuthError> {
        let token = form.get("refresh_token").ok_or(OAuthError::request("refresh_token is missing"))?;
        let narrower = form.get("scope").map(|text| text.parse::<Scopes>()).transpose();
        let unknown = |_| OAuthError::new(OAuthCode::InvalidScope, "a scope is unknown");
        let narrower = narrower.map_err(unknown)?;
        let (token, application, now) = (sha256(token), client.application.id.clone(), self.clock.now());
        let next = Opaque::fresh(OpaqueKind::RefreshToken);
        let (entry, put_down) = (self.told(client, origin), next.sha256.clone());
        let outcome = self.db.write(move |tx| match store::codes::rotate(tx, &token, &application, now)? {
            Used::Good(family) => {
                let outcome = granted(tx, &family, &put_down, now)?;
                // Asking for too much undoes the rotation: the token is as good as before.
                outcome.allows(narrower).then_some(outcome).ok_or_else(|| Trouble::from(too_much()))
            }
            Used::Again { family } => Ok(stolen(tx, family, "refresh token used twice", &entry, now)?),
            Used::Never => Ok(Outcome::Refused),
        });
        let refused = "the refresh token was used, is too old, or is none of yours";
        self.answer(outcome.await, next.secret, narrower, refused).await
    }

    /// An application for itself (RFC 6749 §4.4): no person, no refresh token.
    async fn grant_to_itself(
        &self,
        client: &Client,
        form: &Parameters,
        origin: Origin,
    ) -> Result<TokensView, OAuthError> {
        if !client.application.client_credentials || !client.application.is_confidential() {
            let why = "the application is not registered for this grant";
            return Err(OAuthError::new(OAuthCode::UnauthorizedClient, why));
        }
        let scopes = asked_scopes(form.get("scope"), client.scopes())?;
        let now = self.clock.now();
        let new = NewFamily {
            id: uuid::Uuid::now_v7().to_string(),
            kind: Kind::ClientCredentials,
            application: Some(client.application.id.clone()),
            scopes: scopes.to_string(),
            expires: now.plus_ms(Kind::ClientCredentials.lifetime_ms()),
        };
        let (id, entry) = (new.id.clone(), self.told(client, origin));
        let entry = entry.done("application.token", format_args!("/o/applications/{}", client.application.id));
        let begun = self.db.write(move |tx| {
            store::families::insert(tx, &new, None, now)?;
            store::audit::append(tx, &entry, now)?;
            store::families::live(tx, &id, now)
        });
        let family = begun.await.map_err(|error: DbError| trouble::database(&error))?;
        self.tokens(&family.ok_or(refusal("the application was removed"))?, None, None)
    }

    fn told(&self, client: &Client, origin: Origin) -> Actor {
        Actor::over_http(format!("client:{}", client.application.id), origin)
    }

    async fn answer(
        &self,
        outcome: Result<Outcome, Trouble>,
        refresh: Secret,
        narrower: Option<Scopes>,
        refused: &'static str,
    ) -> Result<TokensView, OAuthError> {
        let outcome = outcome.map_err(|trouble| match trouble {
            Trouble::Refused(_) => OAuthError::new(OAuthCode::InvalidScope, "a scope is more than was granted"),
            Trouble::Database(error) => OAuthError::from(trouble::database(&error)),
        });
        match outcome? {
            Outcome::Granted(family) => {
                self.families.forget(&family.id);
                self.tokens(&family, Some(refresh), narrower)
            }
            Outcome::Stolen { family } => {
                tracing::warn!(family, "a code or refresh token came back: its family is ended");
                self.families.forget(&family);
                Err(refusal(refused))
            }
            Outcome::Refused => Err(refusal(refused)),
        }
    }

    fn tokens(
        &self,
        family: &Family,
        refresh: Option<Secret>,
        narrower: Option<Scopes>,
    ) -> Result<TokensView, OAuthError> {
        let nobody = || Problem::new(shared_types::Code::Internal, "a family without anybody");
        let mut caller = caller_of(family).ok_or_else(nobody)?;
        if let Some(narrower) = narrower {
            caller.scopes = caller.scopes.and(narrower);
        }
        let token = self.mint(caller, &family.id)?;
        Ok(TokensView {
            access_token: token.access_token,
            token_type: "Bearer".to_owned(),
            expires_in: token.expires_in,
            refresh_token: refresh.map(|token| token.expose().to_owned()),
            scope: token.scopes.join(" "),
        })
    }
}

impl Redeemed {
    /// Whether the token request names the same address as the authorization request (RFC 6749 §4.1.3) and comes from
    /// the one who made the challenge.
    fn is_for(&self, redirect_uri: Option<&str>, verifier: &str) -> bool {
        let same_address = self.redirect_uri.as_deref().is_none_or(|uri| redirect_uri == Some(uri));
        same_address && self.challenge.as_ref().is_some_and(|challenge| challenge.is_met_by(verifier))
    }
}

impl Outcome {
    /// Whether these scopes, if any are named, are among those that were granted.
    fn allows(&self, narrower: Option<Scopes>) -> bool {
        match (self, narrower) {
            (Outcome::Granted(family), Some(narrower)) => {
                let caller = caller_of(family);
                !narrower.is_empty() && caller.is_some_and(|caller| narrower.is_within(caller.scopes))
            }
            (Outcome::Granted(_) | Outcome::Stolen { .. } | Outcome::Refused, _) => true,
        }
    }
}

fn too_much() -> Problem {
    Problem::invalid("scope", "is more than was granted")
}

const fn refusal(description: &'static str) -> OAuthError {
    OAuthError::new(OAuthCode::InvalidGrant, description)
}

/// Puts the next refresh token down, if the family holds.
fn granted(tx: &mut Tx<'_>, family: &str, refresh: &[u8], now: Timestamp) -> Result<Outcome, DbError> {
    let Some(family) = store::families::live(tx, family, now)? else { return Ok(Outcome::Refused) };
    let expires = now.plus_ms(REFRESH_IDLE_MS).min(family.expires);
    store::codes::insert_refresh(tx, refresh, &family.id, now, expires)?;
    Ok(Outcome::Granted(family))
}

/// Ends a family whose secret is in two hands. This is kept, although the answer is a refusal.
fn stolen(
    tx: &mut Tx<'_>,
    family: String,
    because: &'static str,
    actor: &Actor,
    now: Timestamp,
) -> Result<Outcome, DbError> {
    if store::families::revoke(tx, &family, because, now)? {
        let resource = format!("/o/applications/{}", actor.principal.trim_start_matches("client:"));
        store::audit::append(tx, &actor.refused("application.token", resource, because), now)?;
    }
    Ok(Outcome::Stolen { family })
}
