use reqwest::Method;
use service_kit::{Client, Outcome};
use shared_types::{
    TakingId,
    limits::MAX_TAKINGS_AT_ONCE,
    takings::{TakeManyAnswer, TakeManyRequest, TakeOne, TakeOneAnswer, TakeRequest, TakingView},
};

use super::together::{Ended, Wire};

/// Takings on their way to the catalog.
pub(super) struct Takings;

impl Wire for Takings {
    type Id = TakingId;
    type One = TakeOne;
    type Many = TakeManyRequest;
    type Answers = TakeManyAnswer;
    type View = TakingView;

    const PATH: &'static str = "/takings";
    const AT_ONCE: usize = MAX_TAKINGS_AT_ONCE;
    const REQUESTS: usize = 2;

    fn id(one: &TakeOne) -> TakingId {
        one.taking_id
    }

    async fn alone(client: &Client, one: &TakeOne) -> Outcome<TakingView> {
        let request = TakeRequest { lines: one.lines.clone() };
        client.call(Method::PUT, &format!("/takings/{}", one.taking_id), Some(&request), &[200, 201, 409]).await
    }

    fn each(answers: TakeManyAnswer) -> Vec<Ended<Self>> {
        let ended = |one: TakeOneAnswer| Ended { id: one.taking_id, view: one.taking, problem: one.problem };
        answers.results.into_iter().map(ended).collect()
    }
}
