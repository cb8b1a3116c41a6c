use futures_util::future::join_all;
use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    RequestContext,
    auth::{ServiceCaller, peer},
    http::{Body, Fail, Reply, S200, S201, S404, S409, S422},
};
use shared_types::{
    Problem, TakingId,
    limits::{MAX_TAKINGS_AT_ONCE, MAX_TAKINGS_BYTES},
    takings::{
        CheckManyAnswer, CheckManyRequest, CheckOne, CheckOneAnswer, TakeLine, TakeManyAnswer, TakeManyRequest,
        TakeOne, TakeOneAnswer, TakeRequest, TakingCheck, TakingState, TakingView,
    },
};

use super::Shop;
use crate::{domain::taking::Asked, store::takings::Answer};

/// Takes copies for one attempt of an order: all lines or none.
///
/// 201: taken now. 200: taken before, with the same answer. 409: `refused`, with a reason for every line that stood in
/// the way, or `given_back`; both are final for this id, and the next attempt needs a new one. The same id with other
/// lines: 422 `id_reused`. Titles, ISBNs and prices are those in force in the instant of the taking.
#[api_v2_operation(tags(takings))]
pub async fn take(
    _: ServiceCaller<peer::Order>,
    shop: Shop,
    taking_id: web::Path<TakingId>,
    body: Body<TakeRequest>,
) -> Result<Reply<TakingView, (S200, S201, S409)>, Fail<(S422,)>> {
    let asked = Asked::parse(&body.0.lines, shop.currency()).map_err(Problem::invalid_fields)?;
    let answer = shop.take(taking_id.into_inner(), asked).await?;
    Ok(Reply::with_status(status(&answer), answer.taking))
}

fn status(answer: &Answer) -> u16 {
    match answer.taking.state {
        TakingState::Taken if answer.is_new => 201,
        TakingState::Taken => 200,
        TakingState::Refused | TakingState::GivenBack => 409,
    }
}

/// Takes copies for several orders in one request.
///
/// Each taking is decided for itself, as `PUT /takings/{taking_id}` decides it, in a transaction of its own; one that is
/// refused or cannot be read stands in no other's way. The answer has one result for each, in their order. More than 32:
/// 422, and nothing is taken.
#[api_v2_operation(tags(takings))]
pub async fn take_many(
    _: ServiceCaller<peer::Order>,
    shop: Shop,
    body: Body<TakeManyRequest, MAX_TAKINGS_BYTES>,
) -> Result<Reply<TakeManyAnswer>, Fail<(S422,)>> {
    let takings = body.0.takings;
    if takings.len() > MAX_TAKINGS_AT_ONCE {
        let detail = format!("{MAX_TAKINGS_AT_ONCE} takings are decided at once, at most");
        return Err(Problem::invalid("takings", detail).into());
    }
    let results = join_all(takings.iter().map(|one| take_one(&shop, one))).await;
    Ok(Reply::ok(TakeManyAnswer { results }))
}

async fn take_one(shop: &Shop, one: &TakeOne) -> TakeOneAnswer {
    let context = RequestContext::taken_or_given(one.request_id.as_deref());
    context.scope(decide(shop, one)).await
}

async fn decide(shop: &Shop, TakeOne { taking_id, lines, .. }: &TakeOne) -> TakeOneAnswer {
    let taken = match Asked::parse(lines, shop.currency()) {
        Ok(asked) => shop.take(*taking_id, asked).await.map_err(Problem::from),
        Err(fields) => Err(Problem::invalid_fields(fields)),
    };
    let (status, taking, problem) = match taken {
        Ok(answer) => (status(&answer), Some(answer.taking), None),
        Err(problem) => (problem.status, None, Some(problem)),
    };
    tracing::info!(%taking_id, status, "decided among others");
    TakeOneAnswer { taking_id: *taking_id, taking, problem }
}

/// Says which lines could not be taken now, and why.
///
/// It is a look: nothing is taken, and a moment later the answer may be another one.
#[api_v2_operation(tags(takings))]
pub async fn check(
    _: ServiceCaller<peer::Order>,
    shop: Shop,
    body: Body<TakeRequest>,
) -> Result<Reply<TakingCheck>, Fail<(S422,)>> {
    Ok(Reply::ok(seen(&shop, &body.0.lines).await?))
}

/// Says for several orders which lines could not be taken now, and why.
///
/// Each is a look of its own, as `POST /takings/check` makes it; one that cannot be read stands in no other's way. The answer has
/// one result for each, in their order. More than 32: 422.
#[api_v2_operation(tags(takings))]
pub async fn check_many(
    _: ServiceCaller<peer::Order>,
    shop: Shop,
    body: Body<CheckManyRequest, MAX_TAKINGS_BYTES>,
) -> Result<Reply<CheckManyAnswer>, Fail<(S422,)>> {
    let checks = body.0.checks;
    if checks.len() > MAX_TAKINGS_AT_ONCE {
        let detail = format!("{MAX_TAKINGS_AT_ONCE} looks are taken at once, at most");
        return Err(Problem::invalid("checks", detail).into());
    }
    let mut results = Vec::with_capacity(checks.len());
    for CheckOne { order_id, lines } in checks {
        let (check, problem) = match seen(&shop, &lines).await {
            Ok(check) => (Some(check), None),
            Err(problem) => (None, Some(problem)),
        };
        results.push(CheckOneAnswer { order_id, check, problem });
    }
    Ok(Reply::ok(CheckManyAnswer { results }))
}

async fn seen(shop: &Shop, lines: &[TakeLine]) -> Result<TakingCheck, Problem> {
    let asked = Asked::parse(lines, shop.currency()).map_err(Problem::invalid_fields)?;
    Ok(TakingCheck { refused: shop.obstacles(asked).await? })
}

/// Gives the copies of a taking back, once.
///
/// An id that is not known is buried (201): a take that arrives late for it is answered 409 `given_back`. A taking that
/// was refused stays `refused`.
#[api_v2_operation(tags(takings))]
pub async fn give_back(
    _: ServiceCaller<peer::Order>,
    shop: Shop,
    taking_id: web::Path<TakingId>,
) -> Result<Reply<TakingView, (S200, S201)>, Fail> {
    let answer = shop.give_back(taking_id.into_inner()).await?;
    Ok(Reply::with_status(if answer.is_new { 201 } else { 200 }, answer.taking))
}

/// Shows a taking.
///
/// What became of it, as every call about it is answered. An id that was never heard of: 404 `taking_not_found`.
#[api_v2_operation(tags(takings))]
pub async fn show(
    _: ServiceCaller<peer::Order>,
    shop: Shop,
    taking_id: web::Path<TakingId>,
) -> Result<Reply<TakingView>, Fail<(S404,)>> {
    Ok(Reply::ok(shop.find_taking(taking_id.into_inner()).await?))
}
