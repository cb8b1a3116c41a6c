use shared_types::{Code, OrderId, Problem, orders::OrderView};

use super::{Shop, trouble};
use crate::{
    answer::{Answer, Route},
    driver::Watch,
    store::{self, Stored, keys::Used},
    view,
};

/// How a request about an order ends.
pub(super) enum Ending {
    Final(Answer),
    /// Not decided within the deadline of a request.
    Undecided(Box<OrderView>),
}

/// Waits for the order to be decided, as every request about it does.
pub(super) async fn of(shop: &Shop, route: Route, watch: Watch, stored: Stored) -> Result<Ending, Problem> {
    let stored = shop.driver.until_decided(watch, stored).await.map_err(trouble::database)?;
    Ok(if stored.order.decided() {
        Ending::Final(Answer::of(route, &stored))
    } else {
        Ending::Undecided(Box::new(view::order(&stored)))
    })
}

/// A key that was used before: the same request gets the answer that was given, or joins the order and waits like the
/// first.
pub(super) async fn again(shop: &Shop, route: Route, used: Used) -> Result<Ending, Problem> {
    if !used.same {
        return Err(Problem::new(Code::KeyReused, "the same Idempotency-Key came with another request before"));
    }
    if let Some(answer) = used.answer {
        return Ok(Ending::Final(answer));
    }
    let watch = shop.driver.watch(used.order_id);
    let stored = find(shop, used.order_id).await?;
    of(shop, route, watch, stored).await
}

/// The order of that id, or 404.
pub(super) async fn find(shop: &Shop, id: OrderId) -> Result<Stored, Problem> {
    let found = shop.db.read(move |tx| store::orders::find(tx, id)).await.map_err(trouble::database)?;
    found.ok_or_else(|| trouble::not_found(id))
}
