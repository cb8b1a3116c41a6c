use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    auth::Gate,
    http::{IdempotencyKey, route_of},
};

/// A request with its idempotency key, told apart from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    pub principal: String,
    /// Method and pattern, such as `POST /deliveries/{delivery_id}/moves`.
    pub route: String,
    pub key: String,
    /// SHA-256 of the path and of everything that was asked.
    pub fingerprint: Vec<u8>,
}

/// The `Idempotency-Key` of a request, where the caller sent one, with the caller and the route that it belongs to.
#[derive(Debug, Clone)]
pub struct Keyed(Option<Scope>);

#[derive(Debug, Clone)]
struct Scope {
    principal: String,
    route: String,
    path: String,
    key: String,
}

impl Keyed {
    /// The request under its key. `asked` is all that the caller said beside the path.
    pub fn asking<T: Serialize>(self, asked: &T) -> Option<KeyedRequest> {
        let Scope { principal, route, path, key } = self.0?;
        let asked = serde_json::to_vec(&(path, asked)).expect("BUG: a parsed request serialises");
        Some(KeyedRequest { principal, route, key, fingerprint: Sha256::digest(&asked).to_vec() })
    }
}

impl FromRequest for Keyed {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (key, request) = (IdempotencyKey::from_request(request, payload), request.clone());
        Box::pin(async move {
            let Some(key) = key.await?.0 else { return Ok(Keyed(None)) };
            let principal = Gate::caller(&request).await?.principal();
            let pattern = route_of(&request);
            let route = format!("{} {}", request.method(), pattern.as_deref().unwrap_or(request.path()));
            Ok(Keyed(Some(Scope { principal, route, path: request.path().to_owned(), key })))
        })
    }
}

impl Apiv2Schema for Keyed {}
impl OperationModifier for Keyed {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        IdempotencyKey::update_parameter(operation);
    }
}
