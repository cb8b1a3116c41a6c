use service_kit::{
    db::DbError,
    faults,
    http::{Reply, S200, S201, S202},
};
use shared_types::{Code, OrderId, Problem, orders::OrderView};

use super::{Shop, party::Party, trouble};
use crate::{
    answer::{Answer, Route},
    driver::{Waited, Watch},
    points::REFUSE,
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

impl Ending {
    /// Whether nothing was sold because there are too few copies, or the book is not sold any more.
    pub(super) fn is_shortage(&self) -> bool {
        let Ending::Final(Answer::Refused(problem)) = self else { return false };
        matches!(problem.code, Code::SoldOut | Code::BookGone)
    }

    /// The answer of a request that makes something: 201, or 202 while it is not decided.
    pub(super) fn created(self) -> Result<Reply<OrderView, (S201, S202)>, Problem> {
        match self {
            Ending::Final(Answer::Done(order)) => Ok(Reply::created(view::path(order.id), *order).tagged(VERSION)),
            Ending::Final(Answer::Refused(problem)) => Err(*problem),
            Ending::Undecided(order) => Ok(Reply::accepted(view::path(order.id), *order).tagged(VERSION)),
        }
    }

    /// The answer of a request that moves an order: 200, or 202 while something is on its way.
    pub(super) fn moved(self) -> Result<Reply<OrderView, (S200, S202)>, Problem> {
        match self {
            Ending::Final(Answer::Done(order)) => Ok(Reply::ok(*order).tagged(VERSION)),
            Ending::Final(Answer::Refused(problem)) => Err(*problem),
            Ending::Undecided(order) => Ok(Reply::accepted(view::path(order.id), *order).tagged(VERSION)),
        }
    }

    /// The order of a request that nothing has to be waited for.
    pub(super) fn at_once(self) -> Result<OrderView, Problem> {
        match self {
            Ending::Final(Answer::Done(order)) | Ending::Undecided(order) => Ok(*order),
            Ending::Final(Answer::Refused(problem)) => Err(*problem),
        }
    }
}

/// What the entity tag of an order is made of.
pub(super) const VERSION: fn(&OrderView) -> i64 = |order| order.version;

/// Waits for the order to be as this request wants it. Under a key the answer is the one that was kept:
/// the same for everybody who comes with it, now or later.
pub(super) async fn of(
    shop: &Shop,
    route: Route,
    key: Option<Key>,
    watch: Watch,
    waited: Waited,
) -> Result<Ending, Problem> {
    let waited = shop.driver.until(|order| route.is_final(order), watch, waited).await?;
    Ok(match waited {
        Waited::Told(stored) if route.is_final(&stored.order) => Ending::Final(Answer::of(route, &stored)),
        Waited::Found(stored) if route.is_final(&stored.order) => {
            let kept = match key {
                Some(key) => kept(shop, key).await?,
                None => None,
            };
            Ending::Final(kept.unwrap_or_else(|| Answer::of(route, &stored)))
        }
        Waited::Told(stored) | Waited::Found(stored) => Ending::Undecided(Box::new(view::order(&stored))),
    })
}

/// Keeps the refusal of a request for which no order was written. Under a key that another request came with meanwhile, it ends
/// as that one does.
pub(super) async fn refused(shop: &Shop, key: Option<Key>, refusal: Answer) -> Result<Ending, Problem> {
    let Some(key) = key else { return Ok(Ending::Final(refusal)) };
    let (asked, kept, at) = (key.clone(), refusal.clone(), shop.driver.now());
    let written = shop.db.write(move |tx| {
        let used = store::keys::keep_refusal(tx, &asked, &kept, at)?;
        faults::point(REFUSE.before_commit);
        Ok::<_, DbError>(used)
    });
    let used = written.await?;
    faults::point(REFUSE.after_commit);
    match used {
        Some(used) => again(shop, key, used).await,
        None => Ok(Ending::Final(refusal)),
    }
}

/// How a request ends whose key was used before. Asked before anything else, so that a replay is answered alike whatever
/// has become of its books.
pub(super) async fn known(shop: &Shop, key: Option<&Key>) -> Result<Option<Ending>, Problem> {
    let Some(key) = key else { return Ok(None) };
    let asked = key.clone();
    match shop.db.look_up(move |tx| store::keys::find(tx, &asked)).await? {
        Some(used) => again(shop, key.clone(), used).await.map(Some),
        None => Ok(None),
    }
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
    let order_id =
        used.order_id.ok_or_else(|| DbError::Sql("BUG: a key stands for an order or has its answer".into()))?;
    let watch = shop.driver.watch(order_id);
    // The key is his, and so is what he asked with it.
    let stored = stored(shop, order_id).await?;
    of(shop, key.route, Some(key), watch, Waited::Found(stored)).await
}

async fn kept(shop: &Shop, key: Key) -> Result<Option<Answer>, Problem> {
    let used = shop.db.look_up(move |tx| store::keys::find(tx, &key)).await?;
    Ok(used.and_then(|used| used.answer))
}

/// The order of that id, if there is one for him; else 404.
pub(super) async fn find(shop: &Shop, party: &Party, id: OrderId) -> Result<Stored, Problem> {
    let stored = stored(shop, id).await?;
    if party.sees(&stored) { Ok(stored) } else { Err(trouble::not_found(id)) }
}

async fn stored(shop: &Shop, id: OrderId) -> Result<Stored, Problem> {
    let found = shop.db.look_up(move |tx| store::orders::find(tx, id)).await?;
    found.ok_or_else(|| trouble::not_found(id))
}
