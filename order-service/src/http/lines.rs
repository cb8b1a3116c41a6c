use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use serde::Deserialize;
use service_kit::{
    auth::{Caller, OrdersRead, OrdersWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, Reply, S200, S201, S202, S404, S409, S422},
};
use shared_types::{
    OrderId, Problem,
    orders::{ChangeLineRequest, CheckoutLine, OrderLines, OrderView},
};

use super::{
    Shop,
    ending::{self, Ending, VERSION, find},
    keys, moving,
    party::Party,
    prices,
};
use crate::{
    answer::Route,
    domain::{
        Command,
        checkout::{self, quantity},
    },
    view,
};

/// A line of an order.
#[derive(Debug, Clone, Copy, Deserialize, Apiv2Schema)]
pub(super) struct LinePath {
    id: OrderId,
    /// The line's number.
    line: u32,
}

/// Lists the lines of an order.
#[api_v2_operation(tags(orders))]
pub(super) async fn list(
    who: Scoped<OrdersRead>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
) -> Result<Reply<OrderLines>, Fail<(S404,)>> {
    let stored = find(&shop, &Party::of(&who.caller), *id).await?;
    let order = view::order(&stored);
    Ok(Reply::ok(OrderLines { order_id: order.id, items: order.lines, total: order.total, currency: order.currency }))
}

/// Adds a line to an order.
///
/// Its price is the one in force now, and stays; with `expected_price` another price in force is refused. 409 once the
/// order's copies are being taken.
#[api_v2_operation(tags(orders))]
pub(super) async fn add(
    who: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: Body<CheckoutLine>,
) -> Result<Reply<OrderView, (S201, S202)>, Fail<(S404, S409, S422)>> {
    Ok(write(&shop, &Party::of(&who.caller), *id, key, body.0).await?.created()?)
}

async fn write(
    shop: &Shop,
    party: &Party,
    id: OrderId,
    key: IdempotencyKey,
    asked: CheckoutLine,
) -> Result<Ending, Problem> {
    let key = keys::key(key, party, Route::AddLine, &(id, &asked));
    if let Some(ending) = ending::known(shop, key.as_ref()).await? {
        return Ok(ending);
    }
    find(shop, party, id).await?;
    let line = checkout::line(&asked, shop.currency).map_err(Problem::invalid_fields)?;
    let line = prices::line_ordered(shop, line, "").await?;
    moving::make(shop, party.clone(), id, Route::AddLine, Command::AddLine { line }, key).await
}

/// Changes the number of copies in a line.
///
/// The line keeps its price. 409 once the order's copies are being taken.
#[api_v2_operation(tags(orders))]
pub(super) async fn change(
    who: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    path: web::Path<LinePath>,
    body: Body<ChangeLineRequest>,
) -> Result<Reply<OrderView, (S200,)>, Fail<(S404, S409, S422)>> {
    let LinePath { id, line: number } = *path;
    let quantity = quantity(body.0.quantity).map_err(Problem::invalid_fields)?;
    let order = edited(&shop, &who.caller, id, Command::ChangeLine { number, quantity }).await?;
    Ok(Reply::ok(order).tagged(VERSION))
}

/// Removes a line from an order.
///
/// 409 once the order's copies are being taken.
#[api_v2_operation(tags(orders))]
pub(super) async fn remove(
    who: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    path: web::Path<LinePath>,
) -> Result<Reply<OrderView, (S200,)>, Fail<(S404, S409)>> {
    let LinePath { id, line: number } = *path;
    Ok(Reply::ok(edited(&shop, &who.caller, id, Command::RemoveLine { number }).await?).tagged(VERSION))
}

/// The order after a change of a line that it has. Said twice it is one change, so there is no key to it.
async fn edited(shop: &Shop, caller: &Caller, id: OrderId, command: Command) -> Result<OrderView, Problem> {
    moving::make(shop, Party::of(caller), id, Route::AddLine, command, None).await?.at_once()
}
