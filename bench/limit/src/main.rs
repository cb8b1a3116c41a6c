//! The limits of the machine against which the shop is measured: servers that do the shop's work and nothing else.
//!
//! No identity, no idempotency, no deadlines, no metrics, no log, no recovery. What they keep of the shop is what costs
//! most and cannot be left out: HTTP by actix, one writer with group commit, and `synchronous=FULL`.
//!
//! With `--dutiful` the same servers keep what the shop promises, and are otherwise as lean: what lies between the two is the
//! price of the promises, and what lies between those and the shop is the shop's own.

/// A book out of the database.
mod books;
/// Three services in one process, as the shop's purchase crosses them.
mod chain;
/// The outgoing HTTP client.
mod client;
/// The purchase in one process: one commit.
mod durable;
/// What is owed for every request.
mod duty;
/// One HTTP hop in front of another server.
mod hop;
/// Books out of a file into the shop's catalog.
mod import;
/// Answers of a moment ago.
mod kept;
/// An answer out of memory.
mod raw;
/// What a purchase looks like on the wire, and on what it is counted.
mod wire;
/// One writer thread that commits what waits together.
mod writer;

use std::path::PathBuf;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

/// The shop's allocator: a limit is none of another one.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Prints `ready <url>` when it listens on a free port of the loopback, and serves until it is killed.
#[derive(Parser)]
enum Limit {
    /// Answers every GET with the contents of a file.
    Raw {
        body: PathBuf,
        /// With the shop's headers, callers and log, for whoever sends this API key.
        #[arg(long, value_name = "API_KEY")]
        dutiful: Option<String>,
    },
    /// Passes every GET on to another server.
    Hop {
        to: String,
        /// With the shop's headers, callers and log, for whoever sends this API key.
        #[arg(long, value_name = "API_KEY")]
        dutiful: Option<String>,
    },
    /// Answers every GET with a book out of a catalog's database, to callers with a token: what a dutiful hop asks.
    Books { database: PathBuf },
    /// Parse, conditional decrement, insert: one commit, shared with whoever waits.
    Durable {
        folder: PathBuf,
        #[arg(long, default_value_t = 10_000)]
        books: i64,
    },
    /// Gateway → order (intent, then approval, history, outbox) → catalog (copies, ledger).
    Chain {
        folder: PathBuf,
        #[arg(long, default_value_t = 10_000)]
        books: i64,
        /// While takings are under way further ones wait, and go together.
        #[arg(long)]
        coalesced: bool,
        /// With the rows, headers, callers and log of the shop, for whoever sends this API key; cards are charged, too.
        #[arg(long, value_name = "API_KEY", requires = "coalesced")]
        dutiful: Option<String>,
        /// The same with purchases that come while others are under way, and go together.
        #[arg(long, requires = "dutiful")]
        shared: bool,
    },
    /// Serves nothing: imports a file of books into an empty catalog of the shop's, and says how fast.
    Import { database: PathBuf, books: PathBuf },
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    match Limit::parse() {
        Limit::Raw { body, dutiful: None } => raw::serve(std::fs::read(body)?).await,
        Limit::Raw { body, dutiful: Some(key) } => raw::serve_dutifully(std::fs::read(body)?, &key).await,
        Limit::Hop { to, dutiful: None } => hop::serve(to).await,
        Limit::Hop { to, dutiful: Some(key) } => hop::serve_dutifully(to, &key).await,
        Limit::Import { database, books } => import::run(&database, &books),
        Limit::Books { database } => books::serve(database).await,
        Limit::Durable { folder, books } => durable::serve(&folder, books).await,
        Limit::Chain { folder, books, dutiful: Some(key), shared, .. } => {
            chain::dutiful::serve(&folder, books, &key, shared).await
        }
        Limit::Chain { folder, books, coalesced, dutiful: None, .. } => chain::serve(&folder, books, coalesced).await,
    }
}

/// For whoever started the process and waits.
fn say_ready(address: std::net::SocketAddr) {
    println!("ready http://{address}");
}
