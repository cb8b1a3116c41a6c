//! What tests of every crate share. It panics where a test should fail.

/// Throw-away databases.
mod database;
/// Waiting on conditions.
mod eventually;
/// Callers as values.
mod issuer;
/// Throw-away Postgres servers that end with their test process.
mod server;

pub use database::TestDatabase;
pub use eventually::{eventually, eventually_some};
pub use issuer::TestIssuer;
pub use server::PostgresServer;
