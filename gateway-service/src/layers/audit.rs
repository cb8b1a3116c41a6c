//! Every change that the shop's routes are asked for has its line in the audit log: who, on whose behalf, what, which
//! thing, when, from where, under which request id, and how it ended.
//!
//! Identity's own routes write their lines in the transaction of what they change. What belongs to another service is
//! noted here, when its answer is known and before the caller is told: a change that somebody was told of is in the log.

use std::sync::Arc;

use actix_web::{
    HttpRequest,
    body::BoxBody,
    dev::ServiceResponse,
    http::{Method, StatusCode, header::LOCATION},
};
use service_kit::{
    RequestContext,
    auth::{Caller, Gate},
    http::route_of,
};
use shared_types::Code;
use tokio::runtime::Handle;

use crate::{
    http::events::PATH as SERVICES_TELL,
    identity::{
        Identity,
        audit::{Actor, Entry, Outcome},
    },
};

/// Routes whose lines identity writes itself.
const AUDITED_BY_IDENTITY: [&str; 4] = ["/o/", "/api/v1/auth/", "/api/v1/accounts", "/api/v1/api-keys"];
/// A longer path names no thing of ours.
const MAX_RESOURCE_CHARS: usize = 200;

/// A change that is asked for, until it has its line. One whose time is over before its answer has a line, too, where a
/// service may have made it: whoever is in a hurry is not out of the log.
pub(super) struct Asked {
    identity: Arc<Identity>,
    context: RequestContext,
    route: String,
    entry: Option<Entry>,
}

impl Asked {
    /// The change that a request asks for, if it is one.
    pub(super) async fn of(identity: &Arc<Identity>, request: &HttpRequest) -> Option<Box<Asked>> {
        if request.method().is_safe() {
            return None;
        }
        let route = route_of(request)?.to_string();
        // What services tell has happened already, and has its line where it was asked for.
        if route == SERVICES_TELL || AUDITED_BY_IDENTITY.iter().any(|own| route.starts_with(own)) {
            return None;
        }
        let caller = Gate::caller(request).await.unwrap_or_else(|_| Caller::anonymous());
        let entry = Entry {
            actor: Actor::over_http(actor(&caller), identity.origin(request)),
            on_behalf_of: on_behalf_of(&caller),
            action: action(request.method(), &route).into(),
            resource: resource(request.path()),
            outcome: Outcome::Unknown,
            detail: Some("its time was over before its answer".to_owned()),
        };
        let (identity, context) = (Arc::clone(identity), RequestContext::current());
        Some(Box::new(Asked { identity, context, route, entry: Some(entry) }))
    }

    /// Writes the line of a change with this answer.
    pub(super) async fn answered(mut self: Box<Self>, answer: &ServiceResponse<BoxBody>) {
        let Some(entry) = self.entry.take() else { return };
        // A guest is one since his first purchase.
        let caller = Gate::caller(answer.request()).await.unwrap_or_else(|_| Caller::anonymous());
        let code = answer.response().extensions().get::<Code>().copied();
        let (known, sent) = (caller != Caller::anonymous(), self.context.may_have_changed());
        let Some(outcome) = outcome(answer.status(), code, known, sent) else { return };
        let entry = Entry {
            actor: Actor { principal: actor(&caller), ..entry.actor },
            on_behalf_of: on_behalf_of(&caller),
            resource: made(answer).map_or(entry.resource, resource),
            outcome,
            detail: detail(outcome, answer.status(), sent),
            ..entry
        };
        // The change itself is made: its answer is not held back for a line that cannot be written.
        if let Err(problem) = self.identity.record(entry).await {
            tracing::error!(%problem, self.route, "a change has no line in the audit log");
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take().filter(|_| self.context.may_have_changed()) else { return };
        let (identity, route) = (Arc::clone(&self.identity), std::mem::take(&mut self.route));
        let Ok(runtime) = Handle::try_current() else {
            // The gateway has been stopped in the middle of the request.
            tracing::error!(route, "a change has no line in the audit log");
            return;
        };
        let writing = async move {
            if let Err(problem) = identity.record(entry).await {
                tracing::error!(%problem, route, "a change has no line in the audit log");
            }
        };
        drop(runtime.spawn(writing));
    }
}

/// How it ended; nothing where it never came to a decision: a request that cannot be read, that a busy service did not
/// look at, or whose sender nobody knows and who was sent away, is no change. A flood of those must not fill the log, nor
/// cost the shop a commit each when it has the least time for it. A failure is a refusal where no service was asked for
/// the change (its breaker was open); else nobody here knows.
fn outcome(status: StatusCode, code: Option<Code>, known: bool, sent: bool) -> Option<Outcome> {
    match status.as_u16() {
        503 if code == Some(Code::Overloaded) => None,
        200..=399 => Some(Outcome::Done),
        402 | 403 | 404 | 409 | 412 if known => Some(Outcome::Refused),
        500..=599 if sent => Some(Outcome::Unknown),
        500..=599 if known => Some(Outcome::Refused),
        _ => None,
    }
}

fn detail(outcome: Outcome, status: StatusCode, sent: bool) -> Option<String> {
    let not_asked = if status.is_server_error() && !sent { ", nobody was asked for it" } else { "" };
    (outcome != Outcome::Done).then(|| format!("status {}{not_asked}", status.as_u16()))
}

fn on_behalf_of(caller: &Caller) -> Option<String> {
    caller.client_id.as_ref().map(|_| caller.principal())
}

/// The application that acts for somebody, or he himself.
fn actor(caller: &Caller) -> String {
    caller.client_id.as_ref().map_or_else(|| caller.principal(), |client| format!("client:{client}"))
}

/// `<noun>.<verb>` from the route: its fixed words, and where the last of them is a noun, what is done to it.
fn action(method: &Method, route: &str) -> String {
    let route = route.strip_prefix("/api/v1").unwrap_or(route);
    let parts: Vec<&str> = route.split('/').filter(|part| !part.is_empty()).collect();
    let words: Vec<&str> = parts.iter().copied().filter(|part| !part.starts_with('{')).collect();
    let is_command = words.len() > 1 && parts.last() == words.last();
    let verb = match method.as_str() {
        "DELETE" => Some("delete"),
        "PUT" | "PATCH" => Some("update"),
        _ if is_command => None,
        _ => Some("create"),
    };
    words.into_iter().chain(verb).collect::<Vec<_>>().join(".")
}

/// The address of what was made.
fn made(answer: &ServiceResponse<BoxBody>) -> Option<&str> {
    let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    location.filter(|location| location.starts_with('/'))
}

/// A thing by its path.
fn resource(path: &str) -> String {
    path.strip_prefix("/api/v1").unwrap_or(path).chars().take(MAX_RESOURCE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_named_by_its_route() {
        for (method, route, name) in [
            (Method::POST, "/api/v1/books", "books.create"),
            (Method::PATCH, "/api/v1/books/{id}", "books.update"),
            (Method::DELETE, "/api/v1/books/{id}", "books.delete"),
            (Method::POST, "/api/v1/books/{id}/stock-adjustments", "books.stock-adjustments"),
            (Method::POST, "/api/v1/orders/{id}/approve", "orders.approve"),
            (Method::DELETE, "/api/v1/orders/{id}/lines/{line}", "orders.lines.delete"),
            (Method::POST, "/api/v1/checkout", "checkout.create"),
            (Method::POST, "/purchase/{book_id}", "purchase.create"),
        ] {
            assert_eq!(action(&method, route), name, "{method} {route}");
        }
    }

    #[test]
    fn what_came_to_no_decision_is_no_change() {
        let outcomes = |known, sent| {
            let all = [200, 201, 202, 303, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 503, 504];
            let lines = all.into_iter().filter_map(move |status| {
                let outcome = outcome(StatusCode::from_u16(status).expect("a status"), None, known, sent)?;
                Some((status, outcome.as_str()))
            });
            lines.collect::<Vec<_>>()
        };
        let done = [(200, "done"), (201, "done"), (202, "done"), (303, "done")];
        let refused = [(402, "refused"), (403, "refused"), (404, "refused"), (409, "refused")];
        let failed = |how| [(500, how), (503, how), (504, how)];
        assert_eq!(outcomes(true, true), [done.as_slice(), &refused, &failed("unknown")].concat());
        assert_eq!(outcomes(true, false), [done.as_slice(), &refused, &failed("refused")].concat());
        assert_eq!(outcomes(false, true), [done.as_slice(), &failed("unknown")].concat());
        assert_eq!(outcomes(false, false), done);
        let unavailable = |code| outcome(StatusCode::SERVICE_UNAVAILABLE, Some(code), true, true);
        assert_eq!(unavailable(Code::Overloaded), None);
        assert_eq!(unavailable(Code::Unavailable), Some(Outcome::Unknown));
    }
}
