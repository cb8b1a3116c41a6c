use service_kit::{auth::Scopes, db::DbError};
use shared_types::identity::{IntrospectionView, Role};

use super::{Credentials, OAuthCode, OAuthError, clients::Client};
use crate::identity::{
    Identity,
    access::caller_of,
    audit::Actor,
    domain::{Origin, Parameters},
    opaque::sha256,
    store, trouble,
};

impl Identity {
    /// `POST /o/revoke_token/` (RFC 7009): ends the family of the token, whichever of its tokens it is. A token that
    /// is no good is revoked already.
    pub async fn revoke(&self, credentials: Credentials, form: &Parameters, origin: Origin) -> Result<(), OAuthError> {
        let client = self.client(credentials).await?;
        let token = form.get("token").ok_or(OAuthError::request("token is missing"))?;
        let Some((family, application)) = self.family_of(token).await? else { return Ok(()) };
        if application.as_deref() != Some(client.application.id.as_str()) {
            return Err(OAuthError::new(OAuthCode::UnauthorizedClient, "the token was given to somebody else"));
        }
        let actor = Actor::over_http(format!("client:{}", client.application.id), origin);
        let entry = actor.done("application.revoke", format_args!("/o/applications/{}", client.application.id));
        Ok(self.end_family(&family, "revoked by the application", entry).await?)
    }

    /// The family of a refresh token or an access token of ours, and its application.
    async fn family_of(&self, token: &str) -> Result<Option<(String, Option<String>)>, OAuthError> {
        let of_access = match self.bearer(token).await {
            Ok((_, family, _)) => return Ok(Some((family.id.clone(), family.application.clone()))),
            Err(_) => sha256(token),
        };
        let found = self.db.read(move |tx| {
            let Some(family) = store::codes::family_of_refresh(tx, &of_access)? else { return Ok(None) };
            let application = store::families::application_of(tx, &family)?;
            Ok(Some((family, application)))
        });
        Ok(found.await.map_err(|error: DbError| trouble::database(&error))?)
    }

    /// `POST /o/introspect/` (RFC 7662): what a token is. An application is told of its own tokens; one of the shop's
    /// staff, that has to judge what others send it, of all.
    pub async fn introspect(
        &self,
        credentials: Credentials,
        form: &Parameters,
    ) -> Result<IntrospectionView, OAuthError> {
        let client = self.client(credentials).await?;
        if !client.application.is_confidential() {
            return Err(OAuthError::new(OAuthCode::InvalidClient, "only who keeps a secret is told of tokens"));
        }
        let token = form.get("token").ok_or(OAuthError::request("token is missing"))?;
        let view = match self.introspect_access(token).await? {
            Some(view) => Some(view),
            None => self.introspect_refresh(token).await?,
        };
        Ok(view.filter(|view| may_know(&client, view)).unwrap_or_default())
    }

    async fn introspect_access(&self, token: &str) -> Result<Option<IntrospectionView>, OAuthError> {
        let Ok((caller, family, verified)) = self.bearer(token).await else { return Ok(None) };
        Ok(Some(IntrospectionView {
            active: true,
            scope: Some(caller.scopes.to_string()),
            client_id: family.application.clone(),
            token_type: Some("Bearer".to_owned()),
            exp: Some(verified.expires_at_s),
            iat: Some(verified.issued_at_s),
            sub: Some(caller.who.subject()),
        }))
    }

    async fn introspect_refresh(&self, token: &str) -> Result<Option<IntrospectionView>, OAuthError> {
        let (hash, now) = (sha256(token), self.clock.now());
        let found = self.db.read(move |tx| {
            let Some(token) = store::codes::find_refresh(tx, &hash, now)? else { return Ok(None) };
            let family = store::families::live(tx, &token.family, now)?;
            Ok(family.map(|family| (token, family)))
        });
        let found = found.await.map_err(|error: DbError| trouble::database(&error))?;
        let Some((token, family)) = found else { return Ok(None) };
        let caller = caller_of(&family);
        let scopes = caller.as_ref().map_or(Scopes::NONE, |caller| caller.scopes);
        let seconds = |micros: i64| micros.div_euclid(1_000_000);
        Ok(Some(IntrospectionView {
            active: true,
            scope: Some(scopes.to_string()),
            client_id: family.application.clone(),
            token_type: None,
            exp: Some(seconds(token.expires.micros())),
            iat: Some(seconds(token.issued.micros())),
            sub: caller.map(|caller| caller.who.subject()),
        }))
    }
}

fn may_know(client: &Client, view: &IntrospectionView) -> bool {
    let of_the_shop = matches!(client.owner_role, Role::Employee | Role::Administrator);
    of_the_shop || view.client_id.as_deref() == Some(client.application.id.as_str())
}
