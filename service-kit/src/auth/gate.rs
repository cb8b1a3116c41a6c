use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, http::header::AUTHORIZATION};

use super::{
    caller::{Caller, Service},
    key_source::{KeySource, KeySourceOptions},
    refusal::Refusal,
    verifier::{Expected, Verifier},
};
use crate::{Clock, client::ClientError};

/// The answer to "who calls?", on its way.
pub type Authenticating<'a> = Pin<Box<dyn Future<Output = Result<Caller, Refusal>> + 'a>>;

/// Finds out who sent a request. Nothing but a credential that can be checked says so: no header of a proxy, no name in
/// a query, a path or a body.
pub trait Authenticate: Send + Sync + 'static {
    /// The caller; [`Caller::anonymous`] where the request carries no credential at all.
    fn authenticate<'a>(&'a self, request: &'a HttpRequest) -> Authenticating<'a>;

    /// Makes a guest of somebody without a credential, where guests are welcome.
    fn welcome(&self, _: &HttpRequest) -> Option<Caller> {
        None
    }
}

/// What the extractors of a service ask who calls. Registered once: `config.app_data(gate.clone())`.
#[derive(Clone)]
pub struct Gate(Arc<dyn Authenticate>);

/// The caller of the request being served, or why he is none, found once and kept for its other extractors.
#[derive(Clone)]
struct Known(Result<Caller, Refusal>);

impl Gate {
    /// A gate that believes whatever `authenticate` finds out.
    pub fn new(authenticate: impl Authenticate) -> Gate {
        Gate(Arc::new(authenticate))
    }

    /// A gate that believes access tokens for `aud` in the `Authorization` header.
    pub fn bearer(verifier: Verifier, aud: Service) -> Gate {
        Gate::new(Bearer { verifier, expected: Expected::access(aud) })
    }

    /// The gate of a service behind the public door: it believes the tokens for `aud` of these issuers, each of which
    /// publishes its keys at the address that stands beside it.
    pub fn trusting(aud: Service, issuers: &[(Service, &str)]) -> Result<Gate, ClientError> {
        let mut verifier = Verifier::new(Clock::system());
        for (issuer, url) in issuers {
            verifier = verifier.trust(*issuer, KeySource::at(url, KeySourceOptions::default())?);
        }
        Ok(Gate::bearer(verifier, aud))
    }

    /// Who sent this request, found out once.
    pub async fn caller(request: &HttpRequest) -> Result<Caller, Refusal> {
        if let Some(Known(caller)) = request.extensions().get::<Known>() {
            return caller.clone();
        }
        let caller = Gate::find_out(request).await;
        Gate::keep(request, caller.clone());
        caller
    }

    /// Who sent this request, for whoever may answer it without anybody else's asking; what was found out before is not
    /// looked at. To be [kept](Self::keep) where the request goes on.
    pub async fn find_out(request: &HttpRequest) -> Result<Caller, Refusal> {
        let Some(gate) = request.app_data::<Gate>() else {
            tracing::error!("BUG: a route asks who calls and the service registered no gate");
            return Err(Refusal::Unavailable("whether you may is not known at the moment".to_owned()));
        };
        gate.0.authenticate(request).await
    }

    /// Keeps what was found out for all who ask it of this request.
    pub fn keep(request: &HttpRequest, caller: Result<Caller, Refusal>) {
        request.extensions_mut().insert(Known(caller));
    }
}

impl Gate {
    /// As [`caller`](Self::caller); whoever is nobody becomes a guest where guests are welcome.
    pub(super) async fn caller_or_guest(request: &HttpRequest) -> Result<Caller, Refusal> {
        let caller = Gate::caller(request).await?;
        let guest = request.app_data::<Gate>().filter(|_| caller == Caller::anonymous());
        let Some(guest) = guest.and_then(|gate| gate.0.welcome(request)) else { return Ok(caller) };
        request.extensions_mut().insert(Known(Ok(guest.clone())));
        Ok(guest)
    }
}

struct Bearer {
    verifier: Verifier,
    expected: Expected<'static>,
}

impl Authenticate for Bearer {
    fn authenticate<'a>(&'a self, request: &'a HttpRequest) -> Authenticating<'a> {
        Box::pin(async move {
            match bearer_token(request)? {
                Some(token) => Ok(self.verifier.verify(token, &self.expected).await?),
                None => Ok(Caller::anonymous()),
            }
        })
    }
}

/// The bearer token of a request (RFC 6750 §2.1). Tokens in queries and bodies are not looked for: they end up in logs.
pub fn bearer_token(request: &HttpRequest) -> Result<Option<&str>, Refusal> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Unreadable("there is more than one Authorization header"));
    }
    let text = value.to_str().map_err(|_| Refusal::Unreadable("the Authorization header is not ASCII"))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::BadCredential("only Bearer tokens are taken here"));
    }
    if token.is_empty() {
        return Err(Refusal::Unreadable("the Authorization header has no token"));
    }
    Ok(Some(token))
}
