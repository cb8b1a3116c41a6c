use std::{collections::BTreeMap, fmt, future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{StatusCode, header::WWW_AUTHENTICATE},
};
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DefaultOperationRaw, DefaultSchemaRaw},
        schema::Apiv2Schema,
    },
};
use service_kit::{
    auth::{Caller, Refusal, ScopeName, Scoped},
    http::problem_response,
};
use shared_types::{Code, Problem};

/// The holder of an API key with a scope, as the bookstore knows him: nothing but `X-API-Key` says who he is, and whoever
/// has no good one is told one word.
pub(super) struct StoreKey<S> {
    pub caller: Caller,
    _scope: Scoped<S>,
}

/// Why somebody is not let in.
#[derive(Debug)]
pub(super) struct Unwelcome(Refusal);

impl<S: ScopeName> FromRequest for StoreKey<S> {
    type Error = Unwelcome;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Unwelcome>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let has_key = request.headers().contains_key("x-api-key");
        let scoped = Scoped::<S>::from_request(request, payload);
        Box::pin(async move {
            if !has_key {
                return Err(Unwelcome(Refusal::NoCredential));
            }
            let scoped = scoped.await.map_err(Unwelcome)?;
            Ok(StoreKey { caller: scoped.caller.clone(), _scope: scoped })
        })
    }
}

impl ResponseError for Unwelcome {
    fn status_code(&self) -> StatusCode {
        match self.0.status_code() {
            // A key that cannot be read is a wrong one.
            StatusCode::BAD_REQUEST => StatusCode::UNAUTHORIZED,
            status => status,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let refused = self.0.error_response();
        if self.status_code() != StatusCode::UNAUTHORIZED {
            return refused;
        }
        let mut response = problem_response(Problem::new(Code::Unauthorized, "Unauthorized"));
        if let Some(challenge) = refused.headers().get(WWW_AUTHENTICATE) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge.clone());
        }
        response
    }
}

impl fmt::Display for Unwelcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<S: ScopeName> Apiv2Schema for StoreKey<S> {}

/// The API document says of it what it says of the scope.
impl<S: ScopeName> OperationModifier for StoreKey<S> {
    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Scoped::<S>::update_definitions(map);
    }

    fn update_security(operation: &mut DefaultOperationRaw) {
        Scoped::<S>::update_security(operation);
    }
}
