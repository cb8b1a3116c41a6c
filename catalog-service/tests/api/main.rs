//! The catalog over HTTP: each test is a promise. They run on SQLite, and on Postgres with `LASTCOPY_TEST_DB=postgres`.
#![expect(clippy::unwrap_used, reason = "tests")]

/// Who may do what.
mod access;
/// Stock adjustments and the ledger.
mod adjustments;
/// What is not valid is answered with what was wrong, on every route.
mod bad_input;
/// Books one by one.
mod books;
/// The API document.
mod document;
/// What others are told.
mod events;
/// Giving copies back.
mod give_back;
/// Imports of tables.
mod imports;
/// Idempotency keys.
mod keys;
/// Lists, filters, pages.
mod lists;
/// The service held against its pure model.
mod model;
/// Many at once.
mod races;
/// Full-text search.
mod search;
/// A catalog of its own for every test, and what callers do with it.
mod shop;
/// Starting and starting again.
mod start;
/// Takings.
mod takings;
