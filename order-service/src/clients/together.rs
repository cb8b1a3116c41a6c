//! Takings on their way to the catalog. As long as few are under way each goes alone and at once; those that come meanwhile
//! go together with the next request, as a group commit does for the disk.
//!
//! That saves requests and decides nothing: the catalog decides each taking for itself, and whatever is lost with a request
//! is asked again by its own order, under its own id.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::{Method, StatusCode};
use service_kit::{Client, NoAnswer, Outcome, RequestContext};
use shared_types::{
    TakingId,
    limits::MAX_TAKINGS_AT_ONCE,
    takings::{TakeManyAnswer, TakeManyRequest, TakeOne, TakeOneAnswer, TakeRequest, TakingView},
};
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

/// Requests for copies under way at a time, beyond which takings wait for one another.
const REQUESTS: usize = 2;
/// A taking waits so long for the requests before it, and then goes alone: none is held up by a message that is lost.
const PATIENCE: Duration = Duration::from_millis(250);

/// The way of all takings of this process.
#[derive(Debug)]
pub(super) struct Takings {
    client: Client,
    patience: Duration,
    line: Mutex<Line>,
    /// Requests for several outlive each of them.
    runtime: Handle,
}

#[derive(Debug, Default)]
struct Line {
    under_way: usize,
    waiting: Vec<Waiting>,
    /// Of the next one who waits.
    number: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    one: TakeOne,
    told: oneshot::Sender<Told>,
}

/// What one who waits is told.
#[derive(Debug)]
enum Told {
    Ended(Outcome<TakingView>),
    /// The request for several was refused as a whole, which says nothing of any of them.
    GoAlone,
}

/// One of the requests that may be under way. Whoever is done with it leaves it to those who wait.
struct Turn(Arc<Takings>);

enum Place {
    Turn(Turn),
    Waiting(u64, oneshot::Receiver<Told>),
}

impl Takings {
    /// To be called on the runtime that is to carry the requests for several.
    pub(super) fn new(client: Client) -> Arc<Takings> {
        Takings::with_patience(client, PATIENCE)
    }

    fn with_patience(client: Client, patience: Duration) -> Arc<Takings> {
        Arc::new(Takings { client, patience, line: Mutex::default(), runtime: Handle::current() })
    }

    /// Takes copies, all lines or none. Repeated under the same id it is the same call.
    pub(super) async fn take(self: &Arc<Self>, id: TakingId, request: TakeRequest) -> Outcome<TakingView> {
        if RequestContext::current().is_traced() {
            // A trace shows one purchase, and nobody else's.
            return self.alone(id, &request).await;
        }
        match self.place(id, &request) {
            Place::Turn(turn) => {
                let outcome = self.alone(id, &request).await;
                drop(turn);
                outcome
            }
            Place::Waiting(number, told) => match self.wait(number, told).await {
                Told::Ended(outcome) => outcome,
                Told::GoAlone => self.alone(id, &request).await,
            },
        }
    }

    async fn alone(&self, id: TakingId, request: &TakeRequest) -> Outcome<TakingView> {
        self.client.call(Method::PUT, &format!("/takings/{id}"), Some(request), &[200, 201, 409]).await
    }

    fn place(self: &Arc<Self>, id: TakingId, request: &TakeRequest) -> Place {
        let mut line = self.line();
        if line.under_way < REQUESTS {
            line.under_way += 1;
            return Place::Turn(Turn(Arc::clone(self)));
        }
        let (told, answer) = oneshot::channel();
        let request_id = Some(RequestContext::current().request_id);
        let one = TakeOne { taking_id: id, lines: request.lines.clone(), request_id };
        let number = line.number;
        line.number += 1;
        line.waiting.push(Waiting { number, one, told });
        Place::Waiting(number, answer)
    }

    async fn wait(&self, number: u64, mut told: oneshot::Receiver<Told>) -> Told {
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

    async fn together(&self, mut waiting: Vec<Waiting>) {
        // Whoever went away asks again, should he still want it.
        waiting.retain(|waiting| !waiting.told.is_closed());
        let (ones, told): (Vec<TakeOne>, Vec<oneshot::Sender<Told>>) =
            waiting.into_iter().map(|waiting| (waiting.one, waiting.told)).unzip();
        let ids: Vec<TakingId> = ones.iter().map(|one| one.taking_id).collect();
        let answers = self.ask(&TakeManyRequest { takings: ones }, &ids).await;
        for (told, answer) in told.into_iter().zip(answers) {
            // He may have gone away meanwhile.
            drop(told.send(answer));
        }
    }

    /// What each is told, in the order of the request.
    async fn ask(&self, request: &TakeManyRequest, ids: &[TakingId]) -> Vec<Told> {
        let all = |told: fn(String) -> Told, why: &str| ids.iter().map(|_| told(why.to_owned())).collect();
        let unknown = |why| Told::Ended(Outcome::Unknown(NoAnswer(why)));
        if ids.len() < 2 {
            return all(|_| Told::GoAlone, "");
        }
        let body = serde_json::to_vec(request).expect("BUG: wire types serialise");
        match self.client.send(Method::POST, "/takings", &[], Some(body)).await {
            Ok(answer) if answer.status == StatusCode::OK => match serde_json::from_slice(&answer.body) {
                Ok(TakeManyAnswer { results }) if is_about(&results, ids) => results.into_iter().map(told).collect(),
                Ok(_) | Err(_) => all(unknown, "an answer that is none of ours"),
            },
            // A catalog that does not know the route, or does not like one of them.
            Ok(answer) if answer.status.is_client_error() => all(|_| Told::GoAlone, ""),
            Ok(answer) => all(unknown, &format!("answered {}", answer.status)),
            Err(no_answer) => all(unknown, &no_answer.to_string()),
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_about(results: &[TakeOneAnswer], ids: &[TakingId]) -> bool {
    results.len() == ids.len() && results.iter().zip(ids).all(|(result, id)| result.taking_id == *id)
}

fn told(result: TakeOneAnswer) -> Told {
    Told::Ended(match (result.taking, result.problem) {
        (Some(taking), None) => Outcome::Done(taking),
        (None, Some(problem)) => Outcome::of_problem(problem),
        (_, _) => Outcome::Unknown(NoAnswer("neither a taking nor a problem".to_owned())),
    })
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next: Vec<Waiting> = {
            let mut line = self.0.line();
            let next = line.waiting.len().min(MAX_TAKINGS_AT_ONCE);
            if next == 0 {
                line.under_way -= 1;
                return;
            }
            line.waiting.drain(..next).collect()
        };
        let turn = Turn(Arc::clone(&self.0));
        let request = async move { turn.0.together(next).await };
        drop(self.0.runtime.spawn(RequestContext::fresh().scope(request)));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
