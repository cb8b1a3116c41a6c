use actix_web::HttpRequest;
use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use reqwest::Method;
use serde::Deserialize;
use service_kit::{
    RawAnswer,
    auth::{Caller, OrdersRead, OrdersWrite, Scoped, ScopedOrGuest, Who},
    http::{Body, Fail, IdempotencyKey, OptionalBody, S200, S201, S202, S402, S403, S404, S409, S422, S429},
};
use shared_types::{
    OrderId, Problem,
    identity::Phone,
    orders::{CancelRequest, CheckoutRequest, OrderHistory, OrderPage, OrderState, OrderView},
};
use uuid::Uuid;

use super::{
    books::{key_or_ours, with_query},
    relay::Relayed,
};
use crate::{
    clients::{Ask, Upstreams},
    identity::Identity,
};

/// Which orders to list.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read for the API document and to refuse unknown parameters; the query is passed on as it came"
)]
pub(super) struct OrderQuery {
    state: Option<OrderState>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Orders in the page, 1 to 200; 50 where absent.
    limit: Option<String>,
}

/// Sends a checkout on. It always carries a key, so that it may be sent again when no answer comes: one order.
pub(crate) async fn place(
    upstreams: &Upstreams,
    caller: &Caller,
    key: IdempotencyKey,
    checkout: &CheckoutRequest,
) -> Result<RawAnswer, Problem> {
    let (key, is_ours) = key.0.map_or_else(|| (Uuid::now_v7().to_string(), true), |key| (key, false));
    let ask =
        Ask::repeatable(Method::POST, "/checkout").header("idempotency-key", Some(&key)).json(&checkout.in_the_clear());
    upstreams.order.ask(caller, ask).await.map_err(|problem| if is_ours { naming(&key, problem) } else { problem })
}

/// The buyer does not know a key of ours, and asking again without it could be a second order.
fn naming(key: &str, problem: Problem) -> Problem {
    let detail = format!("{}; to buy once, repeat it with the Idempotency-Key {key}", problem.detail);
    Problem { detail, ..problem }
}

/// Buys books in one call.
///
/// Where guests may buy, the answer to somebody without an account carries a token (`X-Guest-Token`, and a cookie) with
/// which he sees his orders.
///
/// 201: the copies are this order's, and it is approved, or `pending` until its invoice is paid. 202: not decided yet; look
/// at `Location`. 402: the card was declined, and nothing was sold. 409: nothing was sold, and `errors` names each line
/// that stood in the way. 429: too many orders of this customer hold copies and wait for their payment.
#[api_v2_operation(tags(orders))]
pub(super) async fn checkout(
    ScopedOrGuest { caller, .. }: ScopedOrGuest<OrdersWrite>,
    identity: web::Data<Identity>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<CheckoutRequest>,
) -> Result<Relayed<OrderView, (S201, S202)>, Fail<(S402, S403, S409, S422, S429)>> {
    let mut checkout = body.0;
    checkout.phone = phone(&identity, &caller, checkout.phone).await?;
    Ok(Relayed::new(place(&upstreams, &caller, key, &checkout).await?)?)
}

/// A customer who names no number for messages about his order is told at his account's.
pub(super) async fn phone(
    identity: &Identity,
    caller: &Caller,
    named: Option<Phone>,
) -> Result<Option<Phone>, Problem> {
    match (named, &caller.who) {
        (None, Who::Customer(account)) => Ok(identity.account(*account).await?.phone),
        (named, _) => Ok(named),
    }
}

/// Lists orders, latest first.
#[api_v2_operation(tags(orders))]
pub(super) async fn list(
    Scoped { caller, .. }: Scoped<OrdersRead>,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    _query: web::Query<OrderQuery>,
) -> Result<Relayed<OrderPage, (S200,)>, Fail<()>> {
    let answer = upstreams.order.ask(&caller, Ask::get(with_query("/orders", &request))).await?;
    Ok(Relayed::new(answer)?)
}

/// Shows an order.
#[api_v2_operation(tags(orders))]
pub(super) async fn show(
    Scoped { caller, .. }: Scoped<OrdersRead>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
) -> Result<Relayed<OrderView, (S200,)>, Fail<(S404,)>> {
    let answer = upstreams.order.ask(&caller, Ask::get(format!("/orders/{id}"))).await?;
    Ok(Relayed::new(answer)?)
}

/// Shows every change of an order, first change first.
#[api_v2_operation(tags(orders))]
pub(super) async fn history(
    Scoped { caller, .. }: Scoped<OrdersRead>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
) -> Result<Relayed<OrderHistory, (S200,)>, Fail<(S404,)>> {
    let answer = upstreams.order.ask(&caller, Ask::get(format!("/orders/{id}/history"))).await?;
    Ok(Relayed::new(answer)?)
}

/// Cancels an order that is not approved yet.
///
/// 200: canceled, and it has no copies. 202: canceled, and its copies are on their way back. 409: too late.
#[api_v2_operation(tags(orders))]
pub(super) async fn cancel(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: OptionalBody<CancelRequest>,
) -> Result<Relayed<OrderView, (S200, S202)>, Fail<(S404, S409, S422)>> {
    let key = key_or_ours(key);
    let ask = Ask::repeatable(Method::POST, format!("/orders/{id}/cancel"));
    let ask = ask.header("idempotency-key", Some(&key)).json(&body.0);
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}
