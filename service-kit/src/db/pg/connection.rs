//! Connecting: settings set and read back, prepared statements kept per connection.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use postgres::{Client, Statement};
use r2d2::ManageConnection;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::error::{cannot_open, connecting};
use super::tls;
use crate::db::error::{DbError, OpenError};
use crate::db::options::DbOptions;

/// How long to wait for the server to take a new connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection unused for longer is tried before it is lent: a restarted server costs nobody his closure.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// A silent network is found out this way, since a read has no deadline of its own.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// Bytes that the server does not acknowledge for so long are lost, and the connection with them.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
/// How many prepared statements a connection keeps before it starts over.
const STATEMENT_CACHE: usize = 256;
/// How long a start waits for another replica that is migrating.
const MIGRATION_LOCK_TIMEOUT_MS: u32 = 60_000;

/// One connection of the pool.
pub(super) struct PgConnection {
    pub(super) client: Client,
    pub(super) statements: Statements,
    used: Instant,
}

/// Prepared statements by their text.
pub(super) struct Statements(HashMap<String, Statement>);

impl Statements {
    /// A full cache is emptied: the texts of a service are few, so this happens only when one is being put together
    /// from parts.
    pub(super) fn prepared(
        &mut self,
        transaction: &mut postgres::Transaction<'_>,
        sql: &str,
    ) -> Result<Statement, postgres::Error> {
        if let Some(known) = self.0.get(sql) {
            return Ok(known.clone());
        }
        if self.0.len() >= STATEMENT_CACHE {
            self.0.clear();
        }
        let statement = transaction.prepare(sql)?;
        self.0.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// After a change of the schema the old plans answer with an error.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// Makes connections for the pool.
pub(super) struct Connector {
    config: postgres::Config,
    tls: MakeRustlsConnect,
    statement_timeout_ms: u32,
    lock_timeout_ms: u32,
}

impl Connector {
    pub(super) fn new(address: &Address, options: &DbOptions) -> Result<Self, OpenError> {
        let mut config = address.config.clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("lastcopy");
        }
        config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_RETRIES).tcp_user_timeout(UNACKNOWLEDGED);
        Ok(Self {
            config,
            tls: tls::connector(&address.trust)?,
            statement_timeout_ms: options.statement_timeout_ms,
            lock_timeout_ms: options.lock_timeout_ms,
        })
    }

    /// Connects and refuses a server that lacks a setting on which the promise rests.
    pub(super) fn connect_and_assert(&self, read_only: bool) -> Result<Client, OpenError> {
        let mut client = self.connect_with_limits(self.statement_timeout_ms, self.lock_timeout_ms)?;
        self.assert_settings(&mut client, read_only)?;
        Ok(client)
    }

    /// A connection whose statements may take as long as they need: building an index does.
    pub(super) fn connect_to_migrate(&self) -> Result<Client, OpenError> {
        drop(self.connect_and_assert(false)?);
        self.connect_with_limits(0, MIGRATION_LOCK_TIMEOUT_MS)
    }

    fn connect_with_limits(&self, statement_timeout_ms: u32, lock_timeout_ms: u32) -> Result<Client, OpenError> {
        let mut client = self.config.connect(self.tls.clone()).map_err(cannot_open)?;
        set_limits(&mut client, statement_timeout_ms, lock_timeout_ms).map_err(cannot_open)?;
        Ok(client)
    }

    fn assert_settings(&self, client: &mut Client, read_only: bool) -> Result<(), OpenError> {
        let limit = |wanted: u32| move |found: &str| found == wanted.to_string();
        assert_setting(
            client,
            "statement_timeout",
            &self.statement_timeout_ms.to_string(),
            limit(self.statement_timeout_ms),
        )?;
        assert_setting(client, "lock_timeout", &self.lock_timeout_ms.to_string(), limit(self.lock_timeout_ms))?;
        if read_only {
            return Ok(());
        }
        assert_setting(client, "transaction_read_only", "off", |found| found == "off")?;
        // Anything but `off` waits for the disk before a commit is answered.
        assert_setting(client, "synchronous_commit", "on", |found| found != "off")?;
        if setting(client, "fsync")? == "off" {
            tracing::warn!("this Postgres runs with fsync=off: what it acknowledges may be lost with its machine");
        }
        Ok(())
    }
}

fn set_limits(client: &mut Client, statement_timeout_ms: u32, lock_timeout_ms: u32) -> Result<(), postgres::Error> {
    client.batch_execute(&format!(
        "set statement_timeout = {statement_timeout_ms}; set lock_timeout = {lock_timeout_ms}; \
         set idle_in_transaction_session_timeout = {statement_timeout_ms};"
    ))
}

fn assert_setting(
    client: &mut Client,
    name: &'static str,
    wanted: &str,
    accepted: impl Fn(&str) -> bool,
) -> Result<(), OpenError> {
    let found = setting(client, name)?;
    if accepted(&found) { Ok(()) } else { Err(OpenError::Setting { setting: name, wanted: wanted.to_owned(), found }) }
}

/// In its base unit: milliseconds for the time-outs.
fn setting(client: &mut Client, name: &str) -> Result<String, OpenError> {
    let row = client.query_one("select setting from pg_settings where name = $1", &[&name]).map_err(cannot_open)?;
    row.try_get(0).map_err(cannot_open)
}

impl ManageConnection for Connector {
    type Connection = PgConnection;
    type Error = DbError;

    fn connect(&self) -> Result<PgConnection, DbError> {
        let mut client = self.config.connect(self.tls.clone()).map_err(connecting)?;
        set_limits(&mut client, self.statement_timeout_ms, self.lock_timeout_ms).map_err(connecting)?;
        Ok(PgConnection { client, statements: Statements(HashMap::new()), used: Instant::now() })
    }

    fn is_valid(&self, connection: &mut PgConnection) -> Result<(), DbError> {
        if connection.used.elapsed() > TRUSTED_IDLE {
            connection.client.simple_query("").map_err(connecting)?;
        }
        connection.used = Instant::now();
        Ok(())
    }

    fn has_broken(&self, connection: &mut PgConnection) -> bool {
        connection.client.is_closed()
    }
}

/// The pool's own attempts to connect happen where nobody waits for the error.
#[derive(Debug)]
pub(super) struct LogErrors;

impl r2d2::HandleError<DbError> for LogErrors {
    fn handle_error(&self, error: DbError) {
        tracing::warn!(%error, "no connection to the database");
    }
}
