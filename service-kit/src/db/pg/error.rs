//! SQLSTATEs, sorted by what a caller can do about them.

use postgres::error::SqlState;

use crate::db::error::{DbError, Failure, OpenError};

/// A statement or a `begin` failed: nothing of the transaction can have been committed.
pub(super) fn failure(error: &postgres::Error) -> Failure {
    match error.code() {
        Some(state) => Failure { again: is_given_up(state), error: sorted(error) },
        // The connection is gone, and with it the transaction. Another one may carry the closure.
        None if is_gone(error) => Failure { again: true, error: sorted(error) },
        None => Failure::last(sorted(error)),
    }
}

/// How a commit failed.
pub(in crate::db) enum NotCommitted {
    /// The server said no: nothing was kept.
    Refused(Failure),
    /// The connection is gone, and so is the answer. It must not be run again by itself, only by a caller who repeats it
    /// under the same ids.
    Unknown(DbError),
}

pub(super) fn not_committed(error: &postgres::Error) -> NotCommitted {
    match error.code() {
        Some(state) => NotCommitted::Refused(Failure { again: is_given_up(state), error: sorted(error) }),
        None => NotCommitted::Unknown(DbError::Unavailable(text(error))),
    }
}

pub(super) fn connecting(error: postgres::Error) -> DbError {
    DbError::Unavailable(text(&error))
}

#[expect(clippy::needless_pass_by_value, reason = "the end of an error")]
pub(super) fn cannot_open(error: postgres::Error) -> OpenError {
    opening(&error)
}

fn opening(error: &postgres::Error) -> OpenError {
    let passing = match error.code() {
        Some(state) => is_passing(state),
        None => is_gone(error) && !is_untrusted(error),
    };
    if passing { OpenError::Unavailable(text(error)) } else { OpenError::Refused(text(error)) }
}

/// What this client said, of a failure that others have put into words of their own.
pub(in crate::db) fn cause(error: &(dyn std::error::Error + 'static)) -> Option<OpenError> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|cause| cause.downcast_ref::<postgres::Error>()).map(opening)
}

/// A handshake that failed over a certificate fails the next time, too.
fn is_untrusted(error: &postgres::Error) -> bool {
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    io.and_then(std::io::Error::get_ref).is_some_and(|inner| inner.is::<rustls::Error>())
}

/// The server rolled the transaction back and asks for another run.
fn is_given_up(state: &SqlState) -> bool {
    *state == SqlState::T_R_SERIALIZATION_FAILURE
        || *state == SqlState::T_R_DEADLOCK_DETECTED
        || is_outdated_plan(state)
}

/// A prepared statement from before a change of the schema ("cached plan must not change result type").
pub(super) fn is_outdated_plan(state: &SqlState) -> bool {
    *state == SqlState::FEATURE_NOT_SUPPORTED
}

fn is_gone(error: &postgres::Error) -> bool {
    let io = std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>());
    error.is_closed() || io
}

fn sorted(error: &postgres::Error) -> DbError {
    let Some(found) = error.as_db_error() else {
        return if is_gone(error) { DbError::Unavailable(text(error)) } else { DbError::Sql(text(error)) };
    };
    let state = found.code();
    // Class 23: integrity constraint violation (https://www.postgresql.org/docs/current/errcodes-appendix.html).
    if state.code().starts_with("23") {
        return constraint(found);
    }
    if is_passing(state) { DbError::Unavailable(text(error)) } else { DbError::Sql(text(error)) }
}

/// Conditions of the moment or of the server, not of the statement.
fn is_passing(state: &SqlState) -> bool {
    let class = state.code().get(..2).unwrap_or_default();
    is_given_up(state)
        || *state == SqlState::LOCK_NOT_AVAILABLE
        || *state == SqlState::QUERY_CANCELED
        || *state == SqlState::READ_ONLY_SQL_TRANSACTION
        // 08 connection, 53 insufficient resources, 57P shutdown, 58 system error.
        || matches!(class, "08" | "53" | "58")
        || state.code().starts_with("57P")
}

fn constraint(found: &postgres::error::DbError) -> DbError {
    let named = |name: Option<&str>| name.unwrap_or("unnamed").to_owned();
    let state = found.code();
    DbError::Constraint(if *state == SqlState::NOT_NULL_VIOLATION {
        format!("{}_{}_not_null", named(found.table()), named(found.column()))
    } else if *state == SqlState::FOREIGN_KEY_VIOLATION {
        "foreign_key".to_owned()
    } else {
        named(found.constraint())
    })
}

/// The client's own text names only the kind of failure; what happened is in its source.
fn text(error: &postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
