//! Where a database is, and which engine answers there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::pg::Address;

/// The two engines a service runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, one process, one file.
    Sqlite,
    /// A server, shared by any number of replicas.
    Postgres,
}

/// The address of a database: `sqlite:PATH`, `postgres://…` or `postgresql://…`.
///
/// A server's address may say how it is encrypted (`sslmode`, `sslrootcert`, as libpq has them) and set limits:
/// `pool_connections`, `pool_wait_ms`, `queue_jobs`, `statement_timeout_ms`, `lock_timeout_ms`, `start_wait_ms`.
///
/// `Display` and `Debug` show no password, so that an address may be logged.
#[derive(Clone)]
pub struct DatabaseUrl {
    place: Place,
}

#[derive(Clone)]
pub(super) enum Place {
    File(PathBuf),
    Server { text: String, address: Box<Address> },
}

/// The text is no address of a database. The text itself is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error("a database is `sqlite:PATH` or `postgres://user:password@host:port/name`")]
    Scheme,
    #[error("`sqlite:` needs the path of a file")]
    NoPath,
    #[error("not a Postgres address: {0}")]
    Postgres(String),
}

impl DatabaseUrl {
    /// The address of an SQLite file.
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self { place: Place::File(path.as_ref().to_path_buf()) }
    }

    /// Which engine answers at this address.
    pub fn engine(&self) -> Engine {
        match self.place {
            Place::File(_) => Engine::Sqlite,
            Place::Server { .. } => Engine::Postgres,
        }
    }

    /// The address with its password, to be handed to another process and never to a log.
    pub fn expose(&self) -> String {
        match &self.place {
            Place::File(path) => format!("sqlite:{}", path.display()),
            Place::Server { text, .. } => text.clone(),
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
            if path.is_empty() {
                return Err(DatabaseUrlError::NoPath);
            }
            return Ok(Self::sqlite(path));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let address = Address::parse(text).map_err(DatabaseUrlError::Postgres)?;
            return Ok(Self { place: Place::Server { text: text.to_owned(), address: Box::new(address) } });
        }
        Err(DatabaseUrlError::Scheme)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File(path) => write!(f, "sqlite:{}", path.display()),
            Place::Server { text, .. } => f.write_str(&redacted(text)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// The address without its query string and without whatever stands between the user's name and the host.
fn redacted(url: &str) -> String {
    let shown = url.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = shown.split_once("://") else {
        return "postgres://…".to_owned();
    };
    match rest.rsplit_once('@') {
        None => format!("{scheme}://{rest}"),
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            let password = if login.contains(':') { ":***" } else { "" };
            format!("{scheme}://{user}{password}@{host}")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn both_engines_are_told_by_their_scheme() {
        assert_eq!("sqlite:shop.db".parse::<DatabaseUrl>().unwrap().engine(), Engine::Sqlite);
        assert_eq!("postgres://shop@localhost/shop".parse::<DatabaseUrl>().unwrap().engine(), Engine::Postgres);
        assert_eq!("postgresql://localhost".parse::<DatabaseUrl>().unwrap().engine(), Engine::Postgres);
        assert!("mysql://localhost".parse::<DatabaseUrl>().is_err());
        assert!("sqlite:".parse::<DatabaseUrl>().is_err());
    }

    #[test]
    fn no_password_is_ever_shown() {
        for secretive in [
            "postgres://shop:hunter2@db.example:5432/shop",
            "postgres://shop:hunter2@db.example/shop?password=hunter2",
            "postgres://shop:hun:t@ter2@db.example/shop",
            "postgres://db.example/shop?user=shop&password=hunter2",
        ] {
            let Ok(url) = secretive.parse::<DatabaseUrl>() else {
                continue;
            };
            let shown = format!("{url} {url:?}");
            assert!(!shown.contains("hunter2") && !shown.contains("ter2"), "{shown}");
            assert!(shown.contains("db.example"), "{shown}");
            assert_eq!(url.expose(), secretive);
        }
    }
}
