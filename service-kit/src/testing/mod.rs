//! What tests of every crate share. It panics where a test should fail.

/// Bad requests, made out of an API document.
mod bad;
/// Callers for a service under test, from issuers that all tests of a process share.
mod callers;
/// Throw-away databases.
mod database;
/// Waiting on conditions.
mod eventually;
/// Callers as values.
mod issuer;
/// Ports that are known before anybody listens.
mod port;
/// Throw-away Redis servers.
mod redis;
/// Issuing with the keys of a service that runs.
mod replica;
/// Throw-away Postgres servers that end with their test process.
mod server;

pub use bad::refuses_every_bad_request;
pub use callers::Callers;
pub use database::TestDatabase;
pub use eventually::{eventually, eventually_some};
pub use issuer::TestIssuer;
pub use port::FreePort;
pub use redis::RedisServer;
pub use replica::ReplicaIssuer;
pub use server::PostgresServer;
