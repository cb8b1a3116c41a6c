use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::{OrdersWrite, Scoped},
    db::DbError,
    faults,
    http::{Body, Fail, IdempotencyKey, Reply, S201, S202, S409, S422},
};
use shared_types::{
    OrderId, Problem,
    identity::Phone,
    orders::{CheckoutRequest, OrderView},
};
use uuid::Uuid;

use super::{
    Shop,
    ending::{self, Ending},
    keys, trouble,
};
use crate::{
    answer::{Answer, Route},
    domain::{Command, Order, apply, checkout::draft},
    driver::Waited,
    points::PLACE,
    store::{
        self, Actor, Stored,
        keys::{Key, Used},
    },
    view,
};

/// Buys books in one call.
///
/// 201: the copies are this order's and it is approved. 202: not decided yet; look at `Location`. 409: nothing was sold,
/// and `errors` names each line that stood in the way.
#[api_v2_operation(tags(orders))]
pub(super) async fn checkout(
    _: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    key: IdempotencyKey,
    body: Body<CheckoutRequest>,
) -> Result<Reply<OrderView, (S201, S202)>, Fail<(S409, S422)>> {
    // Where messages go is not part of what is bought: an account's number may change before its owner asks again.
    let key = keys::key(key, Route::Checkout, &CheckoutRequest { phone: None, ..body.0.clone() });
    let (id, phone) = (OrderId::from_uuid(Uuid::now_v7()), body.0.phone.clone());
    let created = draft(body.0, id, shop.currency).map_err(Problem::invalid_fields)?;
    let placed = apply(&created, Command::Place).map_err(|refusal| trouble::not_moved(refusal.into()))?;
    match write(&shop, placed, phone, key).await? {
        Ending::Final(Answer::Done(order)) => Ok(Reply::created(view::path(order.id), *order)),
        Ending::Final(Answer::Refused(problem)) => Err((*problem).into()),
        Ending::Undecided(order) => Ok(Reply::accepted(view::path(order.id), *order)),
    }
}

/// The order is on disk before anything is sent for it; of two requests with one key the second joins the first's order.
async fn write(shop: &Shop, placed: Order, phone: Option<Phone>, key: Option<Key>) -> Result<Ending, Problem> {
    let (seat, watch) = (shop.driver.seat(), shop.driver.watch(placed.id));
    let hand = shop.driver.hand(Actor::Caller, &seat);
    let asked = key.clone();
    let written = shop.db.write(move |tx| {
        if let Some(key) = &asked
            && let Some(used) = store::keys::tie(tx, key, placed.id, hand.at)?
        {
            return Ok(Written::Before(key.clone(), used));
        }
        let stored = store::moves::place(tx, &placed, hand)?;
        if let Some(phone) = &phone {
            store::contacts::keep(tx, placed.id, phone)?;
        }
        faults::point(PLACE.before_commit);
        Ok(Written::Placed(Box::new(stored)))
    });
    match written.await.map_err(|error: DbError| Problem::from(error))? {
        Written::Before(key, used) => ending::again(shop, key, used).await,
        Written::Placed(stored) => {
            faults::point(PLACE.after_commit);
            shop.driver.start((*stored).clone(), seat);
            ending::of(shop, Route::Checkout, key, watch, Waited::Told(*stored)).await
        }
    }
}

enum Written {
    Placed(Box<Stored>),
    Before(Key, Used),
}
