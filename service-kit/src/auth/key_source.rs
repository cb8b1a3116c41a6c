use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jsonwebtoken::DecodingKey;
use reqwest::Method;
use tokio::sync::Mutex;

use super::{
    issuer::Issuer,
    keys::{Jwks, KeySet},
};
use crate::client::{Client, ClientError, ClientOptions, Outcome};

/// Where an issuer publishes its keys.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";

/// How often an issuer is asked for its keys, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct KeySourceOptions {
    /// A set older than this is asked for anew, while it still serves.
    pub refresh_after_ms: u64,
    /// A set older than this serves only if asking anew has failed.
    pub wait_after_ms: u64,
    /// Between two questions there is this pause at least, whoever sends tokens with keys that nobody knows.
    pub pause_ms: u64,
    /// The issuer gets this long to answer.
    pub deadline_ms: u64,
}

impl Default for KeySourceOptions {
    fn default() -> Self {
        KeySourceOptions {
            refresh_after_ms: 5 * 60_000,
            wait_after_ms: 15 * 60_000,
            pause_ms: 3_000,
            deadline_ms: 2_000,
        }
    }
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The issuer says that it has no such key.
    #[error("the issuer has no such key")]
    Unknown,
    /// The issuer was never heard of: whether the key is good is not known.
    #[error("the issuer's keys are not at hand")]
    Unavailable,
}

/// The public keys of one issuer. Clones share what was fetched.
#[derive(Clone)]
pub struct KeySource(Origin);

#[derive(Clone)]
enum Origin {
    Fixed(Arc<KeySet>),
    Own(Issuer),
    Remote(Arc<Remote>),
}

struct Remote {
    client: Client,
    options: KeySourceOptions,
    /// The last good set. It is kept while the issuer is down: no order waits for a service that it does not need.
    last_good: RwLock<Option<Fetched>>,
    /// Held by the one who asks, so that nobody asks beside him; holds when the last question was asked.
    asked: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Fetched {
    keys: Arc<KeySet>,
    at: Instant,
}

impl KeySource {
    /// A set that never changes.
    pub fn fixed(keys: KeySet) -> KeySource {
        KeySource(Origin::Fixed(Arc::new(keys)))
    }

    /// The keys of an issuer in this process.
    pub fn of(issuer: &Issuer) -> KeySource {
        KeySource(Origin::Own(issuer.clone()))
    }

    /// The keys that the service at `base` publishes.
    pub fn at(base: &str, options: KeySourceOptions) -> Result<KeySource, ClientError> {
        let deadlines = ClientOptions { connect_ms: options.deadline_ms, call_ms: options.deadline_ms };
        let client = Client::new(base, deadlines)?;
        let remote = Remote { client, options, last_good: RwLock::default(), asked: Mutex::default() };
        Ok(KeySource(Origin::Remote(Arc::new(remote))))
    }

    /// The key with this id.
    pub(super) async fn key(&self, kid: &str) -> Result<DecodingKey, NoKey> {
        match &self.0 {
            Origin::Fixed(keys) => keys.get(kid).cloned().ok_or(NoKey::Unknown),
            Origin::Own(issuer) => issuer.public_key(kid).ok_or(NoKey::Unknown),
            Origin::Remote(remote) => Remote::key(remote, kid).await,
        }
    }
}

impl Remote {
    async fn key(remote: &Arc<Remote>, kid: &str) -> Result<DecodingKey, NoKey> {
        if let Some(fetched) = remote.last_good() {
            let age = fetched.at.elapsed();
            if age > Duration::from_millis(remote.options.wait_after_ms) {
                remote.clone().ask_and_wait().await;
            } else if age > Duration::from_millis(remote.options.refresh_after_ms) {
                remote.clone().ask_meanwhile();
            }
        }
        if let Some(key) = remote.find(kid) {
            return Ok(key);
        }
        remote.clone().ask_and_wait().await;
        match remote.last_good() {
            Some(fetched) => fetched.keys.get(kid).cloned().ok_or(NoKey::Unknown),
            None => Err(NoKey::Unavailable),
        }
    }

    fn find(&self, kid: &str) -> Option<DecodingKey> {
        self.last_good()?.keys.get(kid).cloned()
    }

    fn last_good(&self) -> Option<Fetched> {
        self.last_good.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The question goes on when whoever waits for it hangs up: a caller cannot make us ask by leaving, again and again.
    async fn ask_and_wait(self: Arc<Self>) {
        if let Err(error) = tokio::spawn(async move { self.ask().await }).await {
            tracing::error!(%error, "asking for a key set did not end well");
        }
    }

    fn ask_meanwhile(self: Arc<Self>) {
        // Somebody else is asking: that will do.
        if self.asked.try_lock().is_ok() {
            tokio::spawn(async move { self.ask().await });
        }
    }

    /// Asks the issuer, unless it was asked a moment ago; whoever comes while it is being asked waits for that answer.
    async fn ask(&self) {
        let mut asked = self.asked.lock().await;
        let pause = Duration::from_millis(self.options.pause_ms);
        if asked.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        let fetched = self.fetch().await;
        *asked = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                let fetched = Fetched { keys: Arc::new(keys), at: Instant::now() };
                *self.last_good.write().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
            }
            Err(reason) => {
                tracing::warn!(issuer = %self.client.base(), reason, "no key set; the last good one is kept")
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, String> {
        match self.client.call::<(), Jwks>(Method::GET, JWKS_PATH, None, &[200]).await {
            Outcome::Done(jwks) => KeySet::read(&jwks).map_err(|error| error.to_string()),
            Outcome::Refused(problem) => Err(problem.to_string()),
            Outcome::Unknown(no_answer) => Err(no_answer.to_string()),
        }
    }
}
