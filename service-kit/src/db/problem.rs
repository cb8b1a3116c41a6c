//! What a caller may know of a fault in the database: whether to come again. The fault itself is in the log.

use shared_types::{Code, Problem};

use super::error::DbError;

impl From<DbError> for Problem {
    /// A failed write may have happened on a server whose answer was lost, so the detail says what is safe.
    fn from(error: DbError) -> Problem {
        let (code, detail) = match &error {
            DbError::Overloaded => (Code::Overloaded, "more work is waiting than the database takes on"),
            DbError::Unavailable(_) => (Code::Unavailable, "the database does not answer; repeat with the same key"),
            DbError::Constraint(_)
            | DbError::NoRow
            | DbError::Decode { .. }
            | DbError::Sql(_)
            | DbError::AfterFailure
            | DbError::ReadOnly
            | DbError::Panicked => (Code::Internal, "the fault is in our log under the request's id"),
        };
        tracing::error!(%error, "a request failed at the database");
        Problem::new(code, detail)
    }
}
