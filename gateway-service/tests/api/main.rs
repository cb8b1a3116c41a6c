//! The gateway over HTTP, before the real services. Each row of the Bazar contract has its test, named after the row.
#![expect(clippy::unwrap_used, reason = "tests")]

/// What happens between services: conditions, addresses, parts that do not answer.
mod api;
/// The three-tier book bazaar, row by row.
mod bazar;
/// The beverage shop, row by row: orders that people write, submit and decide about.
mod beverages;
/// What is kept of the catalog's answers.
mod cache;
/// More who ask than are answered.
mod crowd;
/// The API document.
mod document;
/// Visitors without an account.
mod guests;
/// Products and orders that wait for their payment, row by row.
mod inventory;
/// Items, row by row.
mod items;
/// The stream of what happens.
mod live;
/// Looks at books, many at once.
mod looks;
/// People with accounts.
mod person;
/// Several gateways and one Redis.
mod shared;
/// Gateways before a catalog of one book.
mod shelf;
/// A whole shop in one process.
mod shop;
/// An order service that gives no answer.
mod silence;
/// Webhooks of payment providers, by the public door.
mod webhooks;
