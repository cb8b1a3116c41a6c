use std::{collections::BTreeMap, marker::PhantomData};

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER},
    },
};
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DefaultOperationRaw, DefaultSchemaRaw},
        schema::Apiv2Schema,
    },
};
use serde::de::DeserializeOwned;
use service_kit::{
    RawAnswer,
    http::{Reply, StatusSet},
};
use shared_types::{Code, Problem};

use super::BASE;
use crate::cache::AtHand;

/// An answer of the service that owns the resource, passed on: a `T` with one of the statuses of `S`.
#[derive(Debug)]
pub(crate) struct Relayed<T, S> {
    answer: RawAnswer,
    of: PhantomData<(T, S)>,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Headers that are passed on as they are.
const KEPT_HEADERS: [HeaderName; 4] = [CACHE_CONTROL, ETAG, RETRY_AFTER, HeaderName::from_static("x-total-count")];
/// Headers that name addresses of the service, which stand below [`BASE`] for the public.
const REWRITTEN_HEADERS: [HeaderName; 2] = [LOCATION, LINK];

impl<T, S: StatusSet> Relayed<T, S> {
    /// Passes an answer on where its status is one that the route documents; a problem becomes one of ours.
    pub fn new(answer: RawAnswer) -> Result<Relayed<T, S>, Problem> {
        if S::contains(answer.status.as_u16()) {
            return Ok(Relayed { answer, of: PhantomData });
        }
        Err(problem_of(&answer))
    }
}

/// The problem in an answer. Whatever is none is a fault between our own parts.
pub(crate) fn problem_of(answer: &RawAnswer) -> Problem {
    match serde_json::from_slice::<Problem>(&answer.body) {
        Ok(problem) if problem.status == answer.status.as_u16() && problem.code != Code::RouteNotFound => {
            let resource = problem.resource.as_ref().map(|path| format!("{BASE}{path}"));
            Problem { resource, ..problem }
        }
        _ => {
            tracing::error!(status = answer.status.as_u16(), "a service answered what it does not document");
            Problem::new(Code::Internal, "the fault is in our log under the request's id")
        }
    }
}

/// Whether it was done; its body says nothing that a dialect translates.
pub(crate) fn done(answer: &RawAnswer) -> Result<(), Problem> {
    if answer.status.is_success() { Ok(()) } else { Err(problem_of(answer)) }
}

/// Reads an answer that a dialect translates.
pub(crate) fn read<T: DeserializeOwned>(answer: &RawAnswer) -> Result<T, Problem> {
    if !answer.status.is_success() {
        return Err(problem_of(answer));
    }
    serde_json::from_slice(&answer.body).map_err(|error| {
        tracing::error!(%error, "a service answered what cannot be read");
        Problem::new(Code::Internal, "the fault is in our log under the request's id")
    })
}

/// A service's own addresses start at its root: `/orders/…` and `</books?…>; rel="next"`.
fn rewritten(value: &str) -> String {
    match value.strip_prefix("</") {
        Some(rest) => format!("<{BASE}/{rest}"),
        None if value.starts_with('/') => format!("{BASE}{value}"),
        None => value.to_owned(),
    }
}

impl<T, S> Responder for Relayed<T, S> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.answer.status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut response = HttpResponse::with_body(status, BoxBody::new(()));
        for (name, value) in headers_of(&self.answer) {
            response.headers_mut().insert(name, value);
        }
        if self.answer.body.is_empty() {
            return response;
        }
        response.set_body(BoxBody::new(self.answer.body))
    }
}

/// The answer that is kept, as [`Relayed`] responds with it, beside these headers.
pub(crate) fn kept(kept: &AtHand, headers: HeaderMap) -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(kept.body()));
    *response.headers_mut() = headers;
    for (name, value) in kept.headers(headers_of) {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

/// The headers of an answer that the public has.
fn headers_of(answer: &RawAnswer) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, value) in answer.headers.iter() {
        let Ok(value) = value.to_str() else { continue };
        let one_of = |names: &[HeaderName]| names.iter().find(|known| known.as_str() == name.as_str()).cloned();
        let passed_on = one_of(&KEPT_HEADERS).map(|name| (name, HeaderValue::from_str(value)));
        let passed_on =
            passed_on.or_else(|| Some((one_of(&REWRITTEN_HEADERS)?, HeaderValue::try_from(rewritten(value)))));
        headers.extend(passed_on.and_then(|(name, value)| Some((name, value.ok()?))));
    }
    headers.extend((!answer.body.is_empty()).then_some((CONTENT_TYPE, JSON)));
    headers
}

impl<T: Apiv2Schema, S> Apiv2Schema for Relayed<T, S> {
    fn name() -> Option<String> {
        T::name()
    }

    fn raw_schema() -> DefaultSchemaRaw {
        T::raw_schema()
    }
}

impl<T: Apiv2Schema, S: StatusSet> OperationModifier for Relayed<T, S> {
    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Reply::<T, S>::update_definitions(map);
    }

    fn update_response(operation: &mut DefaultOperationRaw) {
        Reply::<T, S>::update_response(operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_rewritten_and_nothing_else() {
        assert_eq!(rewritten("/orders/1"), "/api/v1/orders/1");
        assert_eq!(rewritten("</books?cursor=5b>; rel=\"next\""), "</api/v1/books?cursor=5b>; rel=\"next\"");
        assert_eq!(rewritten("https://elsewhere.example/"), "https://elsewhere.example/");
    }
}
