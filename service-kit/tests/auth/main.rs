//! Tokens, keys and permissions: what is believed, what is refused, and what happens while keys come and go.
//! `LASTCOPY_TEST_DB=postgres` keeps the keys on a server, anything else in SQLite.
#![expect(clippy::unwrap_used, reason = "tests")]

/// What is refused, one test per entry: claims that are missing, doubtful, or for somebody else.
mod claims;
/// Extractors over HTTP: 200, 401 and 403.
mod extractors;
/// Tokens as an attacker would write them, keys as an issuer would publish them.
mod forge;
/// What is refused, one test per entry: headers, keys, signatures and spellings.
mod forgeries;
/// Keys that rotate, in a database that several replicas share.
mod issuing;
/// Key sets that are fetched, kept, and not asked for too often.
mod key_sets;
/// Tokens on our own calls.
mod outgoing;
/// Who may call what, read from the API document.
mod registry;
