//! Numbered changes of the schema, run at the start by refinery. The kit's own tables come first and keep a history of
//! their own, so that neither the kit nor a service has to know the other's numbers.

use refinery::{Migrate, Runner, error::Kind};

use super::dialect::sqlite_schema;
use super::error::OpenError;
use super::pg;
use super::url::Engine;

/// One numbered change of the schema, named like `V1__book`.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    name: &'static str,
    postgres: &'static str,
    /// Where translating the Postgres text is not enough.
    sqlite: Option<&'static str>,
}

impl Migration {
    /// One text for both engines, in Postgres' spelling.
    pub const fn both(name: &'static str, sql: &'static str) -> Self {
        Self { name, postgres: sql, sqlite: None }
    }

    /// A text for each engine, as they are (a full-text index, for one).
    pub const fn pair(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Self {
        Self { name, postgres, sqlite: Some(sqlite) }
    }

    fn for_engine(&self, engine: Engine) -> Result<refinery::Migration, OpenError> {
        let sql = match (engine, self.sqlite) {
            (Engine::Postgres, _) => self.postgres.to_owned(),
            (Engine::Sqlite, Some(sqlite)) => sqlite.to_owned(),
            (Engine::Sqlite, None) => sqlite_schema(self.postgres),
        };
        refinery::Migration::unapplied(self.name, &sql)
            .map_err(|error| OpenError::Migration(format!("{}: {error}", self.name)))
    }
}

const KIT_HISTORY: &str = "kit_schema_history";
const SERVICE_HISTORY: &str = "schema_history";

/// The tables that every service has.
const KIT: &[Migration] = &[
    Migration::both("V1__outbox", include_str!("../../migrations/V1__outbox.sql")),
    Migration::both("V2__inbox", include_str!("../../migrations/V2__inbox.sql")),
    Migration::both("V3__signing_key", include_str!("../../migrations/V3__signing_key.sql")),
    Migration::both("V4__answered_request", include_str!("../../migrations/V4__answered_request.sql")),
    Migration::pair(
        "V5__outbox_delivery",
        include_str!("../../migrations/V5__outbox_delivery.sqlite.sql"),
        include_str!("../../migrations/V5__outbox_delivery.postgres.sql"),
    ),
];

/// Brings the schema up to what this binary knows.
pub(super) fn run<C: Migrate>(connection: &mut C, engine: Engine, service: &[Migration]) -> Result<(), OpenError> {
    run_set(connection, engine, KIT_HISTORY, KIT)?;
    run_set(connection, engine, SERVICE_HISTORY, service)
}

/// Refuses a schema that is not the one this binary knows.
pub(super) fn assert_current<C: Migrate>(
    connection: &mut C,
    engine: Engine,
    service: &[Migration],
) -> Result<(), OpenError> {
    for (history, set) in [(KIT_HISTORY, KIT), (SERVICE_HISTORY, service)] {
        let (runner, known) = runner(engine, history, set)?;
        let applied = runner.get_last_applied_migration(connection).map_err(|error| refused(&error, history, known))?;
        let found = applied.map_or(0, |migration| migration.version());
        if found != known {
            let why =
                format!("{history} is at {found}, this binary knows {known}: use the running service's own binary");
            return Err(OpenError::Migration(why));
        }
    }
    Ok(())
}

fn run_set<C: Migrate>(
    connection: &mut C,
    engine: Engine,
    history: &'static str,
    set: &[Migration],
) -> Result<(), OpenError> {
    let (runner, known) = runner(engine, history, set)?;
    // A new database has no history yet. Whatever else keeps it from being read is told by the run.
    let applied = runner.get_last_applied_migration(connection).ok().flatten();
    if let Some(found) = applied.map(|migration| migration.version()).filter(|found| *found < known) {
        tracing::info!(history, found, known, "migrating; with millions of rows this takes minutes");
    }
    let report = runner.run(connection).map_err(|error| refused(&error, history, known))?;
    for applied in report.applied_migrations() {
        tracing::info!(migration = %applied, history, "migrated");
    }
    Ok(())
}

fn runner(engine: Engine, history: &'static str, set: &[Migration]) -> Result<(Runner, i64), OpenError> {
    let set = set.iter().map(|migration| migration.for_engine(engine)).collect::<Result<Vec<_>, _>>()?;
    let known = set.iter().map(refinery::Migration::version).max().unwrap_or(0);
    // Grouped: a change and its line in the history are one transaction, so a crash never leaves one without the other.
    let mut runner = Runner::new(&set).set_grouped(true);
    runner.set_migration_table_name(history);
    Ok((runner, known))
}

fn refused(error: &refinery::Error, history: &'static str, known: i64) -> OpenError {
    if let Kind::MissingVersion(found) = error.kind()
        && found.version() > known
    {
        return OpenError::SchemaNewer { history, found: found.version(), known };
    }
    // A server that went away meanwhile has done all of a change or nothing, and the next attempt finds out.
    if let Some(OpenError::Unavailable(reason)) = pg::cause(error) {
        return OpenError::Unavailable(reason);
    }
    OpenError::Migration(with_causes(error))
}

/// The engine's own words are in the sources of refinery's error.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use rusqlite::Connection;

    use super::*;

    const QUEUE: &str = "select group_concat(subscriber_id || ' ' || position || ' ' || subject || ' ' || held_until_us || \
                                             ' ' || tries || ' ' || rejections || ' ' || coalesce(detail, '-'), ', ') \
                           from (select * from outbox_delivery order by position)";

    #[test]
    fn a_queue_from_before_it_stood_in_the_order_of_its_key_is_all_there() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("pragma foreign_keys = on").unwrap();
        let (queue, before) = KIT.split_last().unwrap();
        assert_eq!(queue.name, "V5__outbox_delivery", "this upgrade and no other");
        run_set(&mut connection, Engine::Sqlite, KIT_HISTORY, before).unwrap();
        connection
            .execute_batch(
                "insert into outbox_subscriber (name) values ('gateway');
                 insert into outbox_event (event_id, subject, body, time_us) values ('a', 's', '{}', 1), ('b', 's', '{}', 2);
                 insert into outbox_delivery values (1, 1, 's', 9223372036854775807, 4, 3, 'no'), (1, 2, 's', 0, 0, 0, null);",
            )
            .unwrap();
        run_set(&mut connection, Engine::Sqlite, KIT_HISTORY, KIT).unwrap();
        let queue: String = connection.query_row(QUEUE, (), |row| row.get(0)).unwrap();
        assert_eq!(queue, "1 1 s 9223372036854775807 4 3 no, 1 2 s 0 0 0 -");
    }
}
