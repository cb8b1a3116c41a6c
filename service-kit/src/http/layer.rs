use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{
    Error,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};
use serde_json::Value;

/// The answer behind a layer, on its way.
pub type Answering = Pin<Box<dyn Future<Output = Result<ServiceResponse<BoxBody>, Error>>>>;

/// What a service has around all of its routes, inside the shell: it may answer in their place, and it sees every
/// answer of theirs.
///
/// It must not keep a handle of the request while the routes have it: actix takes it apart while it finds the route.
pub trait Layer: Send + Sync + 'static {
    fn around(self: Arc<Self>, request: ServiceRequest, next: Next<BoxBody>) -> Answering;

    /// Says in the API document what the layer adds to its routes: answers, credentials, what the routes belong to.
    fn describe(&self, _document: &mut Value) {}
}

/// Nothing around the routes.
pub(super) struct Bare;

impl Layer for Bare {
    fn around(self: Arc<Self>, request: ServiceRequest, next: Next<BoxBody>) -> Answering {
        Box::pin(async move { next.call(request).await })
    }
}
