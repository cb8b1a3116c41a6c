//! Tokens, keys and permissions: what is believed, what is refused, and what happens while keys come and go.
//! `LASTCOPY_TEST_DB=postgres` keeps the keys on a server, anything else in SQLite.
#![expect(clippy::unwrap_used, reason = "tests")]

/// Extractors over HTTP: 200, 401 and 403.
mod extractors;
/// Tokens as an attacker would write them, keys as an issuer would publish them.
mod forge;
/// Keys that rotate, in a database that several replicas share.
mod issuing;
/// Key sets that are fetched, kept, and not asked for too often.
mod key_sets;
/// Tokens on our own calls.
mod outgoing;
/// The table of what is refused, one test per entry.
mod refusals;
/// Who may call what, read from the API document.
mod registry;
