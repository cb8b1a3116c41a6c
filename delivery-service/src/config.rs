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
    /// The order service, which is told of every change. Without it nobody is.
    #[arg(long, env = "LASTCOPY_ORDER_URL")]
    pub order_url: Option<String>,
}
