use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::{OrdersWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, Reply, S201, S202, S402, S404, S409, S422},
};
use shared_types::{
    FieldErrors, OrderId, Problem,
    orders::{OrderView, PayRequest},
};

use super::{
    Shop, cards,
    ending::{self, Ending, find},
    keys, moving,
    party::Party,
};
use crate::{answer::Route, domain::Command};

/// Pays for an order by card: an invoice that is open, another try after a decline, or an approved order before its books
/// leave.
///
/// 201: paid. 202: the bank has not decided yet; look at `Location`. 402: the card was declined; the order keeps its copies
/// until its deadline. 409: it is paid, or ended, or another payment is under way.
#[api_v2_operation(tags(orders))]
pub(super) async fn pay(
    who: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: Body<PayRequest>,
) -> Result<Reply<OrderView, (S201, S202)>, Fail<(S402, S404, S409, S422)>> {
    Ok(start(&shop, &Party::of(&who.caller), *id, key, body.0).await?.created()?)
}

async fn start(
    shop: &Shop,
    party: &Party,
    id: OrderId,
    key: IdempotencyKey,
    request: PayRequest,
) -> Result<Ending, Problem> {
    let key = keys::key_with_card(key, party, Route::Pay, &id, Some(&request.card), &shop.card_key);
    if let Some(ending) = ending::known(shop, key.as_ref()).await? {
        return Ok(ending);
    }
    find(shop, party, id).await?;
    let mut errors = FieldErrors::default();
    request.card.check("card.", &mut errors);
    errors.none().map_err(Problem::invalid_fields)?;
    let token = cards::token(shop, &request.card).await?;
    let command = Command::StartPayment { token, provider: shop.providers.cards_by, pay_by: shop.pay_by() };
    moving::make(shop, party.clone(), id, Route::Pay, command, key).await
}
