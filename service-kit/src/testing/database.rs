//! A fresh database per test, on the engine that `LASTCOPY_TEST_DB` names (`sqlite`, or `postgres`).

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::{PostgresServer, server};
use crate::db::{DatabaseUrl, Engine};

/// An empty database, gone when the test is over: the folder of an SQLite file goes with this value, a
/// Postgres server with the process.
pub struct TestDatabase {
    url: DatabaseUrl,
    _folder: Option<tempfile::TempDir>,
}

impl TestDatabase {
    /// A fresh database. `name` shows in its address, to tell databases apart in a log.
    pub async fn create(name: &str) -> Self {
        match Self::engine() {
            Engine::Sqlite => {
                let folder = tempfile::Builder::new().prefix("lastcopy-test-").tempdir();
                let folder = folder.expect("a temporary folder");
                let url = DatabaseUrl::sqlite(folder.path().join(format!("{name}.db")));
                Self { url, _folder: Some(folder) }
            }
            Engine::Postgres => {
                let name = unique(name);
                let created = tokio::task::spawn_blocking(move || server::create_database(&name));
                let url = created.await.expect("a fresh Postgres database");
                Self { url, _folder: None }
            }
        }
    }

    /// A fresh database on a server of the test's own, which the test may stop.
    pub async fn on(server: Arc<PostgresServer>, name: &str) -> Self {
        let name = unique(name);
        let created = tokio::task::spawn_blocking(move || server.create(&name));
        Self { url: created.await.expect("a fresh Postgres database"), _folder: None }
    }

    /// The same, at another address.
    #[must_use]
    pub fn by_way_of(self, way: impl FnOnce(&DatabaseUrl) -> DatabaseUrl) -> Self {
        Self { url: way(&self.url), ..self }
    }

    /// The engine under test.
    #[expect(clippy::disallowed_methods, reason = "the engine is chosen for a whole run of the tests")]
    pub fn engine() -> Engine {
        match std::env::var("LASTCOPY_TEST_DB").as_deref() {
            Err(_) | Ok("" | "sqlite") => Engine::Sqlite,
            Ok("postgres") => Engine::Postgres,
            Ok(other) => panic!("LASTCOPY_TEST_DB is `sqlite` or `postgres`, not `{other}`"),
        }
    }

    /// Where it is. Valid as long as this value (SQLite) or this process (Postgres) lives.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }
}

fn unique(name: &str) -> String {
    static CREATED: AtomicU32 = AtomicU32::new(0);
    let number = CREATED.fetch_add(1, Ordering::Relaxed);
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(40).collect();
    format!("{}_{number}", name.to_ascii_lowercase())
}
