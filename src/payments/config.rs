use std::net::SocketAddr;

use service_kit::{db::DatabaseUrl, process::default_workers};
use shared_types::{Currency, Secret};

/// How the sandbox provider runs. Every flag is an environment variable too.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Where to listen; port 0 is any free one.
    #[arg(long, env = "LASTCOPY_LISTEN", default_value = "127.0.0.1:8084")]
    pub listen: SocketAddr,
    /// `sqlite:PATH` or `postgres://user:password@host:port/name`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite:lastcopy-data/payments.db", hide_env_values = true)]
    pub database_url: DatabaseUrl,
    /// Threads that serve requests.
    #[arg(long, env = "LASTCOPY_WORKERS", default_value_t = default_workers())]
    pub workers: usize,
    /// Address of the order service, whose `POST /webhooks/payment` is told of every change. Without it nobody is.
    #[arg(long, env = "LASTCOPY_ORDER_URL")]
    pub order_url: Option<String>,
    /// The secret that webhooks are signed with. The order service knows it under the same name.
    #[arg(long, env = "LASTCOPY_SANDBOX_WEBHOOK_SECRET", value_parser = secret, hide_env_values = true, requires = "order_url")]
    pub sandbox_webhook_secret: Option<Secret>,
    /// The currency of a payment that was canceled before anybody said what it was for.
    #[arg(long, env = "LASTCOPY_CURRENCY", default_value = "USD")]
    pub currency: Currency,
    /// How long things take. Not a flag: tests shorten it.
    #[arg(skip)]
    pub pace: Pace,
}

/// Bytes that a secret needs at least (RFC 2104 §3 advises the length of the hash; people choose passphrases).
const MIN_SECRET_BYTES: usize = 8;

fn secret(text: &str) -> Result<Secret, String> {
    if text.len() < MIN_SECRET_BYTES {
        return Err(format!("a secret has at least {MIN_SECRET_BYTES} bytes"));
    }
    Ok(Secret::new(text))
}

/// How long things take, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The slow card answers after this long: later than a buyer waits, sooner than a caller gives up.
    pub slow_ms: u64,
    /// The silent card keeps its caller waiting this long: longer than he has patience.
    pub silent_ms: u64,
    /// The bank decides later by this much, and a second webhook follows the first.
    pub later_ms: i64,
    /// The pause after a webhook that was not acknowledged; it doubles up to the longest.
    pub first_pause_ms: i64,
    pub longest_pause_ms: i64,
    /// The webhook that comes first is waited for this long, then the answer goes out without it.
    pub webhook_first_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            slow_ms: 3_000,
            silent_ms: 10_000,
            later_ms: 1_000,
            first_pause_ms: 200,
            longest_pause_ms: 5_000,
            webhook_first_ms: 1_500,
        }
    }
}
