use serde::Serialize;
use service_kit::{
    auth::Caller,
    db::{DbError, Tx},
    faults,
    http::IdempotencyKey,
};
use shared_types::{OrderId, Problem};

use super::{
    Shop,
    ending::{self, Ending},
    keys,
    party::{Buyer, Party},
    trouble,
};
use crate::{
    answer::Route,
    domain::{Command, Order},
    driver::Waited,
    points::{MOVE, PLACE},
    store::{
        self, Actor, Stored,
        keys::{Key, Used},
        moves::MoveError,
    },
};

/// Writes a new order and waits for what becomes of it. It is on disk before anything is sent for it; of two requests with
/// one key the second joins the first's order.
pub(super) async fn open(
    shop: &Shop,
    order: Order,
    Buyer { owner, phone, is_limited }: Buyer,
    route: Route,
    command: &'static str,
    key: Option<Key>,
) -> Result<Ending, Problem> {
    let (seat, watch) = (shop.driver.seat(), shop.driver.watch(order.id));
    let hand = shop.driver.hand(Actor::Caller(owner.placed_by.as_str().into()), &seat);
    let asked = key.clone();
    let written = shop.db.write(move |tx| {
        if let Some(key) = &asked
            && let Some(used) = store::keys::tie(tx, key, order.id, hand.at)?
        {
            return Ok(Written::Before(key.clone(), used));
        }
        if is_limited {
            store::unpaid::admit(tx, &owner.customer, &order, hand.at)?;
        }
        let stored = store::moves::open(tx, &order, &owner, phone.as_ref(), command, &hand)?;
        settle_own(tx, asked.as_ref(), &stored)?;
        faults::point(PLACE.before_commit);
        Ok(Written::Moved(Box::new(stored)))
    });
    match written.await.map_err(trouble::not_moved)? {
        Written::Before(key, used) => ending::again(shop, key, used).await,
        Written::Moved(stored) => {
            faults::point(PLACE.after_commit);
            shop.driver.start((*stored).clone(), seat);
            ending::of(shop, route, key, watch, Waited::Told(*stored)).await
        }
    }
}

/// A call to move one order: who asks, of which order, and under which key.
pub(super) struct Asked {
    party: Party,
    id: OrderId,
    route: Route,
    key: Option<Key>,
}

impl Asked {
    /// `said`: all that was asked beside the order.
    pub(super) fn of<T: Serialize>(caller: &Caller, id: OrderId, route: Route, key: IdempotencyKey, said: &T) -> Asked {
        let party = Party::of(caller);
        let key = keys::key(key, &party, route, &(id, said));
        Asked { party, id, route, key }
    }

    /// How it ends where the key was used before.
    pub(super) async fn again(&self, shop: &Shop) -> Result<Option<Ending>, Problem> {
        ending::known(shop, self.key.as_ref()).await
    }

    /// The order is moved, and what becomes of it is waited for.
    pub(super) async fn makes(self, shop: &Shop, command: Command) -> Result<Ending, Problem> {
        let Asked { party, id, route, key } = self;
        make(shop, party, id, route, command, key).await
    }
}

/// Moves an order and waits for what becomes of it. The move is on disk before anything is sent for it. A key whose move
/// was refused is not kept: nothing was written.
pub(super) async fn make(
    shop: &Shop,
    party: Party,
    id: OrderId,
    route: Route,
    command: Command,
    key: Option<Key>,
) -> Result<Ending, Problem> {
    let (seat, watch) = (shop.driver.seat(), shop.driver.watch(id));
    let hand = shop.driver.hand(party.actor(), &seat);
    let asked = key.clone();
    let written = shop.db.write(move |tx| {
        // Before the key: a key needs an order to stand for.
        if !store::orders::find(tx, id)?.is_some_and(|stored| party.sees(&stored)) {
            return Err(MoveError::NoSuchOrder(id));
        }
        if let Some(key) = &asked
            && let Some(used) = store::keys::tie(tx, key, id, hand.at)?
        {
            return Ok(Written::Before(key.clone(), used));
        }
        let stored = store::moves::make(tx, id, &command, &hand)?;
        settle_own(tx, asked.as_ref(), &stored)?;
        faults::point(MOVE.before_commit);
        Ok(Written::Moved(Box::new(stored)))
    });
    match written.await.map_err(trouble::not_moved)? {
        Written::Before(key, used) => ending::again(shop, key, used).await,
        Written::Moved(stored) => {
            faults::point(MOVE.after_commit);
            shop.driver.start((*stored).clone(), seat);
            ending::of(shop, route, key, watch, Waited::Told(*stored)).await
        }
    }
}

/// A request whose order is as it waits for at once has its answer kept with the move. The keys of others are the move's
/// business.
fn settle_own(tx: &mut Tx<'_>, key: Option<&Key>, stored: &Stored) -> Result<(), DbError> {
    match key {
        Some(key) if key.route.is_final(&stored.order) => store::keys::settle(tx, stored),
        Some(_) | None => Ok(()),
    }
}

enum Written {
    Moved(Box<Stored>),
    Before(Key, Used),
}
