//! One key, one effect, one answer, for every POST that creates or moves something.
//!
//! The key is a row that is written first, in the transaction of the effect: of two requests with one key the second
//! waits at that row for the first to commit, and finds its answer. A refusal that is an answer (402, 409, 412) is kept
//! too, before anybody hears of it. What failed otherwise leaves no row, so the same key may try again.
//!
//! What is absent: no lock that outlives a transaction, no state "in progress", no key that is remembered without its
//! answer.

/// Old answers go.
mod forget;
/// From a request to its key.
mod keyed;
/// A key that is not kept with its effect, for tests of the tests.
mod sabotage;
/// The rows.
mod store;

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared_types::{Code, Problem, Timestamp};

use crate::{
    db::{Db, DbError, Tx},
    faults,
};

pub use forget::{KEPT_MS, forgetting};
pub use keyed::{Keyed, KeyedRequest};
use store::Found;

/// Why a keyed request has no effect of its own.
#[derive(Debug, thiserror::Error)]
pub enum Kept {
    /// It was refused before, and is refused again.
    #[error("{0}")]
    Refused(Box<Problem>),
    #[error("the same Idempotency-Key came with another request before")]
    OtherRequest,
}

impl From<Kept> for Problem {
    fn from(kept: Kept) -> Problem {
        match kept {
            Kept::Refused(problem) => *problem,
            Kept::OtherRequest => Problem::new(Code::KeyReused, Kept::OtherRequest.to_string()),
        }
    }
}

/// What the error of a service has to tell a key.
pub trait Refusal: From<DbError> + From<Kept> + Send + 'static {
    /// What the caller is told, where this is a refusal of the service and no fault of ours.
    fn refusal(&self) -> Option<Problem>;
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    Done(T),
    Refused(Box<Problem>),
}

impl<T> Answer<T> {
    fn again<E: Refusal>(self) -> Result<T, E> {
        match self {
            Answer::Done(done) => Ok(done),
            Answer::Refused(problem) => Err(Kept::Refused(problem).into()),
        }
    }
}

/// Runs `effect` in one transaction, once per key, and answers alike however often it is asked. Without a key it is a
/// plain write.
pub async fn once<T, E, W>(db: &Db, request: Option<KeyedRequest>, at: Timestamp, effect: W) -> Result<T, E>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    E: Refusal,
    W: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
{
    let Some(request) = request else { return db.write(effect).await };
    let request = Arc::new(request);
    if faults::sabotaged("key_outside_transaction") {
        return sabotage::key_after_effect(db, request, at, effect).await;
    }
    let asked = Arc::clone(&request);
    let write = move |tx: &mut Tx<'_>| {
        if let Some(found) = store::claim(tx, &asked, at)? {
            return again::<T, E>(&found, &asked);
        }
        let done = effect(tx)?;
        store::keep(tx, &asked, &json(&Answer::Done(&done)))?;
        Ok(done)
    };
    match db.write(write).await {
        Ok(done) => Ok(done),
        Err(error) => match error.refusal().filter(is_answer) {
            Some(problem) => keep_refusal(db, request, at, problem).await.unwrap_or(Err(error)),
            None => Err(error),
        },
    }
}

/// Refusals that say how the world stands are answers. Others say that nothing was looked at: the request is to be
/// mended, or comes again.
fn is_answer(problem: &Problem) -> bool {
    matches!(problem.status, 402 | 409 | 412)
}

/// Keeps a refusal, which has no effect to be kept with. Somebody with the same key may have been answered meanwhile:
/// then that is the answer. `None`: ours is.
async fn keep_refusal<T, E>(
    db: &Db,
    request: Arc<KeyedRequest>,
    at: Timestamp,
    problem: Problem,
) -> Option<Result<T, E>>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    E: Refusal,
{
    let answer = json(&Answer::<()>::Refused(Box::new(problem)));
    let write = move |tx: &mut Tx<'_>| match store::claim(tx, &request, at)? {
        Some(found) => again(&found, &request).map(Some),
        None => store::keep(tx, &request, &answer).map(|()| None).map_err(E::from),
    };
    db.write(write).await.transpose()
}

fn again<T: DeserializeOwned, E: Refusal>(found: &Found, request: &KeyedRequest) -> Result<T, E> {
    if found.fingerprint != request.fingerprint {
        return Err(Kept::OtherRequest.into());
    }
    let answer: Answer<T> = serde_json::from_str(&found.answer)
        .map_err(|error| DbError::Decode { column: "answer".to_owned(), problem: error.to_string() })?;
    answer.again()
}

fn json<T: Serialize>(answer: &Answer<T>) -> String {
    serde_json::to_string(answer).expect("BUG: an answer is plain data and serialises")
}
