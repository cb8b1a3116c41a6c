//! What several gateways share: a Redis, for as long as it answers.
//!
//! It holds nothing that decides. Gone, slow or emptied, every gateway goes on with what it has in its own memory: one
//! failure or one late answer, and Redis is left alone until a fresh connection has answered in time. Every fresh
//! connection begins with an empty cache, for nobody knows what was missed meanwhile, or what an older snapshot brought
//! back. See `docs/decisions/0014-redis-holds-nothing-that-decides.md`.

/// Answers of the catalog.
mod answers;
/// How often somebody asked.
mod rates;

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, FromRedisValue, RedisError, ScriptInvocation, TlsCertificates,
    aio::MultiplexedConnection,
};
use service_kit::{
    http::{Background, Check, StartError},
    metrics::Counters,
};
use shared_types::Secret;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

pub use answers::{Found, Point};

/// How a certificate begins in a PEM file (RFC 7468).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// A connection is made within this time.
const CONNECT_DEADLINE: Duration = Duration::from_millis(1_000);
/// The pause before Redis is tried again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Calls of Redis, by how they ended: skipped are those that were not made, because it had not answered a moment ago.
pub static CALLS: Counters<1> = Counters::new(
    "lastcopy_redis_calls_total",
    "Calls of Redis: answered, failed (late ones are), or skipped while it is left alone",
    ["outcome"],
    &[["answered"], ["failed"], ["skipped"]],
);

/// Where the gateways share what they may share.
#[derive(Debug, Clone, clap::Args)]
pub struct SharedConfig {
    /// A Redis that all gateways share, for the cache and for rate limits: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]`, or
    /// `rediss://…` with TLS. Without it each gateway has a cache and limits of its own.
    #[arg(long, env = "LASTCOPY_REDIS_URL", value_parser = read_url, hide_env_values = true)]
    pub redis_url: Option<Secret>,
    /// PEM file of the roots that vouch for the certificate of `rediss://…`; without it those that browsers trust.
    #[arg(long, env = "LASTCOPY_REDIS_ROOT_CERT")]
    pub redis_root_cert: Option<PathBuf>,
    /// An answer of Redis that takes longer is none, and Redis is left alone for a moment; in milliseconds.
    #[arg(long, env = "LASTCOPY_REDIS_TIMEOUT_MS", default_value_t = 50)]
    pub redis_timeout_ms: u64,
}

impl Default for SharedConfig {
    fn default() -> Self {
        SharedConfig { redis_url: None, redis_root_cert: None, redis_timeout_ms: 50 }
    }
}

fn read_url(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// The way to a Redis. What is wrong is named by its flag: the address has a password in it.
fn client(url: &str, root_cert: Option<&Path>) -> Result<Client, String> {
    let no_address = |_| "--redis-url is no address of the form redis://HOST:PORT/DB, or rediss:// with TLS".to_owned();
    let client = Client::open(url).map_err(no_address)?;
    let address = client.get_connection_info().addr();
    if matches!(address, ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err("--redis-url is not to be #insecure: name the roots by --redis-root-cert".to_owned());
    }
    let Some(file) = root_cert else { return Ok(client) };
    if !matches!(address, ConnectionAddr::TcpTls { .. }) {
        return Err("--redis-root-cert belongs to a --redis-url that begins with rediss://".to_owned());
    }
    let unusable = |why: String| format!("--redis-root-cert {}: {why}", file.display());
    let pem = fs::read(file).map_err(|error| unusable(error.to_string()))?;
    if !pem.windows(CERTIFICATE.len()).any(|text| text == CERTIFICATE) {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
    Client::build_with_tls(url, certificates).map_err(|error| unusable(error.to_string()))
}

/// A Redis that may be gone.
pub struct Shared {
    client: Client,
    deadline: Duration,
    line: Mutex<Line>,
    lost: Notify,
}

/// The connection, and how far it may be believed.
struct Line {
    /// Counts connections, so that a late failure of an old one does not end a new one.
    number: u64,
    state: State,
}

enum State {
    Down,
    /// What is kept is being dropped. Drops go there already: none falls between that and `Up`.
    Rising(MultiplexedConnection),
    Up(MultiplexedConnection),
}

/// What a call is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Look,
    Drop,
}

impl Shared {
    /// The shared Redis, where one is configured. A start does not wait for it: what is not there now is tried again.
    pub async fn open(config: &SharedConfig, background: &mut Background) -> Result<Option<Arc<Shared>>, StartError> {
        background.show(&[&CALLS]);
        let Some(url) = &config.redis_url else { return Ok(None) };
        let client = client(url.expose(), config.redis_root_cert.as_deref()).map_err(StartError::Part)?;
        let deadline = Duration::from_millis(config.redis_timeout_ms);
        let line = Mutex::new(Line { number: 0, state: State::Down });
        let shared = Arc::new(Shared { client, deadline, line, lost: Notify::new() });
        let reached = shared.rise().await;
        if let Err(reason) = &reached {
            tracing::warn!(reason, "Redis is not there: this gateway goes on alone");
        }
        background.spawn(Arc::clone(&shared).supervise(reached.is_ok(), background.stopping()));
        Ok(Some(shared))
    }

    /// Part of readiness, but not a condition of it.
    pub fn check(self: &Arc<Shared>) -> Check {
        let shared = Arc::clone(self);
        Check::optional("redis", move || {
            let up = matches!(shared.lock().state, State::Up(_));
            async move { if up { Ok(()) } else { Err("it does not answer; this gateway goes on alone".to_owned()) } }
        })
    }

    /// Connects again whenever the connection is lost, until the service stops.
    async fn supervise(self: Arc<Shared>, mut up: bool, stopping: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        let keeping = async {
            loop {
                if up {
                    self.lost.notified().await;
                    pause = FIRST_PAUSE;
                }
                // Nothing comes: the time-out is the end of the pause.
                drop(timeout(pause, std::future::pending::<()>()).await);
                pause = LONGEST_PAUSE.min(pause * 2);
                up = match self.rise().await {
                    Ok(()) => {
                        tracing::info!("Redis is shared again");
                        true
                    }
                    Err(reason) => {
                        tracing::debug!(reason, "Redis is not back");
                        false
                    }
                };
            }
        };
        stopping.run_until_cancelled(keeping).await;
    }

    /// A fresh connection, and an empty cache.
    async fn rise(&self) -> Result<(), String> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_DEADLINE)).set_response_timeout(None);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let connection = connecting.await.map_err(|error| error.to_string())?;
        let number = {
            let mut line = self.lock();
            line.number += 1;
            line.state = State::Rising(connection.clone());
            line.number
        };
        self.begin().await.ok_or("it does not answer in time")?;
        let mut line = self.lock();
        if line.number == number && matches!(line.state, State::Rising(_)) {
            line.state = State::Up(connection);
            return Ok(());
        }
        Err("it was lost again".to_owned())
    }

    /// Runs a script; `None` where there is no answer in time, or nobody is asked at the moment.
    async fn run<T: FromRedisValue>(&self, purpose: Purpose, call: &ScriptInvocation<'_>) -> Option<T> {
        let Some((mut connection, number)) = self.connection(purpose) else {
            CALLS.with(["skipped"]).inc();
            return None;
        };
        let failed = match self.answer(call.invoke_async(&mut connection)).await {
            Ok(answer) => {
                CALLS.with(["answered"]).inc();
                return Some(answer);
            }
            Err(failed) => failed,
        };
        CALLS.with(["failed"]).inc();
        self.lose(number, &failed);
        None
    }

    async fn answer<T>(&self, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, String> {
        match timeout(self.deadline, answer).await {
            Ok(answered) => answered.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {:?}", self.deadline)),
        }
    }

    fn connection(&self, purpose: Purpose) -> Option<(MultiplexedConnection, u64)> {
        let line = self.lock();
        match &line.state {
            State::Up(connection) => Some((connection.clone(), line.number)),
            State::Rising(connection) if purpose == Purpose::Drop => Some((connection.clone(), line.number)),
            State::Rising(_) | State::Down => None,
        }
    }

    /// The connection is given up, unless it is given up already.
    fn lose(&self, number: u64, reason: &str) {
        let mut line = self.lock();
        if line.number == number && !matches!(line.state, State::Down) {
            let was_up = matches!(line.state, State::Up(_));
            line.state = State::Down;
            if was_up {
                tracing::warn!(reason, "Redis is left alone: this gateway goes on alone");
                self.lost.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
