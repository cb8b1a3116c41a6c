//! The only SQL of the service. A move is one `update … where order_id = … and version = …`; its history, what others are
//! told of it and the answers it settles are written in the same transaction.

/// The key by which cards enter fingerprints.
pub mod card_key;
/// Where messages about orders go.
pub mod contacts;
/// Which orders the driver has to look at, and when.
pub mod due;
/// What an order costs does not grow with the shop.
#[cfg(test)]
mod growth;
/// History: every move with who asked for it.
pub mod history;
/// Idempotency keys and the answers kept under them.
pub mod keys;
/// Lines of orders.
mod lines;
/// Moves: compare-and-swap, with everything that belongs to one.
pub mod moves;
/// Messages to customers.
pub mod notifications;
/// Orders: written once, found, listed.
pub mod orders;
/// Attempts to pay, one row each.
mod payments;
/// Money that was reported to us: a ledger of our own.
pub mod receipts;
/// How many orders there are in each state.
pub mod states;
/// Subscribers, the messages to them, and every attempt to deliver one.
pub mod subscribers;
/// Whoever is told of a move.
mod telling;
/// Enumerations and JSON in text columns.
mod text;
/// How many orders wait for something, and for how long.
pub mod unfinished;
/// How many orders of one customer may wait for their money.
pub mod unpaid;
/// What a webhook does, once.
pub mod webhooks;

use std::sync::Arc;

use service_kit::db::Migration;
use shared_types::Timestamp;

use crate::domain::Order;

/// The tables of the service.
pub const MIGRATIONS: &[Migration] = &[
    Migration::both("V1__orders", include_str!("../../migrations/V1__orders.sql")),
    Migration::both("V2__order_line", include_str!("../../migrations/V2__order_line.sql")),
    Migration::both("V3__order_history", include_str!("../../migrations/V3__order_history.sql")),
    Migration::both("V4__idempotency_key", include_str!("../../migrations/V4__idempotency_key.sql")),
    Migration::both("V5__idempotency_key_created", include_str!("../../migrations/V5__idempotency_key_created.sql")),
    Migration::both("V6__order_owner", include_str!("../../migrations/V6__order_owner.sql")),
    Migration::both(
        "V7__idempotency_key_principal",
        include_str!("../../migrations/V7__idempotency_key_principal.sql"),
    ),
    Migration::both("V8__order_flow", include_str!("../../migrations/V8__order_flow.sql")),
    Migration::both("V9__payment", include_str!("../../migrations/V9__payment.sql")),
    Migration::both("V10__card_key", include_str!("../../migrations/V10__card_key.sql")),
    Migration::both("V11__receipt", include_str!("../../migrations/V11__receipt.sql")),
    Migration::both("V12__order_contact", include_str!("../../migrations/V12__order_contact.sql")),
    Migration::both("V13__notification", include_str!("../../migrations/V13__notification.sql")),
    Migration::both("V14__webhook", include_str!("../../migrations/V14__webhook.sql")),
    Migration::both("V15__webhook_message", include_str!("../../migrations/V15__webhook_message.sql")),
    Migration::both("V16__customer", include_str!("../../migrations/V16__customer.sql")),
    Migration::both("V17__payment_provider", include_str!("../../migrations/V17__payment_provider.sql")),
    Migration::both("V18__webhook_message_due", include_str!("../../migrations/V18__webhook_message_due.sql")),
    Migration::both("V19__no_listeners", include_str!("../../migrations/V19__no_listeners.sql")),
    Migration::both("V20__idempotency_key_order", include_str!("../../migrations/V20__idempotency_key_order.sql")),
    Migration::both("V21__receipt_received", include_str!("../../migrations/V21__receipt_received.sql")),
    Migration::pair(
        "V22__idempotency_key_refused",
        include_str!("../../migrations/V22__idempotency_key_refused.sqlite.sql"),
        include_str!("../../migrations/V22__idempotency_key_refused.postgres.sql"),
    ),
    Migration::pair(
        "V23__in_the_order_of_keys",
        include_str!("../../migrations/V23__in_the_order_of_keys.sqlite.sql"),
        include_str!("../../migrations/V23__in_the_order_of_keys.postgres.sql"),
    ),
];

/// Whose order it is and who placed it, as principals. It is settled when the order is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub customer: String,
    pub placed_by: String,
}

/// An order with what belongs to its row and not to its moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub order: Order,
    pub owner: Owner,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Calls in a row that had no answer.
    pub attempts: i64,
}

/// Who asked for a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Whoever called the API: his principal.
    Caller(Arc<str>),
    /// The driver, with an answer of another service.
    Driver,
    /// The delivery service, by an event.
    Delivery,
    /// A payment provider, or whoever reports money, by a webhook.
    Webhook,
}

impl Actor {
    /// The name in the history.
    pub fn name(&self) -> &str {
        match self {
            Actor::Caller(principal) => principal,
            Actor::Driver => "driver",
            Actor::Delivery => "delivery",
            Actor::Webhook => "webhook",
        }
    }
}
