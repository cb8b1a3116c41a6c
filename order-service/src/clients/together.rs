//! What this service asks another by the hundred, and how that is written: calls of one kind share requests under load.
//!
//! Whatever is lost with a request is asked again by its own order, under its own id.

use std::{future::Future, marker::PhantomData, sync::Arc};

use reqwest::{Method, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use service_kit::{
    Client, NoAnswer, Outcome,
    together::{self, Calls, Told},
};
use shared_types::Problem;

/// Calls of one kind, as they are written.
pub(super) trait Wire: Send + Sync + 'static {
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
    /// Asks for this one, and nothing else. Repeated under the same id it is the same call.
    fn alone(client: &Client, one: &Self::One) -> impl Future<Output = Outcome<Self::View>> + Send;
    /// What became of each, in their order.
    fn each(answers: Self::Answers) -> Vec<Ended<Self>>;
}

/// What became of one of several calls: an answer, or a problem.
pub(super) struct Ended<W: Wire + ?Sized> {
    pub id: W::Id,
    pub view: Option<W::View>,
    pub problem: Option<Problem>,
}

/// The way of all calls of one kind.
pub(super) type Together<W> = together::Together<Written<W>>;

/// Calls of one kind to the service behind this client.
pub(super) struct Written<W> {
    client: Client,
    kind: PhantomData<fn() -> W>,
}

/// To be called on the runtime that is to carry the calls.
pub(super) fn together<W: Wire>(client: &Client) -> Arc<Together<W>> {
    Together::new(Written::to(client))
}

impl<W> Written<W> {
    fn to(client: &Client) -> Written<W> {
        Written { client: client.clone(), kind: PhantomData }
    }
}

impl<W: Wire> Calls for Written<W> {
    type One = W::One;
    type Answer = Outcome<W::View>;

    const AT_ONCE: usize = W::AT_ONCE;
    const REQUESTS: usize = W::REQUESTS;

    fn alone(&self, one: &W::One) -> impl Future<Output = Outcome<W::View>> + Send {
        W::alone(&self.client, one)
    }

    async fn several(&self, ones: Vec<W::One>) -> Vec<Told<Outcome<W::View>>> {
        let ids: Vec<W::Id> = ones.iter().map(W::id).collect();
        let go_alone = || ids.iter().map(|_| Told::GoAlone).collect();
        let unknown = |why: &str| {
            let unknown = |_| Told::Answer(Outcome::Unknown(NoAnswer(why.to_owned())));
            ids.iter().map(unknown).collect()
        };
        let body = serde_json::to_vec(&W::Many::from(ones)).expect("BUG: wire types serialise");
        match self.client.send(Method::POST, W::PATH, &[], Some(body)).await {
            Ok(answer) if answer.status == StatusCode::OK => match serde_json::from_slice(&answer.body).map(W::each) {
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

    fn abandoned() -> Outcome<W::View> {
        Outcome::Unknown(NoAnswer("the request for several was abandoned".to_owned()))
    }
}

fn told<W: Wire>(one: Ended<W>) -> Told<Outcome<W::View>> {
    Told::Answer(match (one.view, one.problem) {
        (Some(view), None) => Outcome::Done(view),
        (None, Some(problem)) => Outcome::of_problem(problem),
        (_, _) => Outcome::Unknown(NoAnswer("neither an answer nor a problem".to_owned())),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
