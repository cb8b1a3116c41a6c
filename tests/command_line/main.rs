//! The command line, by the real binary: every test runs it on ports of its own and on a data directory of its own.
#![expect(clippy::unwrap_used, reason = "tests")]

/// Each invariant's check fires on a shop that breaks it, and on no other.
mod audit;
/// Who changed what, as the gateway noted it.
mod audit_log;
/// A copy of a shop that sells, and a shop of the copy.
mod backup;
/// The bookstore's contract, row by row.
mod bookstore;
/// No secret in a log or in an error.
mod canary;
/// Every magic card in a whole shop.
mod cards;
/// What is written is read back.
mod export;
/// Messy files, and answers that get lost.
mod import;
/// From embedded databases into those of a server.
mod moving;
/// Accounts and keys, by whoever has the machine.
mod people;
/// What other shops' contracts ask of a whole shop, row by row.
mod rows;
/// A shop as a process: started, asked, stopped, killed.
mod shop;
/// Starting and stopping.
mod up;
