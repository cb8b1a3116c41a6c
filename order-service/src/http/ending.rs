use shared_types::{Code, OrderId, Problem, orders::OrderView};

use super::{Shop, trouble};
use crate::{
    answer::{Answer, Route},
    driver::{Waited, Watch},
    store::{
        self, Stored,
        keys::{Key, Used},
    },
    view,
};

/// How a request about an order ends.
pub(super) enum Ending {
    Final(Answer),
    /// Not decided within the deadline of a request.
    Undecided(Box<OrderView>),
}

/// Waits for the order to be decided, as every request about it does. Under a key the answer is the one that was kept:
/// the same for everybody who comes with it, now or later.
pub(super) async fn of(
    shop: &Shop,
    route: Route,
    key: Option<Key>,
    watch: Watch,
    waited: Waited,
) -> Result<Ending, Problem> {
    let waited = shop.driver.until_decided(watch, waited).await?;
    Ok(match waited {
        Waited::Told(stored) if stored.order.decided() => Ending::Final(Answer::of(route, &stored)),
        Waited::Found(stored) if stored.order.decided() => {
            let kept = match key {
                Some(key) => kept(shop, key).await?,
                None => None,
            };
            Ending::Final(kept.unwrap_or_else(|| Answer::of(route, &stored)))
        }
        Waited::Told(stored) | Waited::Found(stored) => Ending::Undecided(Box::new(view::order(&stored))),
    })
}

/// A key that was used before: the same request gets the answer that was given, or joins the order and waits like the
/// first.
pub(super) async fn again(shop: &Shop, key: Key, used: Used) -> Result<Ending, Problem> {
    if !used.same {
        return Err(Problem::new(Code::KeyReused, "the same Idempotency-Key came with another request before"));
    }
    if let Some(answer) = used.answer {
        return Ok(Ending::Final(answer));
    }
    let watch = shop.driver.watch(used.order_id);
    let stored = find(shop, used.order_id).await?;
    of(shop, key.route, Some(key), watch, Waited::Found(stored)).await
}

async fn kept(shop: &Shop, key: Key) -> Result<Option<Answer>, Problem> {
    let used = shop.db.read(move |tx| store::keys::find(tx, &key)).await?;
    Ok(used.and_then(|used| used.answer))
}

/// The order of that id, or 404.
pub(super) async fn find(shop: &Shop, id: OrderId) -> Result<Stored, Problem> {
    let found = shop.db.read(move |tx| store::orders::find(tx, id)).await?;
    found.ok_or_else(|| trouble::not_found(id))
}
