use shared_types::{Code, OrderId, Problem};

use crate::{domain::Refusal, store::moves::MoveError};

pub(super) fn not_found(id: OrderId) -> Problem {
    Problem::new(Code::OrderNotFound, format!("there is no order {id}"))
}

pub(super) fn not_moved(error: MoveError) -> Problem {
    match error {
        MoveError::NoSuchOrder(id) => not_found(id),
        MoveError::Refused(refusal @ Refusal::NoSuchLine(_)) => Problem::new(Code::LineNotFound, refusal.to_string()),
        MoveError::Refused(refusal) => Problem::new(Code::InvalidTransition, refusal.to_string()),
        MoveError::Db(error) => error.into(),
    }
}
