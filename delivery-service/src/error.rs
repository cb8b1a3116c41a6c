use service_kit::{
    db::DbError,
    idempotency::{Kept, Refusal as Refuses},
};
use shared_types::{Code, CourierId, DeliveryId, Problem};

use crate::domain::{DEFAULT_COURIER, Refusal};

/// Why something was not done. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    #[error("delivery {0}: {1}")]
    Refused(DeliveryId, Refusal),
    #[error("there is no delivery {0}")]
    DeliveryNotFound(DeliveryId),
    #[error("the delivery is at version {0}")]
    VersionMismatch(i64),
    #[error("there is no active courier {0:?}")]
    CourierNotActive(String),
    #[error("there is no courier {0}")]
    CourierNotFound(CourierId),
    #[error("there is a courier {0:?} already")]
    CourierTaken(String),
    #[error("the courier {DEFAULT_COURIER:?} carries what nobody else was named for, and stays active")]
    DefaultCourierStays,
    #[error(transparent)]
    Kept(#[from] Kept),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refuses for DeliveryError {
    fn refusal(&self) -> Option<Problem> {
        let detail = self.to_string();
        Some(match self {
            DeliveryError::Refused(id, refusal) => refused(*id, *refusal, detail),
            DeliveryError::DeliveryNotFound(_) => Problem::new(Code::DeliveryNotFound, detail),
            DeliveryError::VersionMismatch(_) => Problem::new(Code::VersionMismatch, detail),
            DeliveryError::CourierNotActive(_) => Problem::invalid("courier", detail),
            DeliveryError::CourierNotFound(_) => Problem::new(Code::CourierNotFound, detail),
            DeliveryError::CourierTaken(_) => Problem::new(Code::CourierTaken, detail),
            DeliveryError::DefaultCourierStays => Problem::invalid("active", detail),
            DeliveryError::Kept(_) | DeliveryError::Db(_) => return None,
        })
    }
}

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Problem {
        match (error.refusal(), error) {
            (Some(problem), _) => problem,
            (None, DeliveryError::Kept(kept)) => kept.into(),
            (None, DeliveryError::Db(error)) => error.into(),
            (None, other) => Problem::new(Code::Internal, other.to_string()),
        }
    }
}

fn refused(id: DeliveryId, refusal: Refusal, detail: String) -> Problem {
    let code = match refusal {
        Refusal::NeverBooked => Code::DeliveryNotFound,
        Refusal::OtherBooking => Code::IdReused,
        Refusal::Canceled | Refusal::IllegalMove { .. } | Refusal::WithItsCourier(_) => Code::InvalidTransition,
    };
    Problem::new(code, detail).about(format!("/deliveries/{id}"))
}
