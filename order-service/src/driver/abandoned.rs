//! Work whose runtime may end before it: that of a thread which serves requests does when the thread is stopped.

use std::future::Future;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// Runs `work` on a runtime. Should that one end before the work, `left` is done on the `other` one. Work that panics leaves
/// nothing to be done.
pub(super) fn spawn<F, L>(
    tasks: &TaskTracker,
    on: &Handle,
    other: &Handle,
    work: F,
    left: impl FnOnce() -> L + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
    L: Future<Output = ()> + Send + 'static,
{
    let (left_tasks, other) = (tasks.clone(), other.clone());
    let mut unfinished = Unfinished(Some(move || drop(left_tasks.spawn_on(left(), &other))));
    let working = async move {
        work.await;
        unfinished.end();
    };
    tasks.spawn_on(working, on);
}

/// What is done should it be dropped too early.
struct Unfinished<L: FnOnce()>(Option<L>);

impl<L: FnOnce()> Unfinished<L> {
    fn end(&mut self) {
        self.0 = None;
    }
}

impl<L: FnOnce()> Drop for Unfinished<L> {
    fn drop(&mut self) {
        if let Some(left) = self.0.take().filter(|_| !std::thread::panicking()) {
            left();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::{future::pending, thread, time::Duration};

    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::*;

    /// Nothing here takes so long.
    const LONGEST: Duration = Duration::from_secs(20);

    /// What was heard, and where.
    type Said = (&'static str, thread::ThreadId);

    fn said(say: &UnboundedSender<Said>, word: &'static str) {
        say.send((word, thread::current().id())).unwrap();
    }

    /// Begins work on a runtime of a thread of its own, which ends as soon as it has nothing else to do. All that was said, and
    /// whose thread that was.
    async fn after<F>(work: impl FnOnce(UnboundedSender<Said>) -> F + Send + 'static) -> (Vec<Said>, thread::ThreadId)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (say, mut heard): (_, UnboundedReceiver<Said>) = unbounded_channel();
        let (tasks, other) = (TaskTracker::new(), Handle::current());
        let of_thread = tasks.clone();
        let worker = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let leave = say.clone();
            runtime.block_on(async {
                spawn(&of_thread, &Handle::current(), &other, work(say), || async move { said(&leave, "left") });
                tokio::task::yield_now().await;
            });
            thread::current().id()
        });
        let thread = tokio::task::spawn_blocking(|| worker.join().unwrap()).await.unwrap();
        tasks.close();
        tokio::time::timeout(LONGEST, tasks.wait()).await.expect("work that its runtime has left is still going on");
        let mut all = Vec::new();
        while let Some(one) = heard.recv().await {
            all.push(one);
        }
        (all, thread)
    }

    #[tokio::test]
    async fn work_is_done_where_it_was_begun() {
        let (all, thread) = after(|say| async move { said(&say, "done") }).await;
        assert_eq!(all, [("done", thread)]);
    }

    #[tokio::test]
    async fn work_that_loses_its_runtime_is_left_to_the_other() {
        let began = |say: UnboundedSender<Said>| async move {
            said(&say, "began");
            pending().await
        };
        let (all, thread) = after(began).await;
        assert_eq!(all, [("began", thread), ("left", thread::current().id())]);
    }

    #[tokio::test]
    async fn work_that_panics_is_not_begun_again() {
        let (all, _) = after(|say| async move {
            drop(say);
            panic!("this panic is part of the test")
        })
        .await;
        assert_eq!(all, []);
    }
}
