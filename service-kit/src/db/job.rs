//! A closure on its way to the writer, and the promise that a panic inside one stays inside.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::error::DbError;
use super::tx::Tx;

/// A write that waits for its turn. It may be run more than once before it is answered, and is answered exactly once.
pub(super) trait Job: Send {
    /// Whether nobody waits for the answer any more. Such a job may be left out: it was never begun.
    fn abandoned(&self) -> bool;
    /// Runs the closure and keeps its result; says whether its changes are to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// After the commit: hands out the result of the last run.
    fn answer(self: Box<Self>);
    /// Instead of a commit: hands out the error, whatever the closure had answered. A refusal goes too, since it may
    /// rest on a neighbour's change that was never committed.
    fn fail(self: Box<Self>, error: DbError);
}

pub(super) struct Write<T, E, F> {
    closure: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Write<T, E, F> {
    pub(super) fn new(closure: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Self { closure, result: None, reply }, answer)
    }
}

impl<T, E, F> Job for Write<T, E, F>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let result = contain(&self.closure, tx);
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>) {
        let result = self.result.unwrap_or_else(|| Err(DbError::Unavailable("not run".to_owned()).into()));
        // The caller may have given up waiting; what was decided stays decided.
        drop(self.reply.send(result));
    }

    fn fail(self: Box<Self>, error: DbError) {
        drop(self.reply.send(Err(error.into())));
    }
}

/// Runs a closure: a panic becomes an error, and so does an `Ok` after a failed statement.
pub(super) fn contain<T, E, F>(closure: &F, tx: &mut Tx<'_>) -> Result<T, E>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E>,
    E: From<DbError>,
{
    // Unwind safety: what the closure may have left half done is in the transaction, which is rolled back.
    match catch_unwind(AssertUnwindSafe(|| closure(tx))) {
        Ok(Ok(_)) if tx.failed() => Err(DbError::AfterFailure.into()),
        Ok(result) => result,
        Err(_panic) => {
            tracing::error!("a database closure panicked; its changes are undone");
            Err(DbError::Panicked.into())
        }
    }
}
