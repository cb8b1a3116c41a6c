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
    Error, HttpMessage, HttpRequest, Responder, ResponseError,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use futures_util::StreamExt;
use serde_json::Value;
use service_kit::{
    auth::{Caller, Gate, Refusal},
    http::{Layer, document::is_documentation, limits::MAX_BODY_BYTES, problem_response},
};
use shared_types::{BookId, Problem};

use crate::{
    cache::{self, AtHand},
    clients::Upstreams,
    document,
    http::{BookRef, books, events::PATH as SERVICES_TELL, relay},
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
    /// What browsers are told about an answer out of the cache: to copy them together is cheaper than to set each.
    headers: HeaderMap,
}

impl Layers {
    pub fn new(
        identity: Arc<Identity>,
        rates: &RateConfig,
        shared: Option<Arc<Shared>>,
        upstreams: Option<Arc<Upstreams>>,
    ) -> Arc<Layers> {
        let headers = headers::of_answer(identity.is_on_https());
        Arc::new(Layers { identity, rates: rates::Rates::new(rates, shared), upstreams, headers })
    }

    /// Lets a request in, or says why not: its caller, or why he is none, where that is found out here.
    async fn admit(&self, request: &ServiceRequest) -> Result<Option<Found>, Problem> {
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
        // Found out here once: whoever may not call hears so before anybody looks at what he sent.
        let caller = Gate::find_out(request).await;
        if let Some(caller) = caller.as_ref().ok().filter(|_| counted) {
            self.rates.take_caller(caller).await?;
        }
        forgery::refuse(request)?;
        Ok(Some(caller))
    }

    /// What a request that was let in looks at, with what it is answered by: the look is not looked for among the routes.
    fn look<'a>(&'a self, request: &HttpRequest, found: &'a Option<Found>) -> Option<Look<'a>> {
        let caller = found.as_ref()?.as_ref().ok()?;
        Some(Look { book: books::looked_at(request)?, caller, upstreams: self.upstreams.as_deref()? })
    }

    /// The answer to a request that was let in, where it is not at hand.
    async fn answer(
        &self,
        request: ServiceRequest,
        found: Option<Found>,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let Some(look) = self.look(request.request(), &found) else {
            if let Some(caller) = found {
                Gate::keep(request.request(), caller);
            }
            return self.pass_on(request, next).await;
        };
        let shown = match books::look(look.caller, look.upstreams, BookRef::Number(look.book)).await {
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

/// The caller, or why he is none.
type Found = Result<Caller, Refusal>;

/// A book that somebody looks at by its number.
struct Look<'a> {
    book: BookId,
    caller: &'a Caller,
    upstreams: &'a Upstreams,
}

impl Look<'_> {
    /// The answer where it is kept here: nobody has to be asked for it.
    fn at_hand(&self) -> Option<AtHand> {
        self.upstreams.catalog.book_at_hand(self.caller, self.book)
    }
}

impl Layer for Layers {
    async fn around(&self, request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        let request = spelling::canonical(request);
        let admitted = self.admit(&request).await;
        let at_hand = admitted.as_ref().ok().and_then(|found| self.look(request.request(), found)?.at_hand());
        if let Some(shown) = at_hand {
            return Ok(request.into_response(relay::kept(&shown, self.headers.clone())));
        }
        let is_docs = is_documentation(request.path());
        let mut answer = match admitted {
            Ok(found) => Box::pin(self.answer(request, found, next)).await?,
            Err(problem) => Box::pin(refused(request, problem)).await,
        };
        welcome(&mut answer);
        headers::set_where_absent(answer.headers_mut(), is_docs, self.identity.is_on_https());
        Ok(answer)
    }

    fn route_of(&self, request: &HttpRequest) -> Option<&'static str> {
        self.upstreams.as_ref().and_then(|_| books::looked_at(request)).map(|_| books::LOOK)
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
