//! One statement on one connection: prepared once, its parameters bound, its rows copied out.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use foldhash::fast::RandomState;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Statement, ToSql};

use super::STATEMENT_CACHE;
use super::error::{failure, sorted};
use crate::db::dialect::sqlite_placeholders;
use crate::db::error::{DbError, Failure};
use crate::db::row::{Columns, Row};
use crate::db::value::Value;

pub(in crate::db) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Result<u64, Failure> {
    let mut statement = prepare(connection, sql)?;
    let changed = statement.execute(rusqlite::params_from_iter(params)).map_err(failure)?;
    u64::try_from(changed).map_err(|error| Failure::last(DbError::Sql(error.to_string())))
}

pub(in crate::db) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, Failure> {
    let mut statement = prepare(connection, sql)?;
    let mut found = statement.query(rusqlite::params_from_iter(params)).map_err(failure)?;
    let mut rows = Vec::new();
    let mut columns = None;
    while let Some(row) = found.next().map_err(failure)? {
        let columns = columns.get_or_insert_with(|| columns_of(row.as_ref()));
        let mut values = Vec::with_capacity(columns.len());
        for (place, column) in columns.names().enumerate() {
            values.push(value(row.get_ref(place).map_err(failure)?, column).map_err(Failure::last)?);
        }
        rows.push(Row::new(columns.clone(), values));
    }
    Ok(rows)
}

fn columns_of(statement: &Statement<'_>) -> Columns {
    let count = statement.column_count();
    Columns::of(count, (0..count).map(|place| statement.column_name(place).unwrap_or_default()))
}

/// `begin immediate`, `savepoint …`, `commit` and the like.
pub(super) fn control(connection: &Connection, sql: &str) -> Result<(), DbError> {
    run_control(connection, sql).map_err(sorted)
}

pub(super) fn run_control(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, Failure> {
    connection.prepare_cached(&spelled(sql)).map_err(failure)
}

/// A statement as SQLite has it. Each text is rewritten once by each thread: that takes longer than many a statement.
fn spelled(sql: &str) -> Rc<str> {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Rc<str>, RandomState>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some(text) = known.get(sql) {
            return Rc::clone(text);
        }
        // Few texts are put together at run time; should they be many, nothing grows without end.
        if known.len() >= STATEMENT_CACHE {
            known.clear();
        }
        let text: Rc<str> = sqlite_placeholders(sql).into();
        known.insert(sql.to_owned(), Rc::clone(&text));
        text
    })
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
