//! An address of a server: what the client reads of it, and what it leaves to us: certificates and limits.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use postgres::config::SslMode;

use super::tls::Trust;
use crate::db::options::DbOptions;

/// Where a server is, how it is trusted, and which limits its operator chose.
#[derive(Clone)]
pub(in crate::db) struct Address {
    pub(super) config: postgres::Config,
    pub(super) trust: Trust,
    limits: Vec<(&'static Limit, u32)>,
}

/// A limit that an address may set: `postgres://…?pool_connections=32`.
struct Limit {
    name: &'static str,
    least: u32,
    most: u32,
    set: fn(&mut DbOptions, u32),
}

const MAX_CONNECTIONS: u32 = 1_000;
const MAX_QUEUE_JOBS: u32 = 100_000;
/// Ten minutes: whatever takes longer has failed.
const MAX_MS: u32 = 600_000;

const fn limit(name: &'static str, least: u32, most: u32, set: fn(&mut DbOptions, u32)) -> Limit {
    Limit { name, least, most, set }
}

static LIMITS: &[Limit] = &[
    limit("pool_connections", 1, MAX_CONNECTIONS, |options, value| options.connections = value),
    limit("pool_wait_ms", 1, MAX_MS, |options, value| options.pool_wait_ms = value),
    limit("queue_jobs", 1, MAX_QUEUE_JOBS, |options, value| {
        options.queue_jobs = usize::try_from(value).unwrap_or(usize::MAX);
    }),
    limit("statement_timeout_ms", 1, MAX_MS, |options, value| options.statement_timeout_ms = value),
    limit("lock_timeout_ms", 1, MAX_MS, |options, value| options.lock_timeout_ms = value),
    limit("start_wait_ms", 0, MAX_MS, |options, value| options.start_wait_ms = value),
];

impl Address {
    /// Reads `postgres://…`. The error never repeats a value: one may be a password in the wrong place.
    pub(in crate::db) fn parse(text: &str) -> Result<Self, String> {
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut rest, mut mode, mut root, mut limits) = (Vec::new(), None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or("a parameter without a value")?;
            if let Some(limit) = LIMITS.iter().find(|limit| limit.name == name) {
                limits.push((limit, limit.read(value)?));
            } else if name == "sslrootcert" {
                let path = percent_decode_str(value).decode_utf8().map_err(|_| "sslrootcert is no path")?;
                root = Some(PathBuf::from(path.as_ref()));
            } else if name == "sslmode" {
                mode = Some(value.to_owned());
            } else {
                rest.push(pair);
            }
        }
        let place = if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
        let mut config: postgres::Config = place.parse().map_err(|error: postgres::Error| error.to_string())?;
        let (mode, trust) = encryption(mode.as_deref(), root)?;
        config.ssl_mode(mode);
        Ok(Self { config, trust, limits })
    }

    /// The options, with the limits that the address sets.
    pub(in crate::db) fn adjust(&self, mut options: DbOptions) -> DbOptions {
        for (limit, value) in &self.limits {
            (limit.set)(&mut options, *value);
        }
        options
    }
}

impl Limit {
    fn read(&self, value: &str) -> Result<u32, String> {
        let Limit { name, least, most, .. } = self;
        let read = value.parse().ok().filter(|value| (*least..=*most).contains(value));
        read.ok_or_else(|| format!("{name} is a number from {least} to {most}"))
    }
}

/// As libpq has it (<https://www.postgresql.org/docs/current/libpq-ssl.html>, table 32.1): without a root certificate,
/// `prefer` and `require` encrypt and trust whoever answers.
fn encryption(mode: Option<&str>, root: Option<PathBuf>) -> Result<(SslMode, Trust), String> {
    let needed = || root.clone().ok_or("sslmode=verify-ca and verify-full need sslrootcert=FILE");
    Ok(match mode.unwrap_or("prefer") {
        "disable" => (SslMode::Disable, Trust::Anybody),
        "prefer" => (SslMode::Prefer, root.map_or(Trust::Anybody, Trust::SignedBy)),
        "require" => (SslMode::Require, root.map_or(Trust::Anybody, Trust::SignedBy)),
        "verify-ca" => (SslMode::Require, Trust::SignedBy(needed()?)),
        "verify-full" => (SslMode::Require, Trust::NamedAndSignedBy(needed()?)),
        _ => return Err("sslmode is disable, prefer, require, verify-ca or verify-full".to_owned()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Address, String> {
        Address::parse(&format!("postgres://shop:hunter2@db.example/shop{query}"))
    }

    #[test]
    fn an_address_sets_limits_within_their_bounds() {
        let address = read("?pool_connections=32&application_name=shop&lock_timeout_ms=750").unwrap();
        let options = address.adjust(DbOptions::default());
        assert_eq!((options.connections, options.lock_timeout_ms), (32, 750));
        assert_eq!(options.statement_timeout_ms, DbOptions::default().statement_timeout_ms);
        assert_eq!(address.config.get_application_name(), Some("shop"));
        for wrong in ["pool_connections=0", "pool_connections=1001", "lock_timeout_ms=600001", "pool_wait_ms=soon"] {
            assert!(read(&format!("?{wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_and_never_repeated() {
        for wrong in
            ["?nonsense=hunter2", "?sslmode=hunter2", "?sslmode", "?sslmode=verify-full", "?queue_jobs=hunter2"]
        {
            let Err(refused) = read(wrong) else { panic!("{wrong}") };
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn the_modes_of_encryption_are_libpqs() {
        let root = || Some(PathBuf::from("/etc/a root.pem"));
        for (query, mode, trust) in [
            ("", SslMode::Prefer, Trust::Anybody),
            ("?sslmode=disable", SslMode::Disable, Trust::Anybody),
            ("?sslmode=require", SslMode::Require, Trust::Anybody),
            ("?sslmode=require&sslrootcert=/etc/a%20root.pem", SslMode::Require, Trust::SignedBy(root().unwrap())),
            (
                "?sslrootcert=/etc/a%20root.pem&sslmode=verify-full",
                SslMode::Require,
                Trust::NamedAndSignedBy(root().unwrap()),
            ),
        ] {
            let address = read(query).unwrap();
            assert_eq!((address.config.get_ssl_mode(), address.trust), (mode, trust), "{query}");
        }
    }
}
