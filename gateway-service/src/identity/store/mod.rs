//! The only SQL of identity. Every function takes a transaction: what belongs together is committed together.

/// Accounts.
pub mod accounts;
/// OAuth2 applications.
pub mod applications;
/// The audit log: appended to, read, never changed.
pub mod audit;
/// Removing what is over.
pub mod cleanup;
/// Secrets that are good once: codes and refresh tokens; and browsers' cookies.
pub mod codes;
/// Sign-ins and consents, and whether they still hold.
pub mod families;
/// The key of guests' tokens.
pub mod guests;
/// API keys.
pub mod keys;
/// Password resets that were sent.
pub mod resets;

use service_kit::db::{DbError, Migration, Row};

/// The gateway's schema, in its order.
pub const MIGRATIONS: &[Migration] = &[
    Migration::both("V1__account", include_str!("../../../migrations/V1__account.sql")),
    Migration::pair(
        "V2__audit_entry",
        include_str!("../../../migrations/V2__audit_entry.sqlite.sql"),
        include_str!("../../../migrations/V2__audit_entry.postgres.sql"),
    ),
    Migration::both("V3__token_family", include_str!("../../../migrations/V3__token_family.sql")),
    Migration::both("V4__password_reset", include_str!("../../../migrations/V4__password_reset.sql")),
    Migration::both("V5__api_key", include_str!("../../../migrations/V5__api_key.sql")),
    Migration::both("V6__application", include_str!("../../../migrations/V6__application.sql")),
    Migration::both("V7__authorization_code", include_str!("../../../migrations/V7__authorization_code.sql")),
    Migration::both("V8__refresh_token", include_str!("../../../migrations/V8__refresh_token.sql")),
    Migration::both("V9__browser_cookie", include_str!("../../../migrations/V9__browser_cookie.sql")),
    Migration::pair(
        "V10__audit_outcome",
        include_str!("../../../migrations/V10__audit_outcome.sqlite.sql"),
        include_str!("../../../migrations/V10__audit_outcome.postgres.sql"),
    ),
    Migration::both("V11__guest_key", include_str!("../../../migrations/V11__guest_key.sql")),
    Migration::both("V12__hidden_order", include_str!("../../../migrations/V12__hidden_order.sql")),
    Migration::both("V13__token_family_ends", include_str!("../../../migrations/V13__token_family_ends.sql")),
];

/// A text column that was checked when it was written.
fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: &str) -> Result<T, DbError> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| DbError::Decode { column: column.to_owned(), problem: error.to_string() })
}
