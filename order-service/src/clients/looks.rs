use reqwest::Method;
use service_kit::{Client, Outcome};
use shared_types::{
    OrderId,
    limits::MAX_TAKINGS_AT_ONCE,
    takings::{CheckManyAnswer, CheckManyRequest, CheckOne, CheckOneAnswer, TakeRequest, TakingCheck},
};

use super::together::{Ended, Wire};

/// Looks at the shelf on their way to the catalog. Whoever waits shares a request that is sent after he came, so what he is told
/// was seen after that.
pub(super) struct Looks;

impl Wire for Looks {
    type Id = OrderId;
    type One = CheckOne;
    type Many = CheckManyRequest;
    type Answers = CheckManyAnswer;
    type View = TakingCheck;

    const PATH: &'static str = "/takings/checks";
    const AT_ONCE: usize = MAX_TAKINGS_AT_ONCE;
    const REQUESTS: usize = 2;

    fn id(one: &CheckOne) -> OrderId {
        one.order_id
    }

    async fn alone(client: &Client, one: &CheckOne) -> Outcome<TakingCheck> {
        let request = TakeRequest { lines: one.lines.clone() };
        client.call(Method::POST, "/takings/check", Some(&request), &[200]).await
    }

    fn each(answers: CheckManyAnswer) -> Vec<Ended<Self>> {
        let ended = |one: CheckOneAnswer| Ended { id: one.order_id, view: one.check, problem: one.problem };
        answers.results.into_iter().map(ended).collect()
    }
}
