//! An embedded shop moves into databases of a server, for good: from then on it runs as replicas.
//!
//! The promise is checked before and after, every table is compared, and the old databases stay as they are. Cut short,
//! it is run again.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use catalog_service::store::reindex::index_every_book;
use indicatif::{ProgressBar, ProgressStyle};
use service_kit::db::{DatabaseUrl, Db, DbOptions, Migration, transfer};

use crate::{
    CommandError,
    address::ShopAddress,
    audit::{self, AuditArgs},
    databases::{self, DatabaseArgs, Databases},
    payments,
};

/// What stands for the name of each database in `--to`.
const PLACE: &str = "{service}";

/// From where to where.
#[derive(Debug, Clone, clap::Args)]
pub struct MoveArgs {
    /// The data directory of a shop that has stopped: `sqlite:lastcopy-data`.
    #[arg(long, value_parser = folder)]
    pub from: PathBuf,
    /// The databases, which are there and empty, with `{service}` for `catalog`, `orders`, `deliveries`, `gateway` and
    /// `payments`: `postgres://shop:password@host/lastcopy_{service}`.
    #[arg(long, env = "LASTCOPY_MOVE_TO", hide_env_values = true)]
    pub to: Template,
}

/// An address with a place for the name of a database. It may hold a password.
#[derive(Clone)]
pub struct Template(String);

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template(…)")
    }
}

impl std::str::FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Template, String> {
        if !text.contains(PLACE) {
            return Err(format!("{PLACE} is missing: every service has a database of its own"));
        }
        let template = Template(text.to_owned());
        template.of("catalog").map(|_| template).map_err(|error| error.to_string())
    }
}

impl Template {
    fn of(&self, name: &str) -> Result<DatabaseUrl, CommandError> {
        let url = self.0.replace(PLACE, name).parse();
        url.map_err(|error: service_kit::db::DatabaseUrlError| CommandError::Usage(error.to_string()))
    }
}

fn folder(text: &str) -> Result<PathBuf, String> {
    let folder = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
    if folder.is_empty() || folder.contains("://") {
        return Err("a shop moves from its data directory, such as sqlite:lastcopy-data".to_owned());
    }
    Ok(PathBuf::from(folder))
}

/// `lastcopy move`. Exit code 0: everything is there and keeps the promise; 1: it is not, and may be tried again.
pub async fn run(args: MoveArgs) -> Result<ExitCode, CommandError> {
    if let Some(shop) = ShopAddress::find(&args.from).await {
        return Err(CommandError::Usage(format!("the shop runs on {}: stop it first", shop.gateway)));
    }
    let files = databases::files(&args.from)?;
    say("before:")?;
    let before = DatabaseArgs::in_folder(&args.from);
    if audit(before, None).await? != ExitCode::SUCCESS {
        return Err(CommandError::Shop("nothing was moved: mend what was found first".to_owned()));
    }
    let has_ledger = files.len() == MIGRATIONS.len();
    for (file, migrations) in files.iter().zip(MIGRATIONS) {
        transfer_one(file, &args.to, migrations).await?;
    }
    say("after:")?;
    let named =
        Databases { catalog: args.to.of(NAMES[0])?, order: args.to.of(NAMES[1])?, delivery: args.to.of(NAMES[2])? };
    let ledger = has_ledger.then(|| args.to.of(NAMES[4])).transpose()?;
    audit(DatabaseArgs::named(&args.from, named), ledger).await
}

/// In the order of [`databases::files`].
const MIGRATIONS: [&[Migration]; 5] = [
    catalog_service::store::MIGRATIONS,
    order_service::store::MIGRATIONS,
    delivery_service::store::MIGRATIONS,
    gateway_service::identity::MIGRATIONS,
    payments::MIGRATIONS,
];
const NAMES: [&str; 5] = ["catalog", "orders", "deliveries", "gateway", "payments"];

async fn audit(databases: DatabaseArgs, payments_db: Option<DatabaseUrl>) -> Result<ExitCode, CommandError> {
    audit::run(AuditArgs::of(databases, payments_db)).await
}

async fn transfer_one(file: &Path, to: &Template, migrations: &'static [Migration]) -> Result<(), CommandError> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let target = to.of(&name)?;
    let (source, target) = (open(&DatabaseUrl::sqlite(file), migrations).await?, open(&target, migrations).await?);
    let moved = copy(&name, &source, &target).await;
    source.close().await;
    target.close().await;
    say(&format!("{name}: {} rows", moved?))
}

async fn copy(name: &str, source: &Db, target: &Db) -> Result<u64, CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Shop(format!("{name}: {error}"));
    let progress = progress(name);
    let rows = transfer::copy(source, target, |at| {
        progress.set_position(at.rows);
        progress.set_message(at.table.to_owned());
    });
    let rows = rows.await.map_err(|error| failed(&error))?;
    if name == NAMES[0] {
        progress.set_message("full-text index");
        index_every_book(target).await.map_err(|error| failed(&error))?;
    }
    progress.finish_and_clear();
    Ok(rows)
}

async fn open(url: &DatabaseUrl, migrations: &'static [Migration]) -> Result<Db, CommandError> {
    let opened = Db::open(url, DbOptions::default(), migrations).await;
    opened.map_err(|error| CommandError::Shop(format!("{url}: {error}")))
}

fn progress(name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix} {msg} {pos} rows {per_sec}");
    let bar = ProgressBar::new_spinner().with_style(style.expect("BUG: the template is fixed"));
    bar.with_prefix(name.to_owned())
}

fn say(line: &str) -> Result<(), CommandError> {
    writeln!(std::io::stdout(), "{line}").map_err(CommandError::Output)
}
