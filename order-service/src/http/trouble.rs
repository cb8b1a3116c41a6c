use service_kit::db::DbError;
use shared_types::{Code, OrderId, Problem};

use crate::store::moves::MoveError;

/// A failed write may have happened on a server whose answer was lost: the detail says what is safe.
pub(super) fn database(error: DbError) -> Problem {
    let (code, detail) = match &error {
        DbError::Overloaded => (Code::Overloaded, "more orders are being written than the database takes on"),
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

pub(super) fn not_found(id: OrderId) -> Problem {
    Problem::new(Code::OrderNotFound, format!("there is no order {id}"))
}

pub(super) fn not_moved(error: MoveError) -> Problem {
    match error {
        MoveError::NoSuchOrder(id) => not_found(id),
        MoveError::Refused(refusal) => Problem::new(Code::InvalidTransition, refusal.to_string()),
        MoveError::Db(error) => database(error),
    }
}
