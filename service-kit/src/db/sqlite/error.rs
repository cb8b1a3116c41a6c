//! SQLite's error codes and messages, sorted by what a caller can do about them.

use rusqlite::{ErrorCode, ffi};

use crate::db::error::{DbError, Failure};

pub(super) fn failure(error: rusqlite::Error) -> Failure {
    Failure::last(sorted(error))
}

pub(super) fn sorted(error: rusqlite::Error) -> DbError {
    let rusqlite::Error::SqliteFailure(found, message) = &error else {
        return DbError::Sql(error.to_string());
    };
    let text = message.clone().unwrap_or_else(|| found.to_string());
    if found.code == ErrorCode::ConstraintViolation {
        return constraint(found.extended_code, &text);
    }
    if is_passing(found.code) { DbError::Unavailable(text) } else { DbError::Sql(text) }
}

/// Conditions of the moment or of the machine, not of the statement.
fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted
    )
}

/// SQLite names columns where Postgres names the constraint: `book.sku` is put together to `book_sku_key`.
fn constraint(extended_code: i32, message: &str) -> DbError {
    let detail = message.split_once("failed: ").map_or(message, |(_, detail)| detail);
    match extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE => DbError::Constraint(match detail.strip_prefix("index '") {
            Some(index) => index.trim_end_matches('\'').to_owned(),
            None => unique_name(detail),
        }),
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let table = detail.split('.').next().unwrap_or_default();
            DbError::Constraint(format!("{table}_pkey"))
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => DbError::Constraint("foreign_key".to_owned()),
        ffi::SQLITE_CONSTRAINT_NOTNULL => DbError::Constraint(format!("{}_not_null", detail.replace('.', "_"))),
        ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_TRIGGER => DbError::Constraint(detail.to_owned()),
        // A value of the wrong type for a strict table, and what else only a wrong statement can cause.
        _ => DbError::Sql(message.to_owned()),
    }
}

/// `taking.order_id, taking.attempt` → `taking_order_id_attempt_key`.
fn unique_name(columns: &str) -> String {
    let mut name = String::new();
    for (place, column) in columns.split(", ").enumerate() {
        let (table, column) = column.split_once('.').unwrap_or(("", column));
        if place == 0 {
            name.push_str(table);
        }
        name.push('_');
        name.push_str(column);
    }
    name + "_key"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_constraint_is_named_after_its_table_and_columns() {
        assert_eq!(unique_name("book.sku"), "book_sku_key");
        assert_eq!(unique_name("taking.order_id, taking.attempt"), "taking_order_id_attempt_key");
    }
}
