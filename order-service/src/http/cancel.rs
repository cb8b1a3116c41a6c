use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::{OrdersWrite, Scoped},
    faults,
    http::{Fail, IdempotencyKey, OptionalBody, Reply, S200, S202, S404, S409, S422},
};
use shared_types::{
    OrderId, Problem,
    orders::{CancelRequest, OrderView},
};

use super::{
    Shop,
    ending::{self, Ending},
    keys, trouble,
};
use crate::{
    answer::{Answer, Route},
    domain::{Command, checkout::reason},
    driver::Waited,
    points::CANCEL,
    store::{
        self, Actor, Stored,
        keys::{Key, Used},
        moves::MoveError,
    },
    view,
};

/// Cancels an order that is not approved yet.
///
/// 200: canceled, and it has no copies. 202: canceled, and its copies are on their way back. 409: too late.
#[api_v2_operation(tags(orders))]
pub(super) async fn cancel(
    _: Scoped<OrdersWrite>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
    key: IdempotencyKey,
    body: OptionalBody<CancelRequest>,
) -> Result<Reply<OrderView, (S200, S202)>, Fail<(S404, S409, S422)>> {
    let id = id.into_inner();
    let key = keys::key(key, Route::Cancel, &(id, &body.0));
    let reason = reason(body.0.reason).map_err(Problem::invalid_fields)?;
    match write(&shop, id, Command::Cancel { reason }, key).await? {
        Ending::Final(Answer::Done(order)) => Ok(Reply::ok(*order)),
        Ending::Final(Answer::Refused(problem)) => Err((*problem).into()),
        Ending::Undecided(order) => Ok(Reply::accepted(view::path(id), *order)),
    }
}

/// The cancellation is on disk before anything is given back. A key whose order cannot be canceled is not kept: the
/// order's state is final, so the next answer is the same.
async fn write(shop: &Shop, id: OrderId, command: Command, key: Option<Key>) -> Result<Ending, Problem> {
    let (seat, watch) = (shop.driver.seat(), shop.driver.watch(id));
    let hand = shop.driver.hand(Actor::Caller, &seat);
    let asked = key.clone();
    let written = shop.db.write(move |tx| {
        // Before the key: a key needs an order to stand for.
        if store::orders::find(tx, id)?.is_none() {
            return Err(MoveError::NoSuchOrder(id));
        }
        if let Some(key) = &asked
            && let Some(used) = store::keys::tie(tx, key, id, hand.at)?
        {
            return Ok(Written::Before(key.clone(), used));
        }
        let stored = store::moves::make(tx, id, &command, hand)?;
        faults::point(CANCEL.before_commit);
        Ok(Written::Canceled(Box::new(stored)))
    });
    match written.await.map_err(trouble::not_moved)? {
        Written::Before(key, used) => ending::again(shop, key, used).await,
        Written::Canceled(stored) => {
            faults::point(CANCEL.after_commit);
            shop.driver.start((*stored).clone(), seat);
            ending::of(shop, Route::Cancel, key, watch, Waited::Told(*stored)).await
        }
    }
}

enum Written {
    Canceled(Box<Stored>),
    Before(Key, Used),
}
