//! The invariants, held against the databases of a shop that runs or has stopped. Nothing is written to them: what is to be
//! set right is asked of the services.
//!
//! The databases are read one after the other, and a shop that runs moves in between. So whatever is said of an
//! order is said only if the order had the same version before and after: first its row, then its copies, its money
//! and its parcels, then its row again. What is in memory is one page of rows.

/// The catalog's books, their ledgers and the takings.
mod catalog;
/// Deliveries, and which of them the order service has not heard of yet.
mod deliveries;
/// What must be true of one order, its copies and its parcels. Pure.
mod judge;
/// Idempotency keys, and the answers kept under them.
mod keys;
/// The sandbox provider's ledger.
mod ledger;
/// Orders as they are stored.
mod orders;
/// Events that nobody takes.
mod outbox;
/// What was found, set right.
mod repair;
/// What was checked and what was found.
mod report;
/// From page to page.
mod walk;
/// From key to key.
mod walk_keys;
/// The audit again and again, for Prometheus.
mod watch;

use std::{io::Write, process::ExitCode};

use service_kit::{
    Clock,
    db::{DatabaseUrl, Db, DbError},
};
use shared_types::{Secret, Timestamp};

use crate::{CommandError, address::ShopAddress, databases::DatabaseArgs};
use report::Report;
pub use watch::{WatchArgs, watch};

/// Something is wrong with the shop.
const FOUND: u8 = 1;
/// What an order is given to come to rest, unless told otherwise.
const MAX_AGE_S: u32 = 60;
/// Rows read at a time.
const PAGE_ROWS: i64 = 200;

/// Which shop to check.
#[derive(Debug, Clone, clap::Args)]
pub struct AuditArgs {
    #[command(flatten)]
    pub databases: DatabaseArgs,
    /// The sandbox provider's ledger; that of the data directory, where there is one. Without it money is not checked.
    #[arg(long, env = "LASTCOPY_PAYMENTS_DB", hide_env_values = true)]
    pub payments_db: Option<DatabaseUrl>,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Seconds that an order may take to come to rest.
    #[arg(long, default_value_t = MAX_AGE_S)]
    pub max_age: u32,
    /// Offer to set right what can be set right safely, one finding after the other; then check again. It is done by the
    /// shop that runs on the data directory, by one that is started for it, or by the one at `--url`.
    #[arg(long, conflicts_with = "json")]
    pub repair: bool,
    /// With `--repair`: ask nothing, and make every repair.
    #[arg(long, requires = "repair")]
    pub yes: bool,
    /// With `--repair`: address of the shop's gateway.
    #[arg(long, env = "LASTCOPY_URL")]
    pub url: Option<String>,
    /// With `--url`: the key that lets in.
    #[arg(long, env = "LASTCOPY_API_KEY", value_parser = crate::door::read_secret, hide_env_values = true)]
    pub api_key: Option<Secret>,
}

impl AuditArgs {
    /// To look at these, and to change nothing.
    pub fn of(databases: DatabaseArgs, payments_db: Option<DatabaseUrl>) -> AuditArgs {
        let (url, api_key) = (None, None);
        AuditArgs { databases, payments_db, json: false, max_age: MAX_AGE_S, repair: false, yes: false, url, api_key }
    }
}

/// An audit, once or again and again.
#[derive(Debug, Clone, clap::Args)]
pub struct AuditCommand {
    #[command(flatten)]
    pub audit: AuditArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// The databases of one shop, opened for reading only.
#[derive(Clone)]
struct Shop {
    catalog: Db,
    orders: Db,
    deliveries: Db,
    /// None where the shop's provider keeps its ledger elsewhere.
    payments: Option<Db>,
}

/// `lastcopy audit`. Exit code 0: nothing found; 1: something was found, or the shop could not be read.
pub async fn run(args: AuditArgs) -> Result<ExitCode, CommandError> {
    let mut report = look(&args).await?;
    if args.repair && !report.ok {
        repair::offer(&report, &args).await?;
        report = look(&args).await?;
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

/// Checks everything, and says what was found.
async fn look(args: &AuditArgs) -> Result<Report, CommandError> {
    let report = report(args).await?;
    let text = if args.json { report.json() } else { report.to_string() };
    writeln!(std::io::stdout(), "{text}").map_err(CommandError::Output)?;
    Ok(report)
}

async fn report(args: &AuditArgs) -> Result<Report, CommandError> {
    let shop = Shop::open(args).await?;
    let report = shop.audit(args).await;
    shop.close().await;
    report.map_err(|error| CommandError::Shop(format!("the databases cannot be read: {error}")))
}

impl Shop {
    async fn open(args: &AuditArgs) -> Result<Shop, CommandError> {
        let urls = args.databases.databases();
        let open = async |url: &DatabaseUrl| {
            Db::open_read_only(url).await.map_err(|error| CommandError::Shop(format!("{url}: {error}")))
        };
        let ledger = args.payments_db.clone().or_else(|| args.databases.ledger());
        let payments = match &ledger {
            Some(url) => Some(open(url).await?),
            None => None,
        };
        Ok(Shop {
            payments,
            catalog: open(&urls.catalog).await?,
            orders: open(&urls.order).await?,
            deliveries: open(&urls.delivery).await?,
        })
    }

    async fn audit(&self, args: &AuditArgs) -> Result<Report, DbError> {
        let mut report = Report::new();
        walk::books(self, &mut report).await?;
        let resting_by = self.moved_before(args).await?.plus_ms(-1_000 * i64::from(args.max_age));
        walk::orders(self, resting_by, &mut report).await?;
        walk::takings(self, &mut report).await?;
        walk::money(self, &mut report).await?;
        walk::deliveries(self, &mut report).await?;
        walk::parked(self, &mut report).await?;
        walk_keys::of_orders(self, &mut report).await?;
        walk_keys::answered(self, &mut report).await?;
        Ok(report.finished())
    }

    /// The instant against which the age of unfinished work counts: now. In a data directory whose shop has stopped
    /// nothing can come to rest, so there it is the latest move of any order.
    async fn moved_before(&self, args: &AuditArgs) -> Result<Timestamp, DbError> {
        let databases = &args.databases;
        if databases.are_named() || ShopAddress::find(&databases.data_dir).await.is_some() {
            return Ok(Clock::system().now());
        }
        let latest = self.orders.read(orders::latest_move).await?;
        Ok(latest.unwrap_or_else(|| Clock::system().now()))
    }

    async fn close(self) {
        self.catalog.close().await;
        self.orders.close().await;
        self.deliveries.close().await;
        if let Some(payments) = self.payments {
            payments.close().await;
        }
    }
}

/// `$1, $2, …`: a list of so many parameters.
fn placeholders(count: usize) -> String {
    let numbers: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    numbers.join(", ")
}
