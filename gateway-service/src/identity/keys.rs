use std::sync::Arc;

use service_kit::{
    auth::{Caller, Refusal, Scope, Scopes, Who},
    db::{Db, DbError},
    http::{Cursor, PageQuery},
};
use shared_types::{
    AccountId, Code, FieldError, Problem, Secret, Timestamp,
    identity::{ApiKeyPage, ApiKeyView, CreateApiKeyRequest, Label, NewApiKeyView, Role},
};
use subtle::ConstantTimeEq;

use super::{
    Identity,
    access::scopes_of,
    audit::Actor,
    domain::Origin,
    opaque::{Opaque, OpaqueKind, sha256},
    store::{self, keys::ApiKey},
    trouble::{self, Trouble},
};

/// Good keys of one owner at a time.
pub const MAX_KEYS_PER_OWNER: i64 = 50;
/// A key's last use is noted when the last one noted is older.
const NOTE_USE_AFTER_MS: i64 = 5 * 60 * 1_000;
/// The key of the demo, which every guide names.
pub(super) const DEMO_KEY: &str = "secret123";
/// A configured key that is shorter can be guessed.
const SHORT_KEY_CHARS: usize = 20;

/// The id of the operator's key, whatever its text is at the moment.
const OPERATOR: &str = "operator";

/// The operator's key as it is remembered.
pub(super) fn operator(key: Option<&Secret>) -> Option<Vec<u8>> {
    key.map(Secret::expose).filter(|key| !key.is_empty()).map(sha256)
}

/// What the keys of the configuration allow: everything about goods and orders, nothing about people.
fn configured_scopes() -> Scopes {
    Scopes::all().iter().filter(|scope| *scope != Scope::AccountsAdmin).collect()
}

impl Identity {
    /// A new key for its owner, who sees it this once.
    pub async fn create_key(
        &self,
        owner: AccountId,
        role: Role,
        request: CreateApiKeyRequest,
        origin: Origin,
    ) -> Result<NewApiKeyView, Problem> {
        add(&self.db, owner, role, request, Actor::account(owner, origin), self.clock.now()).await
    }

    /// One's own keys, or everybody's for an administrator.
    pub async fn keys(&self, of: Option<AccountId>, page: &PageQuery) -> Result<ApiKeyPage, Problem> {
        let rows = page.rows()?;
        let after = page.cursor.as_deref().map(after_id).transpose()?;
        let read = self.db.read(move |tx| store::keys::page(tx, of, after.as_deref(), rows + 1)).await;
        let mut keys: Vec<ApiKey> = read.map_err(|error: DbError| trouble::database(&error))?;
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let more = keys.len() > rows;
        keys.truncate(rows);
        let next_cursor = keys.last().filter(|_| more).map(|last| Cursor(vec![last.id.clone()]).encode());
        Ok(ApiKeyPage { items: keys.into_iter().map(view).collect(), next_cursor })
    }

    /// Revokes one's own key, or anybody's for an administrator.
    pub async fn revoke_key(
        &self,
        id: String,
        of: Option<AccountId>,
        by: AccountId,
        origin: Origin,
    ) -> Result<(), Problem> {
        let (now, actor) = (self.clock.now(), Actor::account(by, origin));
        let done = self.db.write(move |tx| {
            let missing = || Problem::new(Code::ApiKeyNotFound, format!("there is no API key {id}"));
            let key = store::keys::revoke(tx, &id, of, now)?.ok_or_else(missing)?;
            let entry = actor.done("api_key.revoke", path(&id));
            let entry = match key.owner.filter(|owner| *owner != by) {
                Some(owner) => entry.on_behalf_of(owner),
                None => entry,
            };
            store::audit::append(tx, &entry, now)?;
            Ok::<_, Trouble>(())
        });
        done.await?;
        self.known_keys.forget_all();
        Ok(())
    }

    /// Who sends this key.
    pub(super) async fn key_holder(&self, key: &str) -> Result<Caller, Refusal> {
        let sha256 = sha256(key);
        if self.operator.as_ref().is_some_and(|operator| bool::from(operator.ct_eq(&sha256))) {
            let who = Who::ApiKey(OPERATOR.to_owned());
            return Ok(Caller { who, scopes: configured_scopes(), act: None, client_id: None });
        }
        let now = self.clock.now();
        let known = self.known_keys.get(&sha256).filter(|key| key.expires_at.is_none_or(|expires| expires > now));
        let key = match known {
            Some(key) => key,
            None => self.look_up_key(sha256).await?,
        };
        Ok(Caller { who: Who::ApiKey(key.id.clone()), scopes: key.scopes, act: None, client_id: None })
    }

    async fn look_up_key(&self, sha256: Vec<u8>) -> Result<Arc<ApiKey>, Refusal> {
        let (now, wanted) = (self.clock.now(), sha256.clone());
        let found = self.db.look_up(move |tx| store::keys::live(tx, &wanted, now, scopes_of)).await;
        let found = found.map_err(|error: DbError| Refusal::Unavailable(trouble::database(&error).detail))?;
        let key = Arc::new(found.ok_or(Refusal::BadCredential("the API key is unknown, revoked or expired"))?);
        self.known_keys.insert(sha256, Arc::clone(&key));
        let since = now.plus_ms(-NOTE_USE_AFTER_MS);
        if key.last_used_at.is_none_or(|at| at < since) {
            let (db, id) = (self.db.clone(), key.id.clone());
            // Beside the request: a use that is not noted is no reason to refuse it.
            tokio::spawn(async move {
                let noted = db.write(move |tx| store::keys::note_use(tx, &id, now, since)).await;
                noted.unwrap_or_else(|error: DbError| tracing::warn!(%error, "the use of an API key was not noted"));
            });
        }
        Ok(key)
    }

    /// Lets the keys of the configuration in, and those of earlier configurations no more.
    pub(super) async fn allow_configured_keys(&self, demo: bool, configured: Option<&Secret>) -> Result<(), DbError> {
        let named = configured.map(|key| ("BOOKSTORE_API_KEY", key.expose().to_owned()));
        if let Some((_, key)) = named.as_ref().filter(|(_, key)| key.chars().count() < SHORT_KEY_CHARS && !demo) {
            let chars = key.chars().count();
            tracing::warn!(chars, at_least = SHORT_KEY_CHARS, "BOOKSTORE_API_KEY is short enough to be guessed");
        }
        let demo = demo.then(|| ("the demo's key", DEMO_KEY.to_owned()));
        let now = self.clock.now();
        let keys: Vec<(ApiKey, Vec<u8>)> =
            named.into_iter().chain(demo).map(|(name, key)| (configured_key(name, now), sha256(&key))).collect();
        let done = self.db.write_at_start(move |tx| {
            store::keys::revoke_configured(tx, now)?;
            keys.iter().try_for_each(|(key, sha256)| store::keys::allow_configured(tx, key, sha256))
        });
        done.await
    }
}

/// Makes a key with some of its owner's scopes, and notes who made it.
pub(super) async fn add(
    db: &Db,
    owner: AccountId,
    role: Role,
    request: CreateApiKeyRequest,
    actor: Actor,
    now: Timestamp,
) -> Result<NewApiKeyView, Problem> {
    if request.expires_at.is_some_and(|expires| expires <= now) {
        return Err(Problem::invalid("expires_at", "is over"));
    }
    let scopes = granted(&request.scopes, scopes_of(role))?;
    let id = uuid::Uuid::now_v7();
    let fresh = Opaque::fresh_with_id(OpaqueKind::ApiKey, &id.simple().to_string());
    let key = ApiKey {
        id: id.to_string(),
        owner: Some(owner),
        name: request.name,
        scopes,
        created_at: now,
        expires_at: request.expires_at,
        last_used_at: None,
        revoked: false,
    };
    let (stored, sha256) = (key.clone(), fresh.sha256);
    let done = db.write(move |tx| {
        if !store::keys::insert(tx, &stored, &sha256, now, MAX_KEYS_PER_OWNER)? {
            return Err(Trouble::from(enough()));
        }
        let entry = actor.done("api_key.create", path(&stored.id)).with_detail(stored.scopes.to_string());
        store::audit::append(tx, &entry, now)?;
        Ok(())
    });
    done.await?;
    Ok(NewApiKeyView { key: fresh.secret.expose().to_owned(), api_key: view(key) })
}

fn configured_key(name: &str, now: Timestamp) -> ApiKey {
    let name: Label = name.parse().expect("BUG: the names of configured keys are labels");
    ApiKey {
        id: uuid::Uuid::now_v7().to_string(),
        owner: None,
        name,
        scopes: configured_scopes(),
        created_at: now,
        expires_at: None,
        last_used_at: None,
        revoked: false,
    }
}

/// The scopes asked for, if they are scopes and no more than the one who asks has.
pub(super) fn granted(asked: &[String], limit: Scopes) -> Result<Scopes, Problem> {
    let error =
        |index: usize, detail: &str| FieldError { field: format!("scopes[{index}]"), detail: detail.to_owned() };
    let judge = |(index, text): (usize, &String)| match text.parse::<Scope>() {
        Ok(scope) if limit.contains(scope) => Ok(scope),
        Ok(_) => Err(error(index, "is more than you may do yourself")),
        Err(_) => Err(error(index, "is no scope")),
    };
    let judged: Vec<Result<Scope, FieldError>> = asked.iter().enumerate().map(judge).collect();
    let errors: Vec<FieldError> = judged.iter().filter_map(|one| one.clone().err()).collect();
    match (errors.is_empty(), asked.is_empty()) {
        (false, _) => Err(Problem::invalid_fields(errors)),
        (true, true) => Err(Problem::invalid("scopes", "is empty")),
        (true, false) => Ok(judged.into_iter().flatten().collect()),
    }
}

/// The position in a list that is sorted by id.
pub(super) fn after_id(cursor: &str) -> Result<String, Problem> {
    let cursor = Cursor::decode(cursor, 1)?;
    cursor.0[0].parse::<uuid::Uuid>().map(|id| id.to_string()).map_err(|_| Cursor::malformed())
}

fn enough() -> Problem {
    Problem::invalid("name", format!("is one too many: an account has at most {MAX_KEYS_PER_OWNER} good keys"))
}

fn path(id: &str) -> String {
    format!("/api-keys/{id}")
}

fn view(key: ApiKey) -> ApiKeyView {
    ApiKeyView {
        id: key.id,
        name: key.name,
        owner: key.owner,
        scopes: key.scopes.iter().map(|scope| scope.to_string()).collect(),
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        revoked: key.revoked,
    }
}
