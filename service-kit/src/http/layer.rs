use std::future::Future;

use actix_web::{
    Error, HttpRequest,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};
use serde_json::Value;

/// What a service has around all of its routes, inside the shell: it may answer in their place, and it sees every
/// answer of theirs.
///
/// It must not keep a handle of the request while the routes have it: actix takes it apart while it finds the route.
pub trait Layer: Send + Sync + 'static {
    fn around(
        &self,
        request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> impl Future<Output = Result<ServiceResponse<BoxBody>, Error>>;

    /// The pattern of the route whose answer the layer gives in its place, where it knows it at once: nobody looks for it
    /// among all routes then.
    fn route_of(&self, _request: &HttpRequest) -> Option<&'static str> {
        None
    }

    /// Says in the API document what the layer adds to its routes: answers, credentials, what the routes belong to.
    fn describe(&self, _document: &mut Value) {}
}

/// Nothing around the routes.
pub(super) struct Bare;

impl Layer for Bare {
    fn around(
        &self,
        request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> impl Future<Output = Result<ServiceResponse<BoxBody>, Error>> {
        next.call(request)
    }
}
