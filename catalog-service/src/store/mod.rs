//! The only SQL. Functions get an open transaction; none begins, commits or waits for anything but the database.

use service_kit::db::Migration;

/// Stock adjustments by hand.
pub mod adjustments;
/// Books one by one.
pub mod books;
/// What others are told of books.
pub mod events;
/// Rows of imported tables.
pub mod imports;
/// The stock ledger.
pub mod ledger;
/// Lists of books and of topics.
pub mod listing;
/// Which index each list walks.
#[cfg(test)]
mod plans;
/// The best matches of a search, rank by rank.
mod ranking;
/// However they are found, they are the same.
#[cfg(test)]
mod ranking_tests;
/// The full-text index, made anew.
pub mod reindex;
/// Rows that are inserted together.
mod rows;
/// Takings done as shops that oversell or stand still do them, for tests of the tests.
pub mod sabotage;
/// The full-text index.
mod search;
/// The one currency.
pub mod shop;
/// Takings: the compare-and-decrement.
pub mod takings;
/// Databases from before a migration.
#[cfg(test)]
mod upgrade_tests;

/// The schema, change by change.
pub const MIGRATIONS: &[Migration] = &[
    Migration::both("V1__book", include_str!("../../migrations/V1__book.sql")),
    Migration::pair(
        "V2__search",
        include_str!("../../migrations/V2__search.sqlite.sql"),
        include_str!("../../migrations/V2__search.postgres.sql"),
    ),
    Migration::both("V3__taking", include_str!("../../migrations/V3__taking.sql")),
    Migration::both("V4__stock_ledger", include_str!("../../migrations/V4__stock_ledger.sql")),
    Migration::both("V5__book_isbn_withdrawn", include_str!("../../migrations/V5__book_isbn_withdrawn.sql")),
    Migration::pair(
        "V6__book_author",
        include_str!("../../migrations/V6__book_author.sqlite.sql"),
        include_str!("../../migrations/V6__book_author.postgres.sql"),
    ),
    Migration::pair(
        "V7__taking_line_entry",
        include_str!("../../migrations/V7__taking_line_entry.sqlite.sql"),
        include_str!("../../migrations/V7__taking_line_entry.postgres.sql"),
    ),
];
