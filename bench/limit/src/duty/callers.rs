use std::collections::HashMap;

use actix_web::HttpRequest;
use sha2::{Digest, Sha256};

use super::header;

/// As long as one of the shop's signed tokens.
const TOKEN_CHARS: usize = 800;

/// Whose the API key is, as the shop names him.
pub const BUYER: &str = "api_key:00000000-0000-7000-8000-000000000000";

/// Who may call. Keys are remembered by their hashes, and so are tokens: a signature is checked once, and the caller of a
/// token that was seen before is looked up.
#[derive(Clone)]
pub struct Callers(HashMap<[u8; 32], String>);

impl Callers {
    /// Whoever sends this API key.
    pub fn with_key(key: &str) -> Callers {
        Callers(HashMap::from([(hash(key), BUYER.to_owned())]))
    }

    /// Services, each with the token that it calls with.
    pub fn with_tokens_of(names: &[&str]) -> Callers {
        Callers(names.iter().map(|name| (hash(&token_of(name)), (*name).to_owned())).collect())
    }

    /// Whose key a request of the public door carries.
    pub fn by_key(&self, request: &HttpRequest) -> Option<&str> {
        self.0.get(&hash(header(request, "x-api-key")?)).map(String::as_str)
    }

    /// Whose token a request of a service carries.
    pub fn by_token(&self, request: &HttpRequest) -> Option<&str> {
        self.by_authorization(header(request, "authorization")?)
    }

    /// Whose token an `Authorization` has.
    pub fn by_authorization(&self, authorization: &str) -> Option<&str> {
        self.0.get(&hash(authorization.strip_prefix("Bearer ")?)).map(String::as_str)
    }
}

/// The token with which `name` is called for. It is no secret here: what counts is that it is sent, and looked up.
pub fn token_of(name: &str) -> String {
    format!("{name}.").repeat(TOKEN_CHARS).chars().take(TOKEN_CHARS).collect()
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}
