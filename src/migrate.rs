use std::{io::Write, process::ExitCode};

use service_kit::db::{Db, DbOptions};

use crate::{CommandError, databases::DatabaseArgs};

/// `lastcopy migrate`: brings every database up to what this binary knows, as each service does when it starts.
pub async fn run(args: DatabaseArgs) -> Result<ExitCode, CommandError> {
    let databases = args.databases();
    for (name, url, migrations) in [
        ("catalog", &databases.catalog, catalog_service::store::MIGRATIONS),
        ("order", &databases.order, order_service::store::MIGRATIONS),
        ("delivery", &databases.delivery, delivery_service::store::MIGRATIONS),
    ] {
        let opened = Db::open(url, DbOptions::default(), migrations).await;
        opened.map_err(|error| CommandError::Shop(format!("{name} ({url}): {error}")))?.close().await;
        writeln!(std::io::stdout(), "{name} {url} is up to date").map_err(CommandError::Output)?;
    }
    Ok(ExitCode::SUCCESS)
}
