//! Calls that go to one service by the hundred. As long as few are under way each goes alone and at once; those that come
//! meanwhile go together with the next request, as a group commit does for the disk.
//!
//! That saves requests and decides nothing: the other service decides each call for itself, and whatever is lost with a
//! request is asked again by its own order, under its own id.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::{Method, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use service_kit::{Client, NoAnswer, Outcome, RequestContext};
use shared_types::Problem;
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

/// A call waits so long for the requests before it, and then goes alone: none is held up by a message that is lost.
const PATIENCE: Duration = Duration::from_millis(250);

/// Calls of one kind.
pub(super) trait Calls: Send + Sync + 'static {
    /// Under which the other service knows what is asked.
    type Id: Copy + PartialEq + Send + Sync;
    type One: Clone + Send + Sync;
    /// A request for several, and its answer.
    type Many: Serialize + From<Vec<Self::One>>;
    type Answers: DeserializeOwned;
    /// What a call is answered.
    type View: Send;

    /// Where several are asked for at once.
    const PATH: &'static str;
    /// Calls in one request, at most.
    const AT_ONCE: usize;
    /// Requests under way at a time, beyond which calls wait for one another.
    const REQUESTS: usize;

    fn id(one: &Self::One) -> Self::Id;
    /// Asks for this one, and nothing else.
    fn alone(client: &Client, one: &Self::One) -> impl Future<Output = Outcome<Self::View>> + Send;
    /// What became of each, in their order.
    fn each(answers: Self::Answers) -> Vec<Ended<Self>>;
}

/// What became of one of several calls: an answer, or a problem.
pub(super) struct Ended<C: Calls + ?Sized> {
    pub id: C::Id,
    pub view: Option<C::View>,
    pub problem: Option<Problem>,
}

/// The way of all calls of one kind that this process makes.
pub(super) struct Together<C: Calls> {
    client: Client,
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
    told: oneshot::Sender<Told<C::View>>,
}

/// What one who waits is told.
enum Told<V> {
    Ended(Outcome<V>),
    /// The request for several was refused as a whole, which says nothing of any of them.
    GoAlone,
}

/// One of the requests that may be under way. Whoever is done with it leaves it to those who wait.
struct Turn<C: Calls>(Arc<Together<C>>);

enum Place<C: Calls> {
    Turn(Turn<C>),
    Waiting(u64, oneshot::Receiver<Told<C::View>>),
}

impl<C: Calls> Together<C> {
    /// To be called on the runtime that is to carry the requests for several.
    pub(super) fn new(client: Client) -> Arc<Together<C>> {
        Together::with_patience(client, PATIENCE)
    }

    fn with_patience(client: Client, patience: Duration) -> Arc<Together<C>> {
        let line = Line { under_way: 0, waiting: Vec::new(), number: 0 };
        Arc::new(Together { client, patience, line: Mutex::new(line), runtime: Handle::current() })
    }

    /// Asks for one. Repeated under the same id it is the same call.
    pub(super) async fn ask(self: &Arc<Self>, one: C::One) -> Outcome<C::View> {
        if RequestContext::current().is_traced() {
            // A trace shows one purchase, and nobody else's.
            return C::alone(&self.client, &one).await;
        }
        match self.place(&one) {
            Place::Turn(turn) => {
                let outcome = C::alone(&self.client, &one).await;
                drop(turn);
                outcome
            }
            Place::Waiting(number, told) => match self.wait(number, told).await {
                Told::Ended(outcome) => outcome,
                Told::GoAlone => C::alone(&self.client, &one).await,
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

    async fn wait(&self, number: u64, mut told: oneshot::Receiver<Told<C::View>>) -> Told<C::View> {
        let answer = match timeout(self.patience, &mut told).await {
            Ok(answer) => answer,
            Err(_) if self.leave(number) => return Told::GoAlone,
            // Its request is under way.
            Err(_) => told.await,
        };
        let abandoned = || Told::Ended(Outcome::Unknown(NoAnswer("the request for several was abandoned".to_owned())));
        answer.unwrap_or_else(|_| abandoned())
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
        let answers = self.ask_for(ones).await;
        for (told, answer) in told.into_iter().zip(answers) {
            // He may have gone away meanwhile.
            drop(told.send(answer));
        }
    }

    /// What each is told, in their order.
    async fn ask_for(&self, ones: Vec<C::One>) -> Vec<Told<C::View>> {
        let ids: Vec<C::Id> = ones.iter().map(C::id).collect();
        let go_alone = || ids.iter().map(|_| Told::GoAlone).collect();
        let unknown = |why: &str| {
            let unknown = |_| Told::Ended(Outcome::Unknown(NoAnswer(why.to_owned())));
            ids.iter().map(unknown).collect()
        };
        if ids.len() < 2 {
            return go_alone();
        }
        let body = serde_json::to_vec(&C::Many::from(ones)).expect("BUG: wire types serialise");
        match self.client.send(Method::POST, C::PATH, &[], Some(body)).await {
            Ok(answer) if answer.status == StatusCode::OK => match serde_json::from_slice(&answer.body).map(C::each) {
                Ok(each) if each.iter().map(|one| one.id).eq(ids.iter().copied()) => {
                    each.into_iter().map(told).collect()
                }
                Ok(_) | Err(_) => unknown("an answer that is none of ours"),
            },
            // A service that does not know the route, or does not like one of them.
            Ok(answer) if answer.status.is_client_error() => go_alone(),
            Ok(answer) => unknown(&format!("answered {}", answer.status)),
            Err(no_answer) => unknown(&no_answer.to_string()),
        }
    }

    fn line(&self) -> MutexGuard<'_, Line<C>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told<C: Calls>(one: Ended<C>) -> Told<C::View> {
    Told::Ended(match (one.view, one.problem) {
        (Some(view), None) => Outcome::Done(view),
        (None, Some(problem)) => Outcome::of_problem(problem),
        (_, _) => Outcome::Unknown(NoAnswer("neither an answer nor a problem".to_owned())),
    })
}

impl<C: Calls> Drop for Turn<C> {
    fn drop(&mut self) {
        let next: Vec<Waiting<C>> = {
            let mut line = self.0.line();
            let next = line.waiting.len().min(C::AT_ONCE);
            if next == 0 {
                line.under_way -= 1;
                return;
            }
            line.waiting.drain(..next).collect()
        };
        let turn = Turn(Arc::clone(&self.0));
        let request = async move { turn.0.several(next).await };
        drop(self.0.runtime.spawn(RequestContext::fresh().scope(request)));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
