use std::sync::Arc;

use service_kit::auth::{Caller, Permission, Refusal, Scope, Who};
use shared_types::{AccountId, identity::Phone, orders::OrderHistoryEntry};

use crate::store::{Actor, Owner, Stored};

/// In whose name a request works on orders, and which ones there are for him. Another's order is not there at all: the
/// answer is that of an id which nobody has.
#[derive(Debug, Clone)]
pub(super) struct Party {
    principal: Arc<str>,
    /// Whoever reviews orders sees all of them, and works on them for others.
    reviews: bool,
    is_program: bool,
}

/// For whom an order is written.
#[derive(Debug, Clone)]
pub(super) struct Buyer {
    pub owner: Owner,
    /// Where messages about the order go.
    pub phone: Option<Phone>,
    /// Whether he may have only so many unpaid orders. An API key, which buys for many, may have any number.
    pub is_limited: bool,
}

impl Party {
    pub(super) fn of(caller: &Caller) -> Party {
        let is_program = matches!(caller.who, Who::ApiKey(_));
        Party { principal: caller.principal().into(), reviews: caller.may(Scope::OrdersReview), is_program }
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

    /// Whose a new order of his is. Only whoever reviews orders makes them for somebody else.
    pub(super) fn buyer(&self, on_behalf_of: Option<AccountId>, phone: Option<Phone>) -> Result<Buyer, Refusal> {
        let customer = match on_behalf_of {
            None => self.principal(),
            Some(account) if self.reviews => format!("account:{account}"),
            Some(_) => return Err(Refusal::Forbidden(Permission::Scope(Scope::OrdersReview))),
        };
        let owner = Owner { customer, placed_by: self.principal() };
        Ok(Buyer { owner, phone, is_limited: !self.is_program })
    }

    /// An entry of an order's history as he may read it: names are those of others only for whoever reviews orders.
    pub(super) fn read(&self, entry: OrderHistoryEntry) -> OrderHistoryEntry {
        let names_another = entry.actor.contains(':') && *entry.actor != *self.principal;
        if self.reviews || !names_another { entry } else { OrderHistoryEntry { actor: STAFF.to_owned(), ..entry } }
    }
}

/// Somebody of the shop, as customers read of him.
const STAFF: &str = "staff";
