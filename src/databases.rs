use std::path::{Path, PathBuf};

use service_kit::db::DatabaseUrl;

use crate::CommandError;

/// The services' databases, by their names in the data directory.
const CATALOG_FILE: &str = "catalog.db";
const ORDER_FILE: &str = "orders.db";
const DELIVERY_FILE: &str = "deliveries.db";
const GATEWAY_FILE: &str = "gateway.db";
const PAYMENTS_FILE: &str = "payments.db";

/// Which databases a tool works on.
#[derive(Debug, Clone, clap::Args)]
pub struct DatabaseArgs {
    /// Where the shop keeps its databases.
    #[arg(long, env = "LASTCOPY_DATA_DIR", default_value = "lastcopy-data")]
    pub data_dir: PathBuf,
    /// The databases one by one, for services that run apart: `sqlite:PATH` or `postgres://user:password@host:port/name`.
    #[arg(long, env = "LASTCOPY_CATALOG_DB", hide_env_values = true, requires = "order_db", requires = "delivery_db")]
    pub catalog_db: Option<DatabaseUrl>,
    #[arg(long, env = "LASTCOPY_ORDER_DB", hide_env_values = true, requires = "catalog_db")]
    pub order_db: Option<DatabaseUrl>,
    #[arg(long, env = "LASTCOPY_DELIVERY_DB", hide_env_values = true, requires = "catalog_db")]
    pub delivery_db: Option<DatabaseUrl>,
}

impl DatabaseArgs {
    /// Those of a data directory.
    pub fn in_folder(data_dir: &Path) -> DatabaseArgs {
        DatabaseArgs { data_dir: data_dir.to_path_buf(), catalog_db: None, order_db: None, delivery_db: None }
    }

    /// Those of services that run apart.
    pub fn named(data_dir: &Path, databases: Databases) -> DatabaseArgs {
        let Databases { catalog, order, delivery } = databases;
        let data_dir = data_dir.to_path_buf();
        DatabaseArgs { data_dir, catalog_db: Some(catalog), order_db: Some(order), delivery_db: Some(delivery) }
    }

    /// The databases that were named, or those of the data directory.
    pub fn databases(&self) -> Databases {
        match (&self.catalog_db, &self.order_db, &self.delivery_db) {
            (Some(catalog), Some(order), Some(delivery)) => {
                Databases { catalog: catalog.clone(), order: order.clone(), delivery: delivery.clone() }
            }
            (_, _, _) => Databases::in_folder(&self.data_dir),
        }
    }

    /// The sandbox provider's ledger in the data directory, if there is one.
    pub fn ledger(&self) -> Option<DatabaseUrl> {
        let is_there = !self.are_named() && self.data_dir.join(PAYMENTS_FILE).is_file();
        is_there.then(|| payments_in_folder(&self.data_dir))
    }

    /// Whether the databases were named, so that the data directory says nothing about them.
    pub fn are_named(&self) -> bool {
        self.catalog_db.is_some()
    }
}

/// Who is who, in a shop that keeps all of its data in one folder. It holds no copy, no order and no parcel, so the tools
/// that count those do not ask for it.
pub fn gateway_in_folder(data_dir: &Path) -> DatabaseUrl {
    DatabaseUrl::sqlite(data_dir.join(GATEWAY_FILE))
}

/// The ledger of the sandbox payment provider, beside a shop that keeps all of its data in one folder.
pub fn payments_in_folder(data_dir: &Path) -> DatabaseUrl {
    DatabaseUrl::sqlite(data_dir.join(PAYMENTS_FILE))
}

/// The files of a shop that keeps all of its data in one folder. It has no ledger where its bank is somebody else's.
pub fn files(data_dir: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let files = [CATALOG_FILE, ORDER_FILE, DELIVERY_FILE, GATEWAY_FILE, PAYMENTS_FILE].map(|name| data_dir.join(name));
    let missing = files.iter().find(|file| !file.is_file() && !file.ends_with(PAYMENTS_FILE));
    match missing {
        Some(file) => Err(CommandError::Usage(format!("{}: there is no shop here", file.display()))),
        None => Ok(files.into_iter().filter(|file| file.is_file()).collect()),
    }
}

/// The databases of one shop.
#[derive(Debug, Clone)]
pub struct Databases {
    pub catalog: DatabaseUrl,
    pub order: DatabaseUrl,
    pub delivery: DatabaseUrl,
}

impl Databases {
    /// Those of a shop that keeps all of its data in one folder.
    pub fn in_folder(data_dir: &Path) -> Databases {
        Databases {
            catalog: DatabaseUrl::sqlite(data_dir.join(CATALOG_FILE)),
            order: DatabaseUrl::sqlite(data_dir.join(ORDER_FILE)),
            delivery: DatabaseUrl::sqlite(data_dir.join(DELIVERY_FILE)),
        }
    }
}
