//! People at our own pages: signed in by a cookie, whose hash is all that is kept.

use std::sync::Arc;

use service_kit::db::DbError;
use shared_types::{Problem, Secret};

use super::{
    Identity,
    audit::Actor,
    domain::Origin,
    http::Visit,
    opaque::{Opaque, OpaqueKind, sha256},
    store::{
        self,
        families::{Family, Kind},
    },
    trouble,
};

impl Identity {
    /// Who is signed in at this browser.
    pub(super) async fn person(&self, visit: &Visit) -> Result<Option<Arc<Family>>, Problem> {
        let Some(family) = self.family_of_browser(visit).await? else { return Ok(None) };
        Ok(self.family(&family).await?.filter(|family| family.kind == Kind::Browser))
    }

    /// Signs somebody in at this browser: the value of a new cookie. Whoever was signed in there is signed out.
    pub(super) async fn sign_in_browser(
        &self,
        name: &str,
        password: Secret,
        visit: &Visit,
        origin: Origin,
    ) -> Result<Secret, Problem> {
        let signed_in = self.check_password(name, password, origin).await?;
        self.sign_out_browser(visit, origin).await?;
        let cookie = Opaque::fresh(OpaqueKind::BrowserCookie);
        self.begin(&signed_in, Kind::Browser, Some(cookie.sha256), origin).await?;
        Ok(cookie.secret)
    }

    /// Ends the sign-in of this browser, if there is one.
    pub(super) async fn sign_out_browser(&self, visit: &Visit, origin: Origin) -> Result<(), Problem> {
        let person = self.person(visit).await?;
        let Some((family, account)) = person.and_then(|family| Some((family.id.clone(), family.account?.0))) else {
            return Ok(());
        };
        let entry = Actor::account(account, origin).done("account.sign_out", format_args!("/accounts/{account}"));
        self.end_family(&family, "signed out", entry).await
    }

    async fn family_of_browser(&self, visit: &Visit) -> Result<Option<String>, Problem> {
        let Some(cookie) = &visit.sign_in else { return Ok(None) };
        let hash = sha256(cookie.expose());
        let found = self.db.read(move |tx| store::codes::family_of_cookie(tx, &hash)).await;
        found.map_err(|error: DbError| trouble::database(&error))
    }
}
