//! The chain that keeps the shop's promises. Every part knows who asks, passes the request's id on and writes its line; the
//! databases hold the rows that the shop writes for a purchase paid on delivery, with their columns, indexes and checks.
//!
//! For a purchase: orders: the order and its move, its line and what was in force, two lines of history, two messages to a
//! customer without a telephone, the key and its answer, two events and their deliveries, all four deleted when the gateway
//! has them. Catalog: the book, the taking and its line, the ledger, an event likewise. Gateway: the line of the audit log.
//!
//! What the shop has and this has not: drivers, retries, leases, deadlines, limits, metrics, webhooks of subscribers.

/// Books, copies, takings, ledger.
mod catalog;
/// Passes purchases on, and writes down who made them.
mod gateway;
/// An order's rows.
mod order;
/// Orders: the intent, then what came of it.
mod orders;
/// What is told to others, in the transaction of what it tells of.
pub mod outbox;
/// Tells the gateway.
mod relay;
/// What a purchase, a taking and an event look like on the wire.
pub mod wire;

use std::path::Path;

use futures_util::future::try_join3;

use crate::say_ready;

/// The shop's settings of a connection that writes, beside those that every writer here has.
pub const SETTINGS: &str = "pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -8192;";
/// Services, as their tokens name them.
const ORDER: &str = "service:order";
const CATALOG: &str = "service:catalog";

/// Serves purchases of whoever has the key, at any path of the gateway.
pub async fn serve(folder: &Path, books: i64, key: &str) -> std::io::Result<()> {
    let (catalog_at, catalog, catalogs_news) = catalog::server(&folder.join("catalog.db"), books)?;
    let (orders_at, orders, orders_news) = orders::server(&folder.join("orders.db"), &format!("http://{catalog_at}"))?;
    let (gateway_at, gateway) = gateway::server(&folder.join("gateway.db"), &format!("http://{orders_at}"), key)?;
    for news in [catalogs_news, orders_news] {
        news.start(&format!("http://{gateway_at}"));
    }
    say_ready(gateway_at);
    try_join3(catalog, orders, gateway).await.map(drop)
}
