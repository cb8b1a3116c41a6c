//! What can go wrong, sorted by what a caller can do about it.

/// A closure or one of its statements failed. Nothing of that closure was kept, unless `Unavailable` says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A constraint said no. The name is the same on both engines: `<table>_<columns>_key`, `<table>_pkey`,
    /// `<table>_<column>_not_null`, `foreign_key`, or the name of the `check`.
    #[error("constraint {0}")]
    Constraint(String),
    /// More work is waiting than the options allow. Nothing was done; later may succeed.
    #[error("the database has more work waiting than it takes on")]
    Overloaded,
    /// Busy, full or gone. Repeat the same work *under the same ids*: on Postgres a commit whose answer was lost ends
    /// here too, and nobody knows whether it took effect.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// `query_one` found nothing.
    #[error("no row")]
    NoRow,
    /// A column is missing or holds another type than asked for: a bug in the statement or in its reader.
    #[error("column {column}: {problem}")]
    Decode { column: String, problem: String },
    /// A statement the engine refuses: a bug.
    #[error("sql: {0}")]
    Sql(String),
    /// A closure answered `Ok` although one of its statements had failed. Postgres has rolled such a transaction back
    /// by then, so the answer would be a lie; SQLite is held to the same rule.
    #[error("a statement failed and the closure went on")]
    AfterFailure,
    /// This database was opened for reading only.
    #[error("opened for reading only")]
    ReadOnly,
    /// The closure panicked. Its own changes are undone; its neighbours are untouched.
    #[error("the closure panicked")]
    Panicked,
}

impl DbError {
    /// Whether the same work, under the same ids, may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Overloaded | Self::Unavailable(_) => true,
            Self::Constraint(_)
            | Self::NoRow
            | Self::Decode { .. }
            | Self::Sql(_)
            | Self::AfterFailure
            | Self::ReadOnly
            | Self::Panicked => false,
        }
    }

    /// Whether this is the refusal of the constraint of that name.
    pub fn is_constraint(&self, name: &str) -> bool {
        matches!(self, Self::Constraint(found) if found == name)
    }
}

/// Why a database was not opened. A service that gets one of these does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two processes writing one SQLite file would each believe in their own order of writes.
    #[error("{path} is in use by another process (it holds {path}.lock)")]
    InUse { path: String },
    /// The engine does not have a setting on which the promise rests.
    #[error("database setting {setting}: wanted {wanted}, found {found}")]
    Setting { setting: &'static str, wanted: String, found: String },
    /// An older binary on a newer schema would write what the newer one no longer understands.
    #[error("the schema ({history}) is at version {found}, this binary knows {known}: start a newer binary")]
    SchemaNewer { history: &'static str, found: i64, known: i64 },
    #[error("migration: {0}")]
    Migration(String),
    /// Not there, not yet up, or full. Later may succeed.
    #[error("cannot open the database: {0}")]
    Unavailable(String),
    /// It is there and does not let us in: a wrong password, a database that does not exist, a certificate that is not
    /// trusted. Waiting changes nothing.
    #[error("the database refuses: {0}")]
    Refused(String),
}

/// How a statement or a transaction failed, and whether the engine asks for the whole closure to be run again.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: DbError,
    pub again: bool,
}

impl Failure {
    pub(super) fn last(error: DbError) -> Self {
        Self { error, again: false }
    }
}
