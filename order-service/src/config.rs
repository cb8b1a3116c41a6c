use std::net::SocketAddr;

use service_kit::{db::DatabaseUrl, process::default_workers};
use shared_types::Currency;

use crate::{notifications::NotificationConfig, payments_config::PaymentsConfig, subscribers::WebhookConfig};

/// How the order service is set up. Every flag is an environment variable too.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Where to listen; port 0 is any free one.
    #[arg(long, env = "LASTCOPY_LISTEN", default_value = "127.0.0.1:8082")]
    pub listen: SocketAddr,
    /// `sqlite:PATH` or `postgres://user:password@host:port/name`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite:lastcopy-data/orders.db", hide_env_values = true)]
    pub database_url: DatabaseUrl,
    /// Threads that serve requests.
    #[arg(long, env = "LASTCOPY_WORKERS", default_value_t = default_workers())]
    pub workers: usize,
    /// Where the catalog service answers.
    #[arg(long, env = "LASTCOPY_CATALOG_URL", default_value = "http://127.0.0.1:8081")]
    pub catalog_url: String,
    /// The gateway, which speaks for whoever calls: its keys are fetched there.
    #[arg(long, env = "LASTCOPY_GATEWAY_URL", default_value = "http://127.0.0.1:8080")]
    pub gateway_url: String,
    /// Where the delivery service answers.
    #[arg(long, env = "LASTCOPY_DELIVERY_URL", default_value = "http://127.0.0.1:8083")]
    pub delivery_url: String,
    /// Gateways that are told of every change of an order, separated by commas: one address for each replica.
    #[arg(long, env = "LASTCOPY_TELL_GATEWAYS", value_delimiter = ',')]
    pub tell_gateways: Vec<String>,
    #[command(flatten)]
    pub payments: PaymentsConfig,
    /// Minutes within which an order by card or invoice has to be paid; employees may give it longer. Until then its copies
    /// are nobody else's.
    #[arg(long, env = "LASTCOPY_UNPAID_MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub unpaid_minutes: u32,
    /// The currency of every price in the shop, as ISO 4217 has it.
    #[arg(long, env = "LASTCOPY_CURRENCY", default_value = "USD")]
    pub currency: Currency,
    #[command(flatten)]
    pub notifications: NotificationConfig,
    #[command(flatten)]
    pub webhooks: WebhookConfig,
    /// How the driver paces itself. Not a flag: tests shorten it.
    #[arg(skip)]
    pub pace: Pace,
}

/// How long things take at most, in milliseconds. None of it decides about copies; a wrong one costs time only.
#[derive(Debug, Clone)]
pub struct Pace {
    /// A request waits this long for its order to be decided before it is answered 202.
    pub answer_ms: u64,
    /// A call to another service may take this long.
    pub call_ms: u64,
    /// The pause after a first call without an answer; it doubles up to the longest.
    pub first_pause_ms: i64,
    pub longest_pause_ms: i64,
    /// How often the driver looks for due orders without having been woken: other replicas wake nobody here.
    pub poll_ms: u64,
    /// How often a payment that waits for its buyer is asked about, should its webhook have been lost.
    pub look_ms: i64,
    /// A driver has an order to itself for this long. Longer than a call, so that drivers seldom meet.
    pub lease_ms: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            answer_ms: 2_000,
            call_ms: 5_000,
            first_pause_ms: 200,
            longest_pause_ms: 5_000,
            poll_ms: 250,
            look_ms: 30_000,
            lease_ms: 6_000,
        }
    }
}
