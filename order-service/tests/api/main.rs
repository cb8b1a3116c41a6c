//! The order service over HTTP, with neighbours that lose replies, hang, fail and lie.
#![expect(clippy::unwrap_used, reason = "tests")]

/// A payment provider with moods.
mod bank;
/// Cancelling, in time and too late.
mod cancel;
/// Buying: approved, refused, and what the answers say.
mod checkout;
/// Messages and webhooks on an employee's desk.
mod desk;
/// Two drivers on one order.
mod drivers;
/// What a bank tells, in every order and number, at every moment.
mod enumerated;
/// Events in: once, in any order.
mod events;
/// Whatever a caller sends, the answer says what was wrong.
mod inputs;
/// One key, one effect, one answer.
mod keys;
/// Lists, pages, history, and the events that go out.
mod lists;
/// Silence, noise and restarts.
mod mishaps;
/// The store against the pure order.
mod model;
/// Cards, invoices, deadlines, refunds: the money and the copies, by the bank's own ledger.
mod money;
/// A catalog and a delivery service with moods.
mod neighbours;
/// Messages to customers: at most once, in order.
mod notifications;
/// Somebody outside who is called, with his moods.
mod outsider;
/// Whose orders.
mod owners;
/// Money that is reported, in every order.
mod receipts;
/// Orders that people write and decide about.
mod review;
/// The service under test, and how to call it.
mod shop;
/// Books that were short a moment ago.
mod shortages;
/// Stripe's PaymentIntents, with answers that are lost.
mod stripe;
/// Webhooks to subscribers: at least once, signed.
mod subscribers;
/// Unpaid orders: three at once, and no more.
mod unpaid;
/// Databases from before a migration.
mod upgrades;
/// Webhooks in: believed, once, and for the amount that is owed.
mod webhooks;
