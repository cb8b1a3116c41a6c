//! What every request of the public door goes through before it reaches a route, and every answer on its way out: in
//! one place, so that no route can forget it.

/// Changes in other services, and who asked for them.
mod audit;
/// Purchases that there is no room for.
mod crowd;
/// Forms and scripts of other sites, sent with the cookies of ours.
mod forgery;
/// What browsers are told about every answer.
mod headers;
/// So many requests a second, for one address and for one caller.
mod rates;
/// Other spellings of our paths.
mod spelling;

use std::{sync::Arc, time::Duration};

use actix_web::{
    Error, HttpMessage, Responder, ResponseError,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    middleware::Next,
};
use futures_util::StreamExt;
use serde_json::Value;
use service_kit::{
    auth::{Caller, Gate},
    http::{Layer, document::is_documentation, limits::MAX_BODY_BYTES, problem_response},
};
use shared_types::Problem;

use crate::{
    cache,
    clients::Upstreams,
    document,
    http::{BookRef, books, events::PATH as SERVICES_TELL},
    identity::{Cookie, FreshGuest, GUEST_TOKEN, Identity, Visit},
    shared::Shared,
};
pub use rates::{BURST_S, DEFAULT_PER_ADDRESS, DEFAULT_PER_CALLER, RateConfig};

/// The layers of the public door.
pub struct Layers {
    identity: Arc<Identity>,
    rates: rates::Rates,
    /// Whom a crowd asks, and what is at hand of the catalog's answers, where there are other services at all.
    upstreams: Option<Arc<Upstreams>>,
}

impl Layers {
    pub fn new(
        identity: Arc<Identity>,
        rates: &RateConfig,
        shared: Option<Arc<Shared>>,
        upstreams: Option<Arc<Upstreams>>,
    ) -> Arc<Layers> {
        Arc::new(Layers { identity, rates: rates::Rates::new(rates, shared), upstreams })
    }

    /// Lets a request in, or says why not: its caller, as far as he is known here.
    async fn admit(&self, request: &ServiceRequest) -> Result<Option<Caller>, Problem> {
        let request = request.request();
        crowd::refuse(request.method(), request.path(), self.upstreams.as_ref().map(|upstreams| &upstreams.order))?;
        if request.path() == SERVICES_TELL {
            // Its own gate finds out who that is: here nobody but callers of the shop is known, and a refusal is kept.
            // It believes services' tokens only, so neither a cookie nor a key gets anybody in.
            return Ok(None);
        }
        let counted = !rates::is_probe(request.path()) && !self.identity.is_demo_key(request);
        if counted {
            self.rates.take_address(self.identity.origin(request)).await?;
        }
        // Found out here once, and kept: whoever may not call hears so before anybody looks at what he sent.
        let caller = Gate::caller(request).await.ok();
        if let Some(caller) = caller.as_ref().filter(|_| counted) {
            self.rates.take_caller(caller).await?;
        }
        forgery::refuse(request)?;
        Ok(caller)
    }

    /// The answer to a request that was let in.
    async fn answer(
        &self,
        request: ServiceRequest,
        caller: Option<Caller>,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        // What is looked at again and again is not looked for among the routes.
        let look = books::looked_at(request.request()).zip(caller).zip(self.upstreams.as_deref());
        let Some(((book, caller), upstreams)) = look else { return Box::pin(self.pass_on(request, next)).await };
        if let Some(shown) = books::look_at_hand(&caller, upstreams, book) {
            let shown = shown.respond_to(request.request());
            return Ok(request.into_response(shown));
        }
        let shown = match Box::pin(books::look(&caller, upstreams, BookRef::Number(book))).await {
            Ok(shown) => shown.respond_to(request.request()),
            Err(failure) => {
                cache::say_nothing();
                failure.error_response()
            }
        };
        Ok(request.into_response(shown))
    }

    /// The answer of the routes, noted where it is a change.
    async fn pass_on(&self, request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        // Apart: a crowd has one of these futures each, and most of it never comes so far.
        let asked = Box::pin(audit::Asked::of(&self.identity, request.request())).await;
        let answer = next.call(request).await?;
        if !tells_what_may_be_kept(&answer) {
            cache::say_nothing();
        }
        if let Some(asked) = asked {
            Box::pin(asked.answered(&answer)).await;
        }
        Ok(answer)
    }
}

impl Layer for Layers {
    async fn around(&self, request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        let request = spelling::canonical(request);
        let is_docs = is_documentation(request.path());
        let mut answer = match self.admit(&request).await {
            Ok(caller) => self.answer(request, caller, next).await?,
            Err(problem) => Box::pin(refused(request, problem)).await,
        };
        welcome(&mut answer);
        for (name, value) in headers::of(is_docs, self.identity.is_on_https()) {
            if !answer.headers().contains_key(&name) {
                answer.headers_mut().insert(name, value);
            }
        }
        Ok(answer)
    }

    fn describe(&self, document: &mut Value) {
        document::describe(document);
    }
}

/// A refusal before anybody looked at the body. What came of it is passed over, as far as it is here or about to be: a
/// connection with an unread body is closed, and a crowd that connects anew for each refusal costs more than it asked for.
async fn refused(request: ServiceRequest, problem: Problem) -> ServiceResponse<BoxBody> {
    let (request, mut payload) = request.into_parts();
    let pass_over = async {
        let mut passed_over = 0;
        while let Some(Ok(chunk)) = payload.next().await {
            passed_over += chunk.len();
            if passed_over > MAX_BODY_BYTES {
                break;
            }
        }
    };
    // Nobody waits for the rest of it: who is slow connects again.
    let is_over = tokio::time::timeout(PASSED_OVER_WITHIN, pass_over).await.is_ok();
    tracing::trace!(is_over, "refused before its body was read");
    ServiceResponse::new(request, problem_response(problem))
}

/// The body of a refused request is awaited for so long.
const PASSED_OVER_WITHIN: Duration = Duration::from_millis(100);

/// Nobody asks of a refusal, or of a change, whether it was kept.
fn tells_what_may_be_kept(answer: &ServiceResponse<BoxBody>) -> bool {
    let is_read = answer.status().is_success() || answer.status() == StatusCode::NOT_MODIFIED;
    is_read && answer.request().method().is_safe()
}

/// A browser shows for so long which guest it is.
const GUEST_COOKIE_S: u32 = 180 * 24 * 60 * 60;

/// A guest who was made for this request takes his token with him, whatever the answer is.
fn welcome(answer: &mut ServiceResponse<BoxBody>) {
    let Some(FreshGuest(token)) = answer.request().extensions().get::<FreshGuest>().cloned() else { return };
    let cookie = Visit::read(answer.request()).set_cookie_for(Cookie::Guest, &token, GUEST_COOKIE_S);
    for (name, value) in [(GUEST_TOKEN, token.expose()), ("set-cookie", &cookie)] {
        let value = HeaderValue::from_str(value).expect("BUG: tokens and cookies are plain ASCII");
        answer.headers_mut().append(HeaderName::from_static(name), value);
    }
}
