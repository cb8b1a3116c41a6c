//! Limits of the server shell. Each name ends in its unit.

/// A request's head (request line and headers) at most.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;
/// A request's path and query at most.
pub const MAX_URI_BYTES: usize = 8 * 1024;
/// A request's body at most, where the route sets no limit of its own.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// A client gets this long to send the head of a request.
pub const HEAD_DEADLINE_MS: u64 = 5_000;
/// A client gets this long to send the body of a request.
pub const BODY_DEADLINE_MS: u64 = 10_000;
/// A request gets this long from its head to its answer.
pub const REQUEST_DEADLINE_MS: u64 = 30_000;
/// An idle connection is kept this long.
pub const KEEP_ALIVE_MS: u64 = 60_000;
/// A stop waits this long for requests in flight.
pub const STOP_DEADLINE_S: u64 = 10;
/// Connections that one worker serves at once at most; further ones wait in the listener's queue.
pub const MAX_CONNECTIONS_PER_WORKER: usize = 10_000;
/// Connections that wait in the listener's queue at most.
pub const LISTEN_BACKLOG: u32 = 1_024;
/// Requests that one service serves at once at most; the next one is refused at once and may come again.
pub const MAX_REQUESTS_IN_FLIGHT: i64 = 2_048;
/// A readiness check gets this long before it counts as failed.
pub const READY_CHECK_DEADLINE_MS: u64 = 2_000;
