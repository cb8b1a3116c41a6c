//! Tokens for calls to other services: minted when needed, used again until shortly before they expire.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    caller::{Caller, Service, Who},
    issuer::{Issuer, MintError},
    scope::Scopes,
    token::{Claims, Token},
};
use crate::Remembered;

/// A token between services holds this long.
const LIFETIME_S: u64 = 5 * 60;
/// It is used until this long before it expires.
const LEFT_OVER_S: i64 = 60;
/// Callers whose tokens are kept at most.
const MAX_CALLERS: usize = 10_000;

/// Where a [`Client`](crate::Client) gets the token of its next call.
pub trait TokenSource: Send + Sync {
    fn token(&self) -> Result<Token, MintError>;

    /// The other side answered 401: this token is not offered again.
    fn refused(&self, token: &Token);
}

/// Tokens with which a service calls another in its own name.
pub struct ServiceTokens {
    issuer: Issuer,
    claims: Claims,
    kept: Mutex<Option<Token>>,
}

impl ServiceTokens {
    /// Tokens of `issuer`'s own service for `aud`, with these scopes.
    pub fn new(issuer: Issuer, aud: Service, scopes: Scopes) -> Arc<ServiceTokens> {
        let caller = Caller { who: Who::Service(issuer.service()), scopes, act: None, client_id: None };
        let claims = Claims { caller, aud, lifetime: Duration::from_secs(LIFETIME_S) };
        Arc::new(ServiceTokens { issuer, claims, kept: Mutex::default() })
    }
}

impl TokenSource for ServiceTokens {
    fn token(&self) -> Result<Token, MintError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref().filter(|token| is_fresh(&self.issuer, token)) {
            Some(token) => Ok(token.clone()),
            None => Ok(kept.insert(self.issuer.mint(&self.claims)?).clone()),
        }
    }

    fn refused(&self, token: &Token) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take_if(|kept| kept == token);
    }
}

/// Tokens with which the gateway passes on what its callers want.
#[derive(Clone)]
pub struct CallerTokens {
    issuer: Issuer,
    aud: Service,
    kept: Remembered<Caller, Token>,
}

impl CallerTokens {
    /// Tokens of `issuer`, which must be the gateway's to be believed, for `aud`.
    pub fn new(issuer: Issuer, aud: Service) -> CallerTokens {
        let kept = Remembered::new(MAX_CALLERS, Duration::from_secs(LIFETIME_S));
        CallerTokens { issuer, aud, kept }
    }

    /// The tokens of calls for this caller.
    pub fn on_behalf_of(&self, caller: &Caller) -> Arc<dyn TokenSource> {
        let caller = Caller { act: Some(self.issuer.service()), ..caller.clone() };
        Arc::new(OneCaller { tokens: self.clone(), caller })
    }
}

struct OneCaller {
    tokens: CallerTokens,
    caller: Caller,
}

impl TokenSource for OneCaller {
    fn token(&self) -> Result<Token, MintError> {
        let CallerTokens { issuer, aud, kept } = &self.tokens;
        if let Some(token) = kept.get(&self.caller).filter(|token| is_fresh(issuer, token)) {
            return Ok(token);
        }
        let lifetime = Duration::from_secs(LIFETIME_S);
        let token = issuer.mint(&Claims { caller: self.caller.clone(), aud: *aud, lifetime })?;
        kept.insert(self.caller.clone(), token.clone());
        Ok(token)
    }

    fn refused(&self, token: &Token) {
        if self.tokens.kept.get(&self.caller).as_ref() == Some(token) {
            self.tokens.kept.forget(&self.caller);
        }
    }
}

fn is_fresh(issuer: &Issuer, token: &Token) -> bool {
    issuer.clock().now().plus_ms(LEFT_OVER_S * 1_000) < token.expires()
}
