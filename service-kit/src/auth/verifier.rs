use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    caller::{Caller, Service, Who},
    ed25519,
    key_source::{KeySource, NoKey},
    keys::is_plain_kid,
    scope::Scopes,
    token::{ACCESS_TOKEN_TYP, LEEWAY_S, MAX_TOKEN_BYTES, MAX_TOKEN_LIFETIME_S, WireClaims, seconds},
};
use crate::{Clock, Remembered};

/// Verified tokens that are remembered at most.
const MAX_CACHED_TOKENS: usize = 10_000;

/// What a token must say to be believed here.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The one audience: this service.
    pub aud: Service,
    /// [`ACCESS_TOKEN_TYP`], exactly.
    pub typ: &'a str,
    /// Who may have issued it.
    pub issuers: &'a [Service],
}

impl Expected<'static> {
    /// An access token for `aud`, from any issuer that the verifier trusts.
    pub const fn access(aud: Service) -> Self {
        Expected { aud, typ: ACCESS_TOKEN_TYP, issuers: Service::ALL }
    }
}

/// Why a token is not believed. The sentence is shown to whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token has more than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    #[error("the token is not three parts of base64url")]
    Malformed,
    /// Anything but `alg`, `typ` and `kid`: embedded or linked keys, `crit`, `zip`, a certificate.
    #[error("the token's header is not one of ours")]
    Header,
    #[error("the token is not signed with EdDSA")]
    Algorithm,
    #[error("the token is not of the type that is wanted here")]
    Type,
    #[error("the token's claims are not those of an access token")]
    Claims,
    #[error("the token's issuer is not trusted here")]
    Issuer,
    #[error("the token's key is not one of its issuer's")]
    Key,
    #[error("the token's signature is not that of its key")]
    Signature,
    #[error("the token is not for this service")]
    Audience,
    #[error("the token's times do not fit together")]
    Lifetime,
    #[error("the token is from the future")]
    NotYetValid,
    #[error("the token has expired")]
    Expired,
    /// The issuer may not say that of its subject.
    #[error("the token's issuer may not speak for its subject")]
    Subject,
    /// Neither good nor bad: the issuer's keys were never fetched.
    #[error("whether the token is good is not known at the moment")]
    Unavailable,
}

/// A token that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub caller: Caller,
    /// The sign-in to which it belongs.
    pub sid: Option<String>,
    /// Its own id.
    pub jti: String,
    /// Seconds since 1970 UTC.
    pub issued_at_s: i64,
    /// Seconds since 1970 UTC.
    pub expires_at_s: i64,
}

/// Verifies tokens, strictly. Clones share their cache.
#[derive(Clone)]
pub struct Verifier {
    clock: Clock,
    trusted: BTreeMap<Service, KeySource>,
    cache: Remembered<[u8; 32], Arc<Signed>>,
}

/// A token whose signature was right. What it says is judged at every use.
#[derive(Debug)]
struct Signed {
    issuer: Service,
    typ: String,
    kid: String,
    claims: WireClaims,
}

/// The header of a token of ours. Every other member is refused, so that none has to be understood.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

impl Verifier {
    /// A verifier that trusts nobody yet.
    pub fn new(clock: Clock) -> Verifier {
        ed25519::install();
        let forget_after_s = (MAX_TOKEN_LIFETIME_S + LEEWAY_S).unsigned_abs();
        let cache = Remembered::new(MAX_CACHED_TOKENS, Duration::from_secs(forget_after_s));
        Verifier { clock, trusted: BTreeMap::new(), cache }
    }

    /// Trusts the tokens that `issuer` signs with these keys.
    #[must_use]
    pub fn trust(mut self, issuer: Service, keys: KeySource) -> Verifier {
        self.trusted.insert(issuer, keys);
        self
    }

    /// Who sent this token, if it is one of ours, for us, and now.
    pub async fn verify(&self, token: &str, expected: &Expected<'_>) -> Result<Caller, TokenError> {
        Ok(self.verify_whole(token, expected).await?.caller)
    }

    /// As [`verify`](Self::verify), with what the token says of itself.
    pub async fn verify_whole(&self, token: &str, expected: &Expected<'_>) -> Result<Verified, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(signed) = self.cache.get(&digest) {
            // Its key may have been withdrawn since.
            self.keys(signed.issuer, expected)?.key(&signed.kid).await.map_err(TokenError::from)?;
            return self.judge(&signed, expected);
        }
        let signed = self.signed(token, expected).await?;
        let verified = self.judge(&signed, expected)?;
        self.cache.insert(digest, Arc::new(signed));
        Ok(verified)
    }

    async fn signed(&self, token: &str, expected: &Expected<'_>) -> Result<Signed, TokenError> {
        let (header, claims) = parts(token)?;
        let header: StrictHeader = read(header, TokenError::Header)?;
        if header.alg != "EdDSA" {
            return Err(TokenError::Algorithm);
        }
        if !is_plain_kid(&header.kid) {
            return Err(TokenError::Key);
        }
        // Not believed yet: it only says whose key the signature has to be of.
        let claimed: WireClaims = read(claims, TokenError::Claims)?;
        let issuer = Service::named(&claimed.iss).ok_or(TokenError::Issuer)?;
        let key = self.keys(issuer, expected)?.key(&header.kid).await?;
        let checked = jsonwebtoken::decode::<WireClaims>(token, &key, &validation(issuer));
        let claims = checked.map_err(|error| library_refusal(error.kind()))?.claims;
        Ok(Signed { issuer, typ: header.typ, kid: header.kid, claims })
    }

    fn keys(&self, issuer: Service, expected: &Expected<'_>) -> Result<&KeySource, TokenError> {
        let trusted = self.trusted.get(&issuer).filter(|_| expected.issuers.contains(&issuer));
        trusted.ok_or(TokenError::Issuer)
    }

    fn judge(&self, signed: &Signed, expected: &Expected<'_>) -> Result<Verified, TokenError> {
        let claims = &signed.claims;
        if signed.typ != expected.typ {
            return Err(TokenError::Type);
        }
        if claims.aud != expected.aud.text() {
            return Err(TokenError::Audience);
        }
        if claims.jti.is_empty() {
            return Err(TokenError::Claims);
        }
        check_times(claims, seconds(self.clock.now()))?;
        Ok(Verified {
            caller: caller(signed.issuer, claims)?,
            sid: claims.sid.clone(),
            jti: claims.jti.clone(),
            issued_at_s: claims.iat,
            expires_at_s: claims.exp,
        })
    }
}

impl From<NoKey> for TokenError {
    fn from(error: NoKey) -> Self {
        match error {
            NoKey::Unknown => TokenError::Key,
            NoKey::Unavailable => TokenError::Unavailable,
        }
    }
}

/// The library checks the signature, and once more the algorithm and the issuer. Its checks of audience and times are
/// off: it takes lists for audiences, rounds floats, and reads a clock of its own.
fn validation(issuer: Service) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation.set_issuer(&[issuer.text()]);
    validation.validate_aud = false;
    validation.validate_exp = false;
    validation
}

fn library_refusal(kind: &ErrorKind) -> TokenError {
    if matches!(kind, ErrorKind::InvalidSignature | ErrorKind::Base64(_)) {
        TokenError::Signature
    } else {
        // A claim that it does not take for what it should be, such as a time before 1970.
        TokenError::Claims
    }
}

/// Header and claims of a token with three parts in base64url; nothing before, between or after them.
fn parts(token: &str) -> Result<(&str, &str), TokenError> {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(claims), Some(signature), None)
            if is_part(header) && is_part(claims) && is_part(signature) =>
        {
            Ok((header, claims))
        }
        _ => Err(TokenError::Malformed),
    }
}

fn read<T: DeserializeOwned>(part: &str, otherwise: TokenError) -> Result<T, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| otherwise)
}

fn check_times(claims: &WireClaims, now_s: i64) -> Result<(), TokenError> {
    let lifetime_s = claims.exp.checked_sub(claims.iat).ok_or(TokenError::Lifetime)?;
    if !(1..=MAX_TOKEN_LIFETIME_S).contains(&lifetime_s) || claims.nbf < claims.iat || claims.nbf >= claims.exp {
        return Err(TokenError::Lifetime);
    }
    if now_s.saturating_add(LEEWAY_S) < claims.nbf.max(claims.iat) {
        return Err(TokenError::NotYetValid);
    }
    if now_s.saturating_sub(LEEWAY_S) >= claims.exp {
        return Err(TokenError::Expired);
    }
    Ok(())
}

/// The caller that a token names. Only the gateway speaks for others; every other service speaks for itself.
fn caller(issuer: Service, claims: &WireClaims) -> Result<Caller, TokenError> {
    let who = Who::read(&claims.role, &claims.sub).ok_or(TokenError::Claims)?;
    let itself = who == Who::Service(issuer);
    let speaks_for_others = issuer == Service::Gateway && !matches!(who, Who::Service(_));
    if !itself && !speaks_for_others {
        return Err(TokenError::Subject);
    }
    let act = match &claims.act {
        None => None,
        Some(actor) if actor.sub == issuer.text() => Some(issuer),
        Some(_) => return Err(TokenError::Subject),
    };
    Ok(Caller { who, scopes: Scopes::known_in(&claims.scope), act, client_id: claims.client_id.clone() })
}
