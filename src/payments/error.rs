use service_kit::db::DbError;
use shared_types::{Code, PaymentId, Problem};

use super::domain::Refusal;

/// Why something was not done. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum PaymentError {
    #[error("payment {0}: {1}")]
    Refused(PaymentId, Refusal),
    #[error("there is no payment {0}")]
    NotFound(PaymentId),
    #[error("the token is none that was given here")]
    UnknownToken,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Problem {
        let detail = error.to_string();
        match error {
            PaymentError::Refused(_, Refusal::NeverOpened) | PaymentError::NotFound(_) => {
                Problem::new(Code::PaymentNotFound, detail)
            }
            PaymentError::Refused(_, Refusal::OtherContent) => Problem::new(Code::IdReused, detail),
            PaymentError::Refused(_, Refusal::IllegalMove { .. }) => Problem::new(Code::InvalidTransition, detail),
            PaymentError::UnknownToken => Problem::invalid("token", detail),
            PaymentError::Db(error) => error.into(),
        }
    }
}
