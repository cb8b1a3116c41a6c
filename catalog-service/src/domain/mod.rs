//! What is decided without a database, a clock or a network.

/// New books and changes of books, read field by field.
pub mod book;
/// What is wrong with which field, collected.
pub mod fields;
/// Rows of imported tables.
pub mod import;
/// Which books to list, in which order, from where on.
pub mod listing;
/// The whole of stock and takings as a pure state machine: what the SQL must answer.
pub mod model;
/// Words to search for and words to be found by.
pub mod search;
/// Stock adjustments.
pub mod stock;
/// What a taking asks for, and why a line of it is refused.
pub mod taking;
/// Titles, authors, topics, SKUs and reasons.
pub mod text;

#[cfg(test)]
mod shelf_tests;
