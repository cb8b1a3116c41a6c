use service_kit::{
    auth::Scopes,
    db::DbError,
    http::{Cursor, PageQuery},
};
use shared_types::{
    AccountId, Code, FieldError, Problem, Secret,
    identity::{ApplicationPage, ApplicationView, RegisterApplicationRequest, Role, UpdateApplicationRequest},
};

use crate::identity::{
    Identity,
    access::scopes_of,
    audit::Actor,
    domain::{Origin, RedirectUri},
    keys::after_id,
    opaque::{Opaque, OpaqueKind},
    store::{
        self,
        applications::{Application, Changes},
    },
    trouble::{self, Trouble},
};

/// Applications of one owner at a time.
pub const MAX_APPLICATIONS: i64 = 50;
/// Redirect URIs of one application at most.
pub const MAX_REDIRECT_URIS: usize = 20;

impl Identity {
    /// Registers an application. Its secret is in this answer and nowhere else.
    pub async fn register_application(
        &self,
        owner: AccountId,
        role: Role,
        request: RegisterApplicationRequest,
        origin: Origin,
    ) -> Result<ApplicationView, Problem> {
        let secret = Opaque::fresh(OpaqueKind::ClientSecret);
        let (by_code, client_credentials) = grants(request.grant_types.as_deref())?;
        let confidential = is_confidential(request.token_endpoint_auth_method.as_deref())?;
        if client_credentials && !confidential {
            let why = "is none, and only who keeps a secret acts for himself";
            return Err(Problem::invalid("token_endpoint_auth_method", why));
        }
        let redirect_uris = redirect_uris(&request.redirect_uris)?;
        if by_code && redirect_uris.is_empty() {
            return Err(Problem::invalid("redirect_uris", "is empty: nobody could be sent back"));
        }
        let application = Application {
            id: uuid::Uuid::now_v7().to_string(),
            owner,
            name: request.client_name,
            secret_sha256: confidential.then_some(secret.sha256),
            redirect_uris,
            scopes: scopes(&request.scope, scopes_of(role))?,
            client_credentials,
            version: 1,
            created_at: self.clock.now(),
        };
        let (now, actor, new) = (application.created_at, Actor::account(owner, origin), application.clone());
        let done = self.db.write(move |tx| {
            if !store::applications::insert(tx, &new, MAX_APPLICATIONS)? {
                let why = format!("is one too many: an account has at most {MAX_APPLICATIONS} applications");
                return Err(Trouble::from(Problem::invalid("client_name", why)));
            }
            store::audit::append(tx, &actor.done("application.register", path(&new.id)), now)?;
            Ok(())
        });
        done.await?;
        Ok(view(application, confidential.then_some(secret.secret)))
    }

    /// One's own applications, or everybody's for an administrator.
    pub async fn applications(&self, of: Option<AccountId>, page: &PageQuery) -> Result<ApplicationPage, Problem> {
        let rows = page.rows()?;
        let after = page.cursor.as_deref().map(after_id).transpose()?;
        let read = self.db.read(move |tx| store::applications::page(tx, of, after.as_deref(), rows + 1)).await;
        let mut found: Vec<Application> = read.map_err(|error: DbError| trouble::database(&error))?;
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let more = found.len() > rows;
        found.truncate(rows);
        let next_cursor = found.last().filter(|_| more).map(|last| Cursor(vec![last.id.clone()]).encode());
        let items = found.into_iter().map(|application| view(application, None)).collect();
        Ok(ApplicationPage { items, next_cursor })
    }

    /// One application of one's own, or anybody's for an administrator.
    pub async fn own_application(&self, id: String, of: Option<AccountId>) -> Result<ApplicationView, Problem> {
        let wanted = id.clone();
        let found = self.db.read(move |tx| store::applications::find(tx, &wanted)).await;
        let found = found.map_err(|error: DbError| trouble::database(&error))?;
        let own = found.filter(|(application, _)| of.is_none_or(|owner| owner == application.owner));
        own.map(|(application, _)| view(application, None)).ok_or_else(|| missing(&id))
    }

    /// Changes an application.
    pub async fn update_application(
        &self,
        id: String,
        of: Option<AccountId>,
        by: (AccountId, Role),
        request: UpdateApplicationRequest,
        origin: Origin,
    ) -> Result<ApplicationView, Problem> {
        let uris = request.redirect_uris.as_deref().map(redirect_uris).transpose()?;
        if uris.as_ref().is_some_and(Vec::is_empty) {
            return Err(Problem::invalid("redirect_uris", "is empty: nobody could be sent back"));
        }
        let changes = Changes {
            name: request.client_name,
            redirect_uris: uris,
            scopes: request.scope.map(|text| scopes(&text, scopes_of(by.1))).transpose()?,
            secret_sha256: None,
        };
        let actor = Actor::account(by.0, origin);
        Ok(view(self.change_application(id, of, changes, actor, "application.update").await?, None))
    }

    /// A new secret; the old one is no longer good.
    pub async fn renew_secret(
        &self,
        id: String,
        of: Option<AccountId>,
        by: AccountId,
        origin: Origin,
    ) -> Result<ApplicationView, Problem> {
        let secret = Opaque::fresh(OpaqueKind::ClientSecret);
        let changes = Changes { secret_sha256: Some(secret.sha256), ..Changes::default() };
        let actor = Actor::account(by, origin);
        let application = self.change_application(id, of, changes, actor, "application.secret").await?;
        match application.is_confidential() {
            true => Ok(view(application, Some(secret.secret))),
            false => Err(Problem::invalid("client_id", "is of an application that keeps no secret")),
        }
    }

    async fn change_application(
        &self,
        id: String,
        of: Option<AccountId>,
        changes: Changes,
        actor: Actor,
        action: &'static str,
    ) -> Result<Application, Problem> {
        let now = self.clock.now();
        let done = self.db.write(move |tx| {
            let changed = store::applications::update(tx, &id, of, &changes)?.ok_or_else(|| missing(&id))?;
            store::audit::append(tx, &actor.done(action, path(&id)), now)?;
            Ok::<_, Trouble>(changed)
        });
        Ok(done.await?)
    }

    /// Removes an application: what it was given is no longer good.
    pub async fn remove_application(
        &self,
        id: String,
        of: Option<AccountId>,
        by: AccountId,
        origin: Origin,
    ) -> Result<(), Problem> {
        let (now, actor) = (self.clock.now(), Actor::account(by, origin));
        let done = self.db.write(move |tx| {
            if !store::applications::remove(tx, &id, of, now)? {
                return Err(Trouble::from(missing(&id)));
            }
            store::audit::append(tx, &actor.done("application.remove", path(&id)), now)?;
            Ok(())
        });
        done.await?;
        self.forget_families();
        Ok(())
    }
}

/// Whether it gets tokens by codes, and whether for itself.
fn grants(types: Option<&[String]>) -> Result<(bool, bool), Problem> {
    let Some(types) = types else { return Ok((true, false)) };
    let known = ["authorization_code", "refresh_token", "client_credentials"];
    let unknown = |(at, _): (usize, &String)| FieldError {
        field: format!("grant_types[{at}]"),
        detail: "is not supported".to_owned(),
    };
    let errors: Vec<FieldError> =
        types.iter().enumerate().filter(|(_, name)| !known.contains(&name.as_str())).map(unknown).collect();
    if !errors.is_empty() {
        return Err(Problem::invalid_fields(errors));
    }
    let has = |name: &str| types.iter().any(|known| known == name);
    match (has("authorization_code"), has("client_credentials")) {
        (false, false) => Err(Problem::invalid("grant_types", "names no way to get a first token")),
        found => Ok(found),
    }
}

fn is_confidential(method: Option<&str>) -> Result<bool, Problem> {
    match method {
        None | Some("client_secret_basic" | "client_secret_post") => Ok(true),
        Some("none") => Ok(false),
        Some(_) => Err(Problem::invalid("token_endpoint_auth_method", "is not supported")),
    }
}

fn redirect_uris(texts: &[String]) -> Result<Vec<RedirectUri>, Problem> {
    if texts.len() > MAX_REDIRECT_URIS {
        return Err(Problem::invalid("redirect_uris", format!("has more than {MAX_REDIRECT_URIS} addresses")));
    }
    let read = |(at, text): (usize, &String)| {
        let field = format!("redirect_uris[{at}]");
        text.parse::<RedirectUri>().map_err(|error| FieldError { field, detail: error.to_string() })
    };
    let (mut uris, mut errors) = (Vec::new(), Vec::new());
    for one in texts.iter().enumerate().map(read) {
        match one {
            Ok(uri) => uris.push(uri),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(uris) } else { Err(Problem::invalid_fields(errors)) }
}

fn scopes(text: &str, limit: Scopes) -> Result<Scopes, Problem> {
    let scopes: Scopes = text.parse().map_err(|_| Problem::invalid("scope", "names a scope that there is not"))?;
    match (scopes.is_empty(), scopes.is_within(limit)) {
        (true, _) => Err(Problem::invalid("scope", "is empty")),
        (false, false) => Err(Problem::invalid("scope", "is more than you may do yourself")),
        (false, true) => Ok(scopes),
    }
}

fn missing(id: &str) -> Problem {
    Problem::new(Code::ApplicationNotFound, format!("there is no application {id:.64}"))
}

fn path(id: &str) -> String {
    format!("/o/applications/{id}")
}

fn view(application: Application, secret: Option<Secret>) -> ApplicationView {
    let mut grant_types = Vec::new();
    if !application.redirect_uris.is_empty() {
        grant_types.extend(["authorization_code".to_owned(), "refresh_token".to_owned()]);
    }
    if application.client_credentials {
        grant_types.push("client_credentials".to_owned());
    }
    let method = if application.is_confidential() { "client_secret_basic" } else { "none" };
    ApplicationView {
        client_secret_expires_at: secret.is_some().then_some(0),
        client_secret: secret.map(|secret| secret.expose().to_owned()),
        client_id_issued_at: application.created_at.micros().div_euclid(1_000_000),
        client_name: application.name,
        redirect_uris: application.redirect_uris.iter().map(|uri| uri.to_string()).collect(),
        grant_types,
        token_endpoint_auth_method: method.to_owned(),
        scope: application.scopes.to_string(),
        client_id: application.id,
    }
}
