use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use service_kit::{
    RawAnswer,
    auth::{Caller, OrdersRead, OrdersReview, OrdersWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, OptionalBody, S200, S201, S202, S402, S403, S404, S409, S422},
};
use shared_types::{
    OrderId, Problem,
    orders::{
        CancelRequest, ChangeLineRequest, CheckoutLine, CreateOrderRequest, ExtendRequest, OrderLines, OrderView,
        PayRequest, RejectRequest,
    },
};

use super::{books::key_or_ours, orders::phone, relay::Relayed};
use crate::{
    clients::{Ask, Upstreams},
    identity::Identity,
};

type Moved = Result<Relayed<OrderView, (S200, S202)>, Fail<(S404, S409, S422)>>;
type Made<F> = Result<Relayed<OrderView, (S201, S202)>, Fail<F>>;

/// A line of an order.
#[derive(Debug, Clone, Copy, Deserialize, Apiv2Schema)]
pub(super) struct LinePath {
    order_id: OrderId,
    /// The line's number.
    line: u32,
}

/// Sends a move of an order on, always under a key, so that it may be sent again when no answer comes.
async fn pass_on(
    upstreams: &Upstreams,
    caller: &Caller,
    path: String,
    key: IdempotencyKey,
    body: Option<&impl Serialize>,
) -> Result<RawAnswer, Problem> {
    let key = key_or_ours(key);
    let ask = Ask::repeatable(Method::POST, path).header("idempotency-key", Some(&key));
    upstreams.order.ask(caller, body.into_iter().fold(ask, Ask::json)).await
}

/// Writes an order that is to be reviewed.
///
/// It is `created`, with lines or without; their prices are those in force now, and stay. It takes no copies until an
/// employee approves it.
#[api_v2_operation(tags(orders))]
pub(super) async fn create(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    identity: web::Data<Identity>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<CreateOrderRequest>,
) -> Made<(S403, S409, S422)> {
    let mut order = body.0;
    order.phone = phone(&identity, &caller, order.phone).await?;
    Ok(Relayed::new(pass_on(&upstreams, &caller, "/orders".to_owned(), key, Some(&order)).await?)?)
}

/// Lists the lines of an order.
#[api_v2_operation(tags(orders))]
pub(super) async fn lines(
    Scoped { caller, .. }: Scoped<OrdersRead>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
) -> Result<Relayed<OrderLines, (S200,)>, Fail<(S404,)>> {
    Ok(Relayed::new(upstreams.order.ask(&caller, Ask::get(format!("/orders/{id}/lines"))).await?)?)
}

/// Adds a line to an order.
///
/// Its price is the one in force now, and stays; with `expected_price` another price in force is refused. 409 once the
/// order's copies are being taken.
#[api_v2_operation(tags(orders))]
pub(super) async fn add_line(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: Body<CheckoutLine>,
) -> Made<(S404, S409, S422)> {
    Ok(Relayed::new(pass_on(&upstreams, &caller, format!("/orders/{id}/lines"), key, Some(&body.0)).await?)?)
}

/// Changes the number of copies in a line.
///
/// The line keeps its price. 409 once the order's copies are being taken.
#[api_v2_operation(tags(orders))]
pub(super) async fn change_line(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    path: web::Path<LinePath>,
    body: Body<ChangeLineRequest>,
) -> Result<Relayed<OrderView, (S200,)>, Fail<(S404, S409, S422)>> {
    let LinePath { order_id, line } = *path;
    // Said twice it is the same change.
    let ask = Ask::repeatable(Method::PATCH, format!("/orders/{order_id}/lines/{line}")).json(&body.0);
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Removes a line from an order.
///
/// 409 once the order's copies are being taken.
#[api_v2_operation(tags(orders))]
pub(super) async fn remove_line(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    path: web::Path<LinePath>,
) -> Result<Relayed<OrderView, (S200,)>, Fail<(S404, S409)>> {
    let LinePath { order_id, line } = *path;
    // Sent once: a repetition would be told that there is no such line.
    let ask = Ask::once(Method::DELETE, format!("/orders/{order_id}/lines/{line}"));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Submits an order for review.
///
/// It becomes `pending`. It needs one line at least.
#[api_v2_operation(tags(orders))]
pub(super) async fn submit(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
) -> Moved {
    Ok(Relayed::new(pass_on(&upstreams, &caller, format!("/orders/{id}/submit"), key, None::<&()>).await?)?)
}

/// Approves an order that was submitted.
///
/// All its copies are taken, or none: 409 then names each line that stood in the way, and the order stays `pending`. 202:
/// not known yet; look at `Location`.
#[api_v2_operation(tags(orders))]
pub(super) async fn approve(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
) -> Moved {
    Ok(Relayed::new(pass_on(&upstreams, &caller, format!("/orders/{id}/approve"), key, None::<&()>).await?)?)
}

/// Rejects an order that is pending, for a reason.
///
/// 200: rejected, and it has neither copies nor money. 202: rejected, and what it had is on its way back.
#[api_v2_operation(tags(orders))]
pub(super) async fn reject(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: Body<RejectRequest>,
) -> Moved {
    Ok(Relayed::new(pass_on(&upstreams, &caller, format!("/orders/{id}/reject"), key, Some(&body.0)).await?)?)
}

/// Gives an order that waits for its payment more time.
///
/// At most 60 days from now. 409: it is paid or ended, or its deadline has passed, or is later already.
#[api_v2_operation(tags(orders))]
pub(super) async fn extend(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: Body<ExtendRequest>,
) -> Moved {
    Ok(Relayed::new(pass_on(&upstreams, &caller, format!("/orders/{id}/extend"), key, Some(&body.0)).await?)?)
}

/// Refunds an approved order before its parcel leaves, or after it has come back.
///
/// Its delivery is canceled, its money given back, and then its copies. 202: under way. 409: too late, the parcel has left.
#[api_v2_operation(tags(orders))]
pub(super) async fn refund(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: OptionalBody<CancelRequest>,
) -> Moved {
    Ok(Relayed::new(pass_on(&upstreams, &caller, format!("/orders/{id}/refund"), key, Some(&body.0)).await?)?)
}

/// Notes that a buyer has collected his books.
///
/// Only for an approved order without an address: a parcel tells where it is by itself.
#[api_v2_operation(tags(orders))]
pub(super) async fn hand_over(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
) -> Moved {
    Ok(Relayed::new(pass_on(&upstreams, &caller, format!("/orders/{id}/hand-over"), key, None::<&()>).await?)?)
}

/// Pays for an order by card: an invoice that is open, another try after a decline, or an approved order before its books
/// leave.
///
/// 201: paid. 202: the bank has not decided yet; look at `Location`. 402: the card was declined; the order keeps its copies
/// until its deadline. 409: it is paid, or ended, or another payment is under way.
#[api_v2_operation(tags(orders))]
pub(super) async fn pay(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: Body<PayRequest>,
) -> Made<(S402, S404, S409, S422)> {
    let asked = body.0.in_the_clear();
    Ok(Relayed::new(pass_on(&upstreams, &caller, format!("/orders/{id}/payments"), key, Some(&asked)).await?)?)
}
