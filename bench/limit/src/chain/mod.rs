//! Gateway, order service and catalog, each with its own server and port, the last two with their own database.

/// Books, copies, takings, ledger.
mod catalog;
/// Takings that go together.
mod coalescing;
/// The same three and a payment provider, keeping the shop's promises.
pub mod dutiful;
/// Passes purchases on.
mod gateway;
/// Orders: the intent, then what came of it.
mod orders;

use std::path::Path;

use futures_util::future::try_join3;

use crate::say_ready;

/// Serves a purchase at any path of the gateway.
pub async fn serve(folder: &Path, books: i64, coalesced: bool) -> std::io::Result<()> {
    let (catalog_at, catalog) = catalog::server(&folder.join("catalog.db"), books)?;
    let (orders_at, orders) = orders::server(&folder.join("orders.db"), &format!("http://{catalog_at}"), coalesced)?;
    let (gateway_at, gateway) = gateway::server(&format!("http://{orders_at}"))?;
    say_ready(gateway_at);
    try_join3(catalog, orders, gateway).await.map(drop)
}
