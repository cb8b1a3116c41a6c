//! What a caller is told when the database cannot do what he asked.

use service_kit::db::DbError;
use shared_types::{Code, Problem};

/// Why a closure ended without a commit: a refusal that its caller should hear, or a failure of the database.
#[derive(Debug)]
pub enum Trouble {
    Refused(Problem),
    Database(DbError),
}

impl From<DbError> for Trouble {
    fn from(error: DbError) -> Self {
        Trouble::Database(error)
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Trouble::Refused(problem)
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(problem) => problem,
            Trouble::Database(error) => database(&error),
        }
    }
}

/// The one place where a failure of the database is logged.
pub fn database(error: &DbError) -> Problem {
    tracing::error!(%error, "the database did not do it");
    if matches!(error, DbError::Overloaded) {
        return Problem::new(Code::Overloaded, "the database has more to do than it takes on");
    }
    match error.is_retryable() {
        true => Problem::new(Code::Unavailable, "the database does not answer"),
        false => Problem::new(Code::Internal, "the fault is in our log under the request's id"),
    }
}
