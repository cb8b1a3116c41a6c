use std::{collections::BTreeMap, fmt, marker::PhantomData};

use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError, body::BoxBody, http::StatusCode};
use paperclip::v2::{
    models::{DefaultOperationRaw, DefaultSchemaRaw, Either, Response},
    schema::{Apiv2Errors, Apiv2Schema},
};
use serde::Serialize;
use shared_types::Problem;

use super::{document::define, page::next_link};
use crate::{context::RequestContext, telemetry::orders};

/// The statuses that a handler says it answers with, as a type: `(S200, S404)`.
pub trait StatusSet: 'static {
    /// Each status with the sentence that the API document says about it.
    const STATUSES: &'static [(u16, &'static str)];

    fn contains(status: u16) -> bool {
        Self::STATUSES.iter().any(|(known, _)| *known == status)
    }
}

macro_rules! statuses {
    ($($name:ident = $status:literal, $description:literal;)+) => {$(
        #[doc = concat!("Status ", stringify!($status), ": ", $description)]
        #[derive(Debug)]
        pub struct $name;

        impl $name {
            const STATUS: (u16, &'static str) = ($status, $description);
        }

        impl One for $name {
            const STATUS: (u16, &'static str) = $name::STATUS;
        }
    )+};
}

/// A single status.
pub trait One: 'static {
    const STATUS: (u16, &'static str);
}

statuses! {
    S200 = 200, "Done.";
    S201 = 201, "Created.";
    S202 = 202, "Accepted and not settled yet; `Location` says where to look.";
    S204 = 204, "Done; there is nothing to say.";
    S400 = 400, "The request cannot be read.";
    S401 = 401, "The credential is missing or refused.";
    S402 = 402, "The payment was declined; `detail` says why.";
    S403 = 403, "The caller is known, and this is not his to do.";
    S404 = 404, "There is no such thing, or it is not yours to see.";
    S409 = 409, "The state of the shop does not allow it; `code` and `errors` say why.";
    S412 = 412, "The resource changed since the version in `If-Match`.";
    S422 = 422, "The request can be read and is not valid; `errors` names each field.";
    S429 = 429, "Too many tries; `Retry-After` says when the next one is looked at.";
    S503 = 503, "A part that is needed is not available; asking again is safe.";
    S504 = 504, "A part that is needed did not answer in time; asking again with the same key is safe.";
}

macro_rules! status_sets {
    ($(($($name:ident),+);)+) => {$(
        impl<$($name: One),+> StatusSet for ($($name,)+) {
            const STATUSES: &'static [(u16, &'static str)] = &[$($name::STATUS),+];
        }
    )+};
}

impl StatusSet for () {
    const STATUSES: &'static [(u16, &'static str)] = &[];
}

status_sets! {
    (A);
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E);
    (A, B, C, D, E, F);
    (A, B, C, D, E, F, G);
}

/// A success: a body, one of the documented statuses, and headers.
#[derive(Debug)]
pub struct Reply<T, S = (S200,)> {
    status: u16,
    body: Option<T>,
    headers: Vec<(&'static str, String)>,
    statuses: PhantomData<S>,
}

impl<T, S: StatusSet> Reply<T, S> {
    /// An answer with this status, which `S` must name.
    pub fn with_status(status: u16, body: T) -> Self {
        debug_assert!(S::contains(status), "BUG: status {status} is not among those that the handler documents");
        Reply { status, body: Some(body), headers: Vec::new(), statuses: PhantomData }
    }

    /// 200 with a body.
    pub fn ok(body: T) -> Self {
        Reply::with_status(200, body)
    }

    /// 201 with a body, and where the new resource is.
    pub fn created(location: impl Into<String>, body: T) -> Self {
        Reply::with_status(201, body).header("location", location)
    }

    /// 202 with a body, and where to look for the outcome.
    pub fn accepted(location: impl Into<String>, body: T) -> Self {
        Reply::with_status(202, body).header("location", location)
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        debug_assert!(S::contains(status), "BUG: status {status} is not among those that the handler documents");
        Reply { status, body: None, headers: Vec::new(), statuses: PhantomData }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the `Link` to the page after the one that was asked for, where there is one.
    #[must_use]
    pub fn next_page(self, request: &HttpRequest, next_cursor: Option<&str>) -> Self {
        match next_cursor {
            Some(cursor) => self.header("link", next_link(request.path(), request.query_string(), cursor)),
            None => self,
        }
    }

    /// Adds the `ETag` of this version.
    #[must_use]
    pub fn etag(self, version: i64) -> Self {
        self.header("etag", format!("\"{version}\""))
    }

    /// Adds the `ETag` of the version that the body tells.
    #[must_use]
    pub fn tagged(self, version: impl FnOnce(&T) -> i64) -> Self {
        match self.body.as_ref().map(version) {
            Some(version) => self.etag(version),
            None => self,
        }
    }
}

impl<T: Serialize, S> Responder for Reply<T, S> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).expect("BUG: a documented status is a status");
        let mut response = HttpResponse::build(status);
        for (name, value) in self.headers {
            response.insert_header((name, value));
        }
        match self.body {
            Some(body) => response.json(body),
            None => response.finish(),
        }
    }
}

impl<T: Apiv2Schema, S> Apiv2Schema for Reply<T, S> {
    fn name() -> Option<String> {
        T::name()
    }

    fn raw_schema() -> DefaultSchemaRaw {
        T::raw_schema()
    }
}

impl<T: Apiv2Schema, S: StatusSet> paperclip::actix::OperationModifier for Reply<T, S> {
    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        define::<T>(map);
    }

    fn update_response(operation: &mut DefaultOperationRaw) {
        for (status, description) in S::STATUSES {
            let schema = (*status != 204).then(|| {
                let mut schema = T::schema_with_ref();
                schema.retain_ref();
                schema
            });
            let response = Response { description: Some((*description).to_owned()), schema, ..Default::default() };
            operation.responses.insert(status.to_string(), Either::Right(response));
        }
    }
}

/// A failure: a problem whose status is one of those that the handler documents, or one that any route can answer.
pub struct Fail<S = ()> {
    problem: Box<Problem>,
    statuses: PhantomData<S>,
}

/// Statuses that any route can answer, whatever it does: unreadable, too large, too slow, wrong type, invalid, broken.
pub(super) const COMMON_STATUSES: &[u16] = &[400, 404, 405, 408, 413, 414, 415, 422, 431, 500, 503, 504];

impl<S, P: Into<Problem>> From<P> for Fail<S> {
    fn from(problem: P) -> Self {
        Fail { problem: Box::new(problem.into()), statuses: PhantomData }
    }
}

impl<S> fmt::Debug for Fail<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.problem, f)
    }
}

impl<S> fmt::Display for Fail<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.problem, f)
    }
}

impl<S: StatusSet> ResponseError for Fail<S> {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.problem.status;
        debug_assert!(
            S::contains(status) || COMMON_STATUSES.contains(&status),
            "BUG: status {status} is not among those that the handler documents"
        );
        problem_response((*self.problem).clone())
    }
}

impl<S: StatusSet> Apiv2Errors for Fail<S> {
    const ERROR_MAP: &'static [(u16, &'static str)] = S::STATUSES;

    fn update_error_definitions(operation: &mut DefaultOperationRaw) {
        for (status, description) in S::STATUSES {
            let mut schema = Problem::schema_with_ref();
            schema.retain_ref();
            let response =
                Response { description: Some((*description).to_owned()), schema: Some(schema), ..Default::default() };
            operation.responses.insert(status.to_string(), Either::Right(response));
        }
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        define::<Problem>(map);
    }
}

/// The scheme of our credentials.
const CHALLENGE: &str = "Bearer realm=\"lastcopy\"";

/// Seconds after which a caller may try again, said with every 503 that names no other time.
const RETRY_AFTER_S: i64 = 1;

/// The answer that carries this problem, with the id of the request being served. Layers find its code among its
/// extensions.
pub fn problem_response(mut problem: Problem) -> HttpResponse {
    let context = RequestContext::current();
    if let Some(order_id) = problem.resource.as_deref().and_then(orders::in_path) {
        context.about(&order_id);
    }
    problem.request_id = Some(context.request_id.to_string());
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header(("content-type", "application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        // Whoever is sent away is told how to say who he is (RFC 9110 §15.5.2). A gate says more.
        response.insert_header(("www-authenticate", CHALLENGE));
    }
    let unavailable = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_S);
    if let Some(seconds) = problem.retry_after_s.or(unavailable) {
        response.insert_header(("retry-after", seconds.to_string()));
    }
    let body = serde_json::to_string(&problem).expect("BUG: a problem is plain data and serialises");
    let mut response = response.body(body);
    response.extensions_mut().insert(problem.code);
    response
}
