//! One statement on one connection: prepared once, its parameters bound, its rows copied out.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use super::error::{failure, sorted};
use crate::db::dialect::sqlite_placeholders;
use crate::db::error::{DbError, Failure};
use crate::db::row::Row;
use crate::db::value::Value;

pub(in crate::db) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Result<u64, Failure> {
    let mut statement = prepare(connection, sql)?;
    let changed = statement.execute(rusqlite::params_from_iter(params)).map_err(failure)?;
    u64::try_from(changed).map_err(|error| Failure::last(DbError::Sql(error.to_string())))
}

pub(in crate::db) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, Failure> {
    let mut statement = prepare(connection, sql)?;
    let columns: Arc<[String]> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut found = statement.query(rusqlite::params_from_iter(params)).map_err(failure)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(failure)? {
        let mut values = Vec::with_capacity(columns.len());
        for (place, column) in columns.iter().enumerate() {
            values.push(value(row.get_ref(place).map_err(failure)?, column).map_err(Failure::last)?);
        }
        rows.push(Row::new(Arc::clone(&columns), values));
    }
    Ok(rows)
}

/// `begin immediate`, `savepoint …`, `commit` and the like.
pub(super) fn control(connection: &Connection, sql: &str) -> Result<(), DbError> {
    run_control(connection, sql).map_err(sorted)
}

pub(super) fn run_control(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, Failure> {
    connection.prepare_cached(&sqlite_placeholders(sql)).map_err(failure)
}

fn value(found: ValueRef<'_>, column: &str) -> Result<Value, DbError> {
    let decode = |problem: String| DbError::Decode { column: column.to_owned(), problem };
    match found {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(text) => {
            String::from_utf8(text.to_vec()).map(Value::Text).map_err(|error| decode(error.to_string()))
        }
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_vec())),
        ValueRef::Real(_) => Err(decode("a floating point number".to_owned())),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
