//! One open transaction and the values that pass through it.

use std::error::Error;

use postgres::IsolationLevel;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::Access;
use super::connection::{PgConnection, Statements};
use super::error::{NotCommitted, failure, is_outdated_plan, not_committed};
use crate::db::error::{DbError, Failure};
use crate::db::row::{Columns, Row};
use crate::db::value::Value;
use crate::faults;

/// Dropping it rolls back.
pub(in crate::db) struct PgTx<'a> {
    transaction: postgres::Transaction<'a>,
    statements: &'a mut Statements,
}

impl<'a> PgTx<'a> {
    /// Writes are READ COMMITTED: each statement decides on the newest committed rows, under the locks it takes. Reads
    /// see one snapshot, and are refused any change.
    pub(super) fn begin(connection: &'a mut PgConnection, access: Access) -> Result<Self, Failure> {
        let PgConnection { client, statements, .. } = connection;
        let begin = client.build_transaction();
        let begin = match access {
            Access::Read => begin.isolation_level(IsolationLevel::RepeatableRead).read_only(true),
            Access::Write => begin.isolation_level(IsolationLevel::ReadCommitted).read_only(false),
        };
        let transaction = begin.start().map_err(|error| failure(&error))?;
        Ok(Self { transaction, statements })
    }

    pub(super) fn commit(self) -> Result<(), NotCommitted> {
        faults::point("db.commit.before");
        self.transaction.commit().map_err(|error| not_committed(&error))?;
        faults::point("db.commit.after");
        Ok(())
    }

    pub(in crate::db) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Failure> {
        let done = self
            .statements
            .prepared(&mut self.transaction, sql)
            .and_then(|statement| self.transaction.execute(&statement, &bound(params)));
        done.map_err(|error| self.failed(&error))
    }

    pub(in crate::db) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Failure> {
        let done = self.statements.prepared(&mut self.transaction, sql).and_then(|statement| {
            let rows = self.transaction.query(&statement, &bound(params))?;
            let columns =
                Columns::of(statement.columns().len(), statement.columns().iter().map(|column| column.name()));
            Ok((columns, rows))
        });
        let (columns, rows) = done.map_err(|error| self.failed(&error))?;
        rows.iter().map(|row| copied(&columns, row).map_err(Failure::last)).collect()
    }

    fn failed(&mut self, error: &postgres::Error) -> Failure {
        if error.code().is_some_and(is_outdated_plan) {
            self.statements.forget();
        }
        failure(error)
    }
}

fn bound(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn copied(columns: &Columns, row: &postgres::Row) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(columns.len());
    for (place, column) in row.columns().iter().enumerate() {
        let read = read(row, place, column.type_());
        values.push(read.map_err(|problem| DbError::Decode { column: column.name().to_owned(), problem })?);
    }
    Ok(Row::new(columns.clone(), values))
}

fn read(row: &postgres::Row, place: usize, kind: &Type) -> Result<Value, String> {
    let read = match *kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(place).map(Value::from),
        Type::INT4 => row.try_get::<_, Option<i32>>(place).map(Value::from),
        Type::INT2 => row.try_get::<_, Option<i16>>(place).map(|number| Value::from(number.map(i64::from))),
        Type::BOOL => row.try_get::<_, Option<bool>>(place).map(Value::from),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => {
            row.try_get::<_, Option<String>>(place).map(Value::from)
        }
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(place).map(Value::from),
        // `sum` of bigints is numeric, for one.
        _ => {
            return Err(format!("of type {kind}; write cast(… as bigint) or cast(… as text)"));
        }
    };
    read.map_err(|error| error.to_string())
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => match *kind {
                Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
                Type::INT2 => i16::try_from(*number)?.to_sql(kind, out),
                Type::BOOL => (*number != 0).to_sql(kind, out),
                Type::INT8 => number.to_sql(kind, out),
                _ => Err(misfit("bigint", kind)),
            },
            Self::Text(text) if <String as ToSql>::accepts(kind) => text.to_sql(kind, out),
            Self::Blob(bytes) if *kind == Type::BYTEA => bytes.to_sql(kind, out),
            Self::Text(_) | Self::Blob(_) => Err(misfit(self.kind(), kind)),
        }
    }

    /// Whether it fits depends on the value: `to_sql` decides.
    fn accepts(_kind: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn misfit(given: &str, wanted: &Type) -> Box<dyn Error + Sync + Send> {
    format!("a parameter is {given} where the statement takes {wanted}").into()
}
