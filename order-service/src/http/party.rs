use std::sync::Arc;

use service_kit::auth::{Caller, Permission, Refusal, Scope};
use shared_types::{AccountId, orders::OrderHistoryEntry};

use crate::store::{Actor, Owner, Stored};

/// In whose name a request works on orders, and which ones there are for him. Another's order is not there at all: the
/// answer is that of an id which nobody has.
#[derive(Debug, Clone)]
pub(super) struct Party {
    principal: Arc<str>,
    /// Whoever reviews orders sees all of them, and works on them for others.
    reviews: bool,
}

impl Party {
    pub(super) fn of(caller: &Caller) -> Party {
        Party { principal: caller.principal().into(), reviews: caller.may(Scope::OrdersReview) }
    }

    pub(super) fn principal(&self) -> String {
        self.principal.to_string()
    }

    pub(super) fn actor(&self) -> Actor {
        Actor::Caller(Arc::clone(&self.principal))
    }

    pub(super) fn sees(&self, stored: &Stored) -> bool {
        self.reviews || *stored.owner.customer == *self.principal
    }

    /// Whose orders he sees; none: everybody's.
    pub(super) fn only_of(&self) -> Option<String> {
        (!self.reviews).then(|| self.principal())
    }

    pub(super) fn sees_names(&self) -> bool {
        self.reviews
    }

    /// The owner of a new order of his. Only whoever reviews orders makes them for somebody else.
    pub(super) fn owner(&self, on_behalf_of: Option<AccountId>) -> Result<Owner, Refusal> {
        let customer = match on_behalf_of {
            None => self.principal(),
            Some(account) if self.reviews => format!("account:{account}"),
            Some(_) => return Err(Refusal::Forbidden(Permission::Scope(Scope::OrdersReview))),
        };
        Ok(Owner { customer, placed_by: self.principal() })
    }

    /// An entry of an order's history as he may read it: names are those of others only for whoever reviews orders.
    pub(super) fn read(&self, entry: OrderHistoryEntry) -> OrderHistoryEntry {
        let names_another = entry.actor.contains(':') && *entry.actor != *self.principal;
        if self.reviews || !names_another { entry } else { OrderHistoryEntry { actor: STAFF.to_owned(), ..entry } }
    }
}

/// Somebody of the shop, as customers read of him.
const STAFF: &str = "staff";
