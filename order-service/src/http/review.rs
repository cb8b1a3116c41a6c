use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::{OrdersReview, OrdersWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, OptionalBody, Reply, S200, S201, S202, S403, S404, S409, S422},
};
use shared_types::{
    OrderId, Problem,
    orders::{CancelRequest, CreateOrderRequest, ExtendRequest, OrderView, RejectRequest},
};

use super::{
    Shop,
    ending::{self, Ending},
    keys,
    moving::{self, Asked},
    party::Party,
    prices,
};
use crate::{
    answer::Route,
    domain::{
        Command,
        checkout::{deadline, reason, reviewed},
    },
};

type Moved = Result<Reply<OrderView, (S200, S202)>, Fail<(S404, S409, S422)>>;

/// Writes an order that is to be reviewed.
///
/// It is `created`, with lines or without; their prices are those in force now, and stay. It takes no copies until an
/// employee approves it.
#[api_v2_operation(tags(orders))]
pub(super) async fn create(
    who: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    key: IdempotencyKey,
    body: Body<CreateOrderRequest>,
) -> Result<Reply<OrderView, (S201, S202)>, Fail<(S403, S409, S422)>> {
    Ok(write(&shop, &Party::of(&who.caller), key, body.0).await?.created()?)
}

async fn write(
    shop: &Shop,
    party: &Party,
    key: IdempotencyKey,
    request: CreateOrderRequest,
) -> Result<Ending, Problem> {
    let buyer = party.buyer(request.on_behalf_of, request.phone.clone())?;
    // Where messages go is not part of what is ordered: an account's number may change before its owner asks again.
    let key = keys::key(key, party, Route::Create, &CreateOrderRequest { phone: None, ..request.clone() });
    if let Some(ending) = ending::known(shop, key.as_ref()).await? {
        return Ok(ending);
    }
    let opening = shop.opening();
    let order = reviewed(request, opening.id, opening.currency).map_err(Problem::invalid_fields)?;
    let order = prices::ordered(shop, order).await?;
    moving::open(shop, order, buyer, Route::Create, "create", key).await
}

/// Submits an order for review.
///
/// It becomes `pending`. It needs one line at least.
#[api_v2_operation(tags(orders))]
pub(super) async fn submit(
    who: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
) -> Moved {
    let asked = Asked::of(&who.caller, *id, Route::Submit, key, &());
    Ok(asked.makes(&shop, Command::Submit).await?.moved()?)
}

/// Approves an order that was submitted.
///
/// All its copies are taken, or none: 409 then names each line that stood in the way, and the order stays `pending`. 202:
/// not known yet; look at `Location`.
#[api_v2_operation(tags(orders))]
pub(super) async fn approve(
    who: Scoped<OrdersReview>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
) -> Moved {
    let asked = Asked::of(&who.caller, *id, Route::Approve, key, &());
    Ok(asked.makes(&shop, Command::Approve).await?.moved()?)
}

/// Rejects an order that is pending, for a reason.
///
/// 200: rejected, and it has neither copies nor money. 202: rejected, and what it had is on its way back.
#[api_v2_operation(tags(orders))]
pub(super) async fn reject(
    who: Scoped<OrdersReview>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: Body<RejectRequest>,
) -> Moved {
    let asked = Asked::of(&who.caller, *id, Route::Reject, key, &body.0);
    let reason = reason(Some(body.0.reason)).map_err(Problem::invalid_fields)?;
    Ok(asked.makes(&shop, Command::Reject { reason }).await?.moved()?)
}

/// Cancels an order that is not approved yet.
///
/// 200: canceled, and it has neither copies nor money. 202: canceled, and what it had is on its way back: a payment that is
/// under way is canceled or refunded first. 409: too late.
#[api_v2_operation(tags(orders))]
pub(super) async fn cancel(
    who: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: OptionalBody<CancelRequest>,
) -> Moved {
    let asked = Asked::of(&who.caller, *id, Route::Cancel, key, &body.0);
    let reason = reason(body.0.reason).map_err(Problem::invalid_fields)?;
    Ok(asked.makes(&shop, Command::Cancel { reason }).await?.moved()?)
}

/// Gives an order that waits for its payment more time.
///
/// At most 60 days from now. 409: it is paid or ended, or its deadline has passed, or is later already.
#[api_v2_operation(tags(orders))]
pub(super) async fn extend(
    who: Scoped<OrdersReview>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: Body<ExtendRequest>,
) -> Moved {
    let asked = Asked::of(&who.caller, *id, Route::Extend, key, &body.0);
    if let Some(ending) = asked.again(&shop).await? {
        // What lay ahead then may be over now.
        return Ok(ending.moved()?);
    }
    let until = deadline(body.0.until, shop.driver.now()).map_err(Problem::invalid_fields)?;
    Ok(asked.makes(&shop, Command::ExtendDeadline { until }).await?.moved()?)
}

/// Refunds an approved order before its parcel leaves, or after it has come back.
///
/// Its delivery is canceled, its money given back, and then its copies. 202: under way. 409: too late, the parcel has left.
#[api_v2_operation(tags(orders))]
pub(super) async fn refund(
    who: Scoped<OrdersReview>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: OptionalBody<CancelRequest>,
) -> Moved {
    let asked = Asked::of(&who.caller, *id, Route::Refund, key, &body.0);
    let reason = reason(body.0.reason).map_err(Problem::invalid_fields)?;
    Ok(asked.makes(&shop, Command::Refund { reason }).await?.moved()?)
}

/// Notes that a buyer has collected his books.
///
/// Only for an approved order without an address: a parcel tells where it is by itself.
#[api_v2_operation(tags(orders))]
pub(super) async fn hand_over(
    who: Scoped<OrdersReview>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
) -> Moved {
    let asked = Asked::of(&who.caller, *id, Route::HandOver, key, &());
    Ok(asked.makes(&shop, Command::HandOver).await?.moved()?)
}
