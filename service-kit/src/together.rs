//! Calls that go to one service by the hundred. As long as few are under way each goes alone and at once; those that come
//! meanwhile go together with the next request, as a group commit does for the disk.
//!
//! That saves requests and decides nothing: the other service decides each call for itself.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot, time::timeout};

use crate::RequestContext;

/// A call waits so long for the requests before it, and then goes alone: none is held up by a message that is lost.
pub const PATIENCE: Duration = Duration::from_millis(250);

/// Calls of one kind, and how they are made.
pub trait Calls: Send + Sync + 'static {
    type One: Clone + Send + Sync;
    type Answer: Send;

    /// Calls in one request, at most.
    const AT_ONCE: usize;
    /// Requests under way at a time, beyond which calls wait for one another.
    const REQUESTS: usize;

    /// Whether the other may be in one request with the first.
    fn may_share(_first: &Self::One, _other: &Self::One) -> bool {
        true
    }

    /// Asks for this one, and nothing else.
    fn alone(&self, one: &Self::One) -> impl Future<Output = Self::Answer> + Send;

    /// Asks for several with one request: what each is told, in their order.
    fn several(&self, ones: Vec<Self::One>) -> impl Future<Output = Vec<Told<Self::Answer>>> + Send;

    /// What each is told of a request that broke off in this process.
    fn abandoned() -> Self::Answer;
}

/// What one who waits is told.
#[derive(Debug)]
pub enum Told<A> {
    Answer(A),
    /// The request for several was refused as a whole, which says nothing of any of them.
    GoAlone,
}

/// The way of all calls of one kind that this process makes, or a thread of it.
pub struct Together<C: Calls> {
    calls: C,
    patience: Duration,
    line: Mutex<Line<C>>,
    /// Requests for several outlive each of them.
    runtime: Handle,
}

struct Line<C: Calls> {
    under_way: usize,
    waiting: Vec<Waiting<C>>,
    /// Of the next one who waits.
    number: u64,
}

struct Waiting<C: Calls> {
    number: u64,
    one: C::One,
    told: oneshot::Sender<Told<C::Answer>>,
}

/// One of the requests that may be under way. Whoever is done with it leaves it to those who wait.
struct Turn<C: Calls>(Arc<Together<C>>);

enum Place<C: Calls> {
    Turn(Turn<C>),
    Waiting(u64, oneshot::Receiver<Told<C::Answer>>),
}

impl<C: Calls> Together<C> {
    /// To be called on the runtime that is to carry the requests for several.
    pub fn new(calls: C) -> Arc<Together<C>> {
        Together::with_patience(calls, PATIENCE)
    }

    /// The same, whose calls wait so long.
    pub fn with_patience(calls: C, patience: Duration) -> Arc<Together<C>> {
        let line = Line { under_way: 0, waiting: Vec::new(), number: 0 };
        Arc::new(Together { calls, patience, line: Mutex::new(line), runtime: Handle::current() })
    }

    /// Asks for one.
    pub async fn ask(self: &Arc<Self>, one: C::One) -> C::Answer {
        if RequestContext::current().is_traced() {
            // A trace shows one purchase, and nobody else's.
            return self.calls.alone(&one).await;
        }
        match self.place(&one) {
            Place::Turn(turn) => {
                let answer = self.calls.alone(&one).await;
                drop(turn);
                answer
            }
            Place::Waiting(number, told) => match self.wait(number, told).await {
                Told::Answer(answer) => answer,
                Told::GoAlone => self.calls.alone(&one).await,
            },
        }
    }

    fn place(self: &Arc<Self>, one: &C::One) -> Place<C> {
        let mut line = self.line();
        if line.under_way < C::REQUESTS {
            line.under_way += 1;
            return Place::Turn(Turn(Arc::clone(self)));
        }
        let (told, answer) = oneshot::channel();
        let number = line.number;
        line.number += 1;
        line.waiting.push(Waiting { number, one: one.clone(), told });
        Place::Waiting(number, answer)
    }

    async fn wait(&self, number: u64, mut told: oneshot::Receiver<Told<C::Answer>>) -> Told<C::Answer> {
        let answer = match timeout(self.patience, &mut told).await {
            Ok(answer) => answer,
            Err(_) if self.leave(number) => return Told::GoAlone,
            // Its request is under way.
            Err(_) => told.await,
        };
        answer.unwrap_or_else(|_| Told::Answer(C::abandoned()))
    }

    /// Whether it was still waiting.
    fn leave(&self, number: u64) -> bool {
        let mut line = self.line();
        let before = line.waiting.len();
        line.waiting.retain(|waiting| waiting.number != number);
        line.waiting.len() < before
    }

    async fn several(&self, mut waiting: Vec<Waiting<C>>) {
        // Whoever went away asks again, should he still want it.
        waiting.retain(|waiting| !waiting.told.is_closed());
        let (ones, told): (Vec<_>, Vec<_>) = waiting.into_iter().map(|waiting| (waiting.one, waiting.told)).unzip();
        let answers = match ones.len() {
            0 => return,
            1 => vec![Told::GoAlone],
            _ => self.calls.several(ones).await,
        };
        for (told, answer) in told.into_iter().zip(answers) {
            // He may have gone away meanwhile.
            drop(told.send(answer));
        }
    }

    fn line(&self) -> MutexGuard<'_, Line<C>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Calls> Line<C> {
    /// The first who waits, and those behind him who may be in one request with him.
    fn next(&mut self) -> Vec<Waiting<C>> {
        let mut waiting = std::mem::take(&mut self.waiting).into_iter();
        let mut next: Vec<Waiting<C>> = waiting.next().into_iter().collect();
        for one in waiting {
            match next.first() {
                Some(first) if next.len() < C::AT_ONCE && C::may_share(&first.one, &one.one) => next.push(one),
                _ => self.waiting.push(one),
            }
        }
        next
    }
}

impl<C: Calls> Drop for Turn<C> {
    fn drop(&mut self) {
        let next: Vec<Waiting<C>> = {
            let mut line = self.0.line();
            let next = line.next();
            if next.is_empty() {
                line.under_way -= 1;
                return;
            }
            next
        };
        let turn = Turn(Arc::clone(&self.0));
        let request = async move { turn.0.several(next).await };
        drop(self.0.runtime.spawn(RequestContext::fresh().scope(request)));
    }
}
