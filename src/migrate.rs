use std::{io::Write, process::ExitCode};

use service_kit::db::{DatabaseUrl, Db, DbOptions, Migration};

use crate::{
    CommandError,
    databases::{DatabaseArgs, gateway_in_folder, payments_in_folder},
    payments,
};

/// Which databases are migrated.
#[derive(Debug, Clone, clap::Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    databases: DatabaseArgs,
    /// The gateway's database, where the others are named one by one; without it, only the others are migrated then.
    #[arg(long, env = "LASTCOPY_GATEWAY_DB", hide_env_values = true)]
    gateway_db: Option<DatabaseUrl>,
    /// The sandbox payment provider's, likewise.
    #[arg(long, env = "LASTCOPY_PAYMENTS_DB", hide_env_values = true)]
    payments_db: Option<DatabaseUrl>,
}

/// `lastcopy migrate`: brings every database up to what this binary knows, as each service does when it starts.
pub async fn run(args: MigrateArgs) -> Result<ExitCode, CommandError> {
    let databases = args.databases.databases();
    migrate("catalog", &databases.catalog, catalog_service::store::MIGRATIONS).await?;
    migrate("order", &databases.order, order_service::store::MIGRATIONS).await?;
    migrate("delivery", &databases.delivery, delivery_service::store::MIGRATIONS).await?;
    let in_folder = || (!args.databases.are_named()).then(|| gateway_in_folder(&args.databases.data_dir));
    if let Some(gateway) = args.gateway_db.clone().or_else(in_folder) {
        migrate("gateway", &gateway, gateway_service::identity::MIGRATIONS).await?;
    }
    let in_folder = || (!args.databases.are_named()).then(|| payments_in_folder(&args.databases.data_dir));
    if let Some(bank) = args.payments_db.clone().or_else(in_folder) {
        migrate("payments", &bank, payments::MIGRATIONS).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(name: &str, url: &DatabaseUrl, migrations: &'static [Migration]) -> Result<(), CommandError> {
    let opened = Db::open(url, DbOptions::default(), migrations).await;
    opened.map_err(|error| CommandError::Shop(format!("{name} ({url}): {error}")))?.close().await;
    writeln!(std::io::stdout(), "{name} {url} is up to date").map_err(CommandError::Output)
}
