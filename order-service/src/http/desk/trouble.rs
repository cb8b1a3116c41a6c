use service_kit::{
    db::DbError,
    idempotency::{Kept, Refusal},
};
use shared_types::{Code, Problem, notifications::NotificationStatus};
use uuid::Uuid;

/// Why something was not done at the desk. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeskError {
    #[error("there is no message {0}")]
    NoSuchNotification(i64),
    #[error("a message that is {0:?} is not sent again: it was sent, is on its way, or has nowhere to go")]
    NotToBeResent(NotificationStatus),
    #[error("there is no webhook {0}")]
    NoSuchWebhook(Uuid),
    #[error("this webhook has no message {0}")]
    NoSuchMessage(Uuid),
    #[error(transparent)]
    Kept(#[from] Kept),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for DeskError {
    fn refusal(&self) -> Option<Problem> {
        let code = match self {
            DeskError::NoSuchNotification(_) => Code::NotificationNotFound,
            DeskError::NotToBeResent(_) => Code::InvalidTransition,
            DeskError::NoSuchWebhook(_) | DeskError::NoSuchMessage(_) => Code::WebhookNotFound,
            DeskError::Kept(_) | DeskError::Db(_) => return None,
        };
        Some(Problem::new(code, self.to_string()))
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Problem {
        match (error.refusal(), error) {
            (Some(problem), _) => problem,
            (None, DeskError::Kept(kept)) => kept.into(),
            (None, DeskError::Db(error)) => error.into(),
            (None, other) => Problem::new(Code::Internal, other.to_string()),
        }
    }
}
