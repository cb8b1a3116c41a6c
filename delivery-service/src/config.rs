use std::net::SocketAddr;

use service_kit::{db::DatabaseUrl, process::default_workers};

/// How the delivery service runs. Every flag is an environment variable too.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address to listen on; port 0 is any free one.
    #[arg(long, env = "LASTCOPY_LISTEN", default_value = "127.0.0.1:8083")]
    pub listen: SocketAddr,
    /// The database: `sqlite:PATH` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite:lastcopy-data/deliveries.db")]
    pub database_url: DatabaseUrl,
    /// Threads that serve requests.
    #[arg(long, env = "LASTCOPY_WORKERS", default_value_t = default_workers())]
    pub workers: usize,
    /// The gateway, which speaks for whoever calls: its keys are fetched there.
    #[arg(long, env = "LASTCOPY_GATEWAY_URL", default_value = "http://127.0.0.1:8080")]
    pub gateway_url: String,
    /// The order service, which books and cancels, and is told of every change.
    #[arg(long, env = "LASTCOPY_ORDER_URL", default_value = "http://127.0.0.1:8082")]
    pub order_url: String,
}
