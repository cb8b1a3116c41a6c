use shared_types::{Code, OrderId, Problem};

use crate::{domain::Refusal, store::moves::MoveError};

pub(super) fn not_found(id: OrderId) -> Problem {
    Problem::new(Code::OrderNotFound, format!("there is no order {id}"))
}

pub(super) fn not_moved(error: MoveError) -> Problem {
    match error {
        MoveError::NoSuchOrder(id) => not_found(id),
        error @ MoveError::TooManyUnpaid { over_in_s } => {
            Problem::new(Code::TooManyUnpaidOrders, error.to_string()).retry_after_s(over_in_s)
        }
        MoveError::Refused(refusal @ Refusal::NoSuchLine(_)) => Problem::new(Code::LineNotFound, refusal.to_string()),
        MoveError::Refused(refusal) => Problem::new(Code::InvalidTransition, refusal.to_string()),
        MoveError::Db(error) => error.into(),
    }
}
