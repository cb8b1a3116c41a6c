use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::{OrdersWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, Reply, S201, S202, S402, S403, S409, S422, S429},
};
use shared_types::{
    Problem,
    orders::{CheckoutRequest, OrderView},
};

use super::{
    Shop, cards,
    ending::{self, Ending},
    keys, moving,
    party::Party,
    shortages, trouble,
};
use crate::{
    answer::Route,
    domain::{
        Command, apply,
        checkout::{draft, with_card},
    },
};

/// Buys books in one call.
///
/// 201: the copies are this order's, and it is approved, or `pending` until its invoice is paid. 202: not decided yet; look
/// at `Location`. 402: the card was declined, and nothing was sold. 409: nothing was sold, and `errors` names each line
/// that stood in the way. 429: too many orders of this customer hold copies and wait for their payment.
#[api_v2_operation(tags(orders))]
pub(super) async fn checkout(
    who: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    key: IdempotencyKey,
    body: Body<CheckoutRequest>,
) -> Result<Reply<OrderView, (S201, S202)>, Fail<(S402, S403, S409, S422, S429)>> {
    let party = Party::of(&who.caller);
    // In a box, since actix moves a handler about before it begins.
    Ok(Box::pin(buy(&shop, &party, key, body.0)).await?.created()?)
}

/// The key is looked up before anything is asked of anybody: who asks again is answered, whatever has become of his card
/// and his books.
async fn buy(shop: &Shop, party: &Party, key: IdempotencyKey, request: CheckoutRequest) -> Result<Ending, Problem> {
    let buyer = party.buyer(request.on_behalf_of, request.phone.clone())?;
    // Where messages go is not part of what is bought: an account's number may change before its owner asks again.
    let bought = CheckoutRequest { phone: None, ..request.clone() };
    let key = keys::key_with_card(key, party, Route::Checkout, &bought, request.card.as_ref(), &shop.card_key);
    let card = request.card.clone();
    let short = shop.shortages.concern(request.lines.iter().map(|line| line.book_id));
    // Where nobody is asked before the order is written, the transaction that writes it looks the key up itself.
    if (card.is_some() || short)
        && let Some(ending) = ending::known(shop, key.as_ref()).await?
    {
        return Ok(ending);
    }
    let mut created = draft(request, shop.opening()).map_err(Problem::invalid_fields)?;
    if short && let Some(refusal) = shortages::refusal(shop, &created).await {
        return ending::refused(shop, key, refusal).await;
    }
    if let Some(card) = &card {
        created = with_card(created, cards::token(shop, card).await?);
    }
    let placed = apply(&created, Command::Place).map_err(|refusal| trouble::not_moved(refusal.into()))?;
    let books: Vec<_> = placed.lines.iter().map(|line| line.book_id).collect();
    let ending = moving::open(shop, placed, buyer, Route::Checkout, Command::Place.name(), key).await?;
    if ending.is_shortage() {
        shop.shortages.note(books.into_iter());
    }
    Ok(ending)
}
