//! The settings on which the promise rests: set, read back, and the start refused when they did not take.

use rusqlite::{Connection, config::DbConfig};

use super::STATEMENT_CACHE;
use crate::db::error::OpenError;
use crate::db::options::DbOptions;
use crate::faults;

/// Older ones carry the WAL-reset bug, which can corrupt a database: <https://sqlite.org/wal.html#walresetbug>.
const OLDEST_VERSION: i32 = 3_051_003;

/// Pages that the writer keeps in memory, in KiB. With SQLite's own 2 MiB a transaction that touches many indexes writes the
/// same pages several times.
const WRITER_CACHE_KIB: u32 = 8 * 1_024;

/// `synchronous=FULL`: a commit is on disk before it is answered.
const SYNCHRONOUS_FULL: &str = "2";

pub(super) fn for_writing(connection: &Connection, options: &DbOptions) -> Result<(), OpenError> {
    assert_version(rusqlite::version_number())?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // Setting the journal mode answers with the mode in force, which is read back below.
    connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full;").map_err(unavailable)?;
    connection.execute_batch(&format!("pragma cache_size = -{WRITER_CACHE_KIB}")).map_err(unavailable)?;
    for_every_connection(connection, options.busy_timeout_ms).map_err(unavailable)?;
    assert_setting(connection, "synchronous", SYNCHRONOUS_FULL)?;
    if faults::sabotaged("synchronous_normal") {
        connection.execute_batch("pragma synchronous = normal;").map_err(unavailable)?;
    }
    assert_setting(connection, "query_only", "0")?;
    assert_every_connection(connection, options.busy_timeout_ms)
}

pub(super) fn for_reading(connection: &Connection, busy_timeout_ms: u32) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    for_every_connection(connection, busy_timeout_ms)?;
    connection.execute_batch("pragma query_only = on")
}

pub(super) fn assert_reading(connection: &Connection, busy_timeout_ms: u32) -> Result<(), OpenError> {
    assert_version(rusqlite::version_number())?;
    assert_setting(connection, "query_only", "1")?;
    assert_every_connection(connection, busy_timeout_ms)
}

fn for_every_connection(connection: &Connection, busy_timeout_ms: u32) -> rusqlite::Result<()> {
    // Whatever is bound to a statement, it keeps its plan. Else each one that has a bound `limit` is prepared anew each time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(&format!(
        "pragma foreign_keys = on; pragma trusted_schema = off; pragma busy_timeout = {busy_timeout_ms}; \
         pragma temp_store = memory;"
    ))
}

fn assert_every_connection(connection: &Connection, busy_timeout_ms: u32) -> Result<(), OpenError> {
    assert_setting(connection, "journal_mode", "wal")?;
    assert_setting(connection, "foreign_keys", "1")?;
    assert_setting(connection, "trusted_schema", "0")?;
    // What a savepoint remembers of a page stays in memory: in a file it would cost each commit more than its own pages.
    assert_setting(connection, "temp_store", "2")?;
    assert_setting(connection, "busy_timeout", &busy_timeout_ms.to_string())
}

fn assert_version(found: i32) -> Result<(), OpenError> {
    if found >= OLDEST_VERSION {
        return Ok(());
    }
    Err(OpenError::Setting {
        setting: "sqlite_version",
        wanted: format!("{OLDEST_VERSION} or newer"),
        found: found.to_string(),
    })
}

fn assert_setting(connection: &Connection, setting: &'static str, wanted: &str) -> Result<(), OpenError> {
    let read = connection.pragma_query_value(None, setting, |row| {
        row.get_ref(0).map(|value| match value {
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            rusqlite::types::ValueRef::Null
            | rusqlite::types::ValueRef::Real(_)
            | rusqlite::types::ValueRef::Blob(_) => "unreadable".to_owned(),
        })
    });
    let found = read.map_err(unavailable)?;
    if found == wanted { Ok(()) } else { Err(OpenError::Setting { setting, wanted: wanted.to_owned(), found }) }
}

fn unavailable(error: rusqlite::Error) -> OpenError {
    OpenError::Unavailable(error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_version_with_the_wal_reset_bug_is_refused() {
        assert!(assert_version(3_051_002).is_err());
        assert!(assert_version(OLDEST_VERSION).is_ok());
    }

    #[test]
    fn a_statement_is_prepared_once_whatever_is_bound_to_it() {
        let connection = Connection::open_in_memory().unwrap();
        for_every_connection(&connection, 1).unwrap();
        connection.execute_batch("create table queue (position integer primary key) strict").unwrap();
        let mut statement =
            connection.prepare("select 1 from queue where position > ? order by position limit ?").unwrap();
        for position in 1..=3 {
            assert!(!statement.exists((position, 100)).unwrap());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }

    #[test]
    fn a_setting_that_did_not_take_is_named() {
        let connection = Connection::open_in_memory().unwrap();
        let refused = assert_setting(&connection, "journal_mode", "wal").unwrap_err();
        assert_eq!(refused.to_string(), "database setting journal_mode: wanted wal, found memory");
    }
}
