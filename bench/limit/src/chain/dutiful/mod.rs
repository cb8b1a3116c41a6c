//! The chain that keeps the shop's promises. Every part knows who asks, passes the request's id on and writes its line; the
//! databases hold the rows that the shop writes for a purchase, with their columns, indexes and checks.
//!
//! For a purchase that is paid on delivery: orders: the order and its move, its line and what was in force, two lines of
//! history, two messages to a customer without a telephone, the key and its answer, two events and their deliveries, all four
//! deleted when the gateway has them. Catalog: the book, the taking and its line, the ledger, an event likewise. Gateway:
//! the line of the audit log.
//!
//! For one that is paid by card there are besides: the provider: the token that the card is exchanged for, the payment, the
//! webhook that tells of it and its acknowledgement. Orders: the payment's row, written with the order, changed with the move
//! after which the card is charged, and with its end; that move's line of history and its event; the webhook's line of the
//! inbox. The buyer waits for three commits of the order service instead of two, and for two at the provider.
//!
//! What the shop has and this has not: drivers, retries, leases, deadlines, limits, metrics, webhooks of subscribers, cards
//! that are declined. A webhook is not claimed before it is sent, and makes nobody ask the provider again: what it tells is
//! what the provider answers.

/// Books, copies, takings, ledger.
mod catalog;
/// What tells a request apart from others under its key.
mod fingerprint;
/// Passes purchases on, and writes down who made them.
mod gateway;
/// An order's rows.
mod order;
/// Orders: the intent, then what came of it.
mod orders;
/// What is told to others, in the transaction of what it tells of.
pub mod outbox;
/// An order's payment, and what is asked about it.
mod payment;
/// The payment provider.
mod payments;
/// Tells the gateway.
mod relay;
/// Purchases that share requests.
mod sharing;
/// How an order stands.
mod stand;
/// What the provider tells of payments.
mod webhooks;
/// What a purchase, a taking and an event look like on the wire.
pub mod wire;

use std::path::Path;

use futures_util::future::try_join4;
use rusqlite::{Connection, OpenFlags};

use crate::{say_ready, writer};

/// The shop's settings of a connection that writes, beside those that every writer here has.
pub const SETTINGS: &str = "pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -8192;";
/// Services, as their tokens name them.
const ORDER: &str = "service:order";
const CATALOG: &str = "service:catalog";

/// Serves purchases of whoever has the key, at any path of the gateway.
pub async fn serve(folder: &Path, books: i64, key: &str, shared: bool) -> std::io::Result<()> {
    let (catalog_at, catalog, catalogs_news) = catalog::server(&folder.join("catalog.db"), books)?;
    let (provider_at, provider, payments_news) = payments::server(&folder.join("payments.db"))?;
    let (orders_at, orders, orders_news) =
        orders::server(&folder.join("orders.db"), &format!("http://{catalog_at}"), &format!("http://{provider_at}"))?;
    let (gateway_at, gateway) =
        gateway::server(&folder.join("gateway.db"), &format!("http://{orders_at}"), key, shared)?;
    for news in [catalogs_news, orders_news] {
        news.start(&format!("http://{gateway_at}"));
    }
    payments_news.start(&format!("http://{orders_at}"));
    say_ready(gateway_at);
    try_join4(catalog, provider, orders, gateway).await.map(drop)
}

/// A connection that reads what is committed.
fn reader(file: &Path) -> rusqlite::Result<Connection> {
    let reader = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    writer::keep_plans(&reader)?;
    Ok(reader)
}
