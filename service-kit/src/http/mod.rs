//! The server shell. A service gives its routes and gets: request ids, deadlines and limits, logs, problem documents
//! for every error, liveness and readiness, an OpenAPI document with its pages, and a graceful stop.

/// Whoever has an answer already.
mod conditional;
/// The OpenAPI document: what paperclip writes, completed with what is true of every route, and its pages.
pub mod document;
/// Whether a service is about to stop.
mod draining;
/// Extractors that answer problems: bodies, `If-Match`, `Idempotency-Key`, pages.
mod extract;
/// Liveness and readiness.
mod health;
/// What a service puts around all of its routes.
mod layer;
/// Limits of the shell, each with its unit.
pub mod limits;
/// Binding an address, and letting go of it.
mod listener;
/// How much a service takes on at a time.
mod load;
/// A JSON array is no object.
mod objects;
/// A start that takes its time answers meanwhile.
mod opening;
/// Page cursors: opaque to callers, checked on their way back.
mod page;
/// Answers: success with its documented status, failure as a problem with its documented status.
mod reply;
/// Which route a path has.
mod routes;
/// Starting, addressing and stopping a server.
mod server;
/// What happens around every request.
mod shell;

pub use extract::{Body, IdempotencyKey, IfMatch, OptionalBody, RawBody};
pub use health::{Check, CheckResult};
pub use layer::Layer;
pub use opening::while_opening;
pub use page::{Cursor, PageQuery};
pub use reply::{
    Fail, Reply, S200, S201, S202, S204, S400, S401, S402, S403, S404, S409, S412, S422, S429, S503, S504, StatusSet,
    problem_response,
};
pub use routes::route_of;
pub use server::{Background, Running, SHELL_PATHS, ServiceInfo, StartError, serve, serve_behind};
