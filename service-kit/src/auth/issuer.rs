use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use rand::{TryRng, rngs::SysRng};
use shared_types::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    caller::Service,
    ed25519,
    keys::{Jwk, Jwks, thumbprint},
    rotation::Span,
    store::{self, Candidate, StoredKey},
    token::{ACCESS_TOKEN_TYP, Actor, Claims, MAX_TOKEN_LIFETIME_S, Token, WireClaims, seconds},
};
use crate::{
    Clock,
    db::{Db, DbError, Tx},
};

/// Keys are looked at this often: a replica publishes a new one long before anybody signs with it.
const LOOK_AGAIN_AFTER_S: u64 = 60;

/// Signs the tokens of one service. Clones share their keys.
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    service: Service,
    clock: Clock,
    db: Db,
    keys: RwLock<Arc<[Key]>>,
}

struct Key {
    span: Span,
    kid: String,
    public: [u8; 32],
    private: EncodingKey,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    #[error("a token holds for 1 to {MAX_TOKEN_LIFETIME_S} whole seconds")]
    Lifetime,
    #[error("no signing key is active at this instant")]
    NoKey,
    #[error("the token was not signed: {0}")]
    Signing(String),
}

impl Issuer {
    /// Opens the keys of `service` in its own database, made on the first start.
    pub async fn open(service: Service, db: Db, clock: Clock) -> Result<Issuer, DbError> {
        ed25519::install();
        let issuer = Issuer(Arc::new(Inner { service, clock, db, keys: RwLock::new(Arc::new([])) }));
        let rotation = issuer.rotation()?;
        issuer.take_over(&issuer.0.db.write_at_start(rotation).await?);
        Ok(issuer)
    }

    /// Whose tokens these are: their `iss`.
    pub fn service(&self) -> Service {
        self.0.service
    }

    pub fn clock(&self) -> Clock {
        self.0.clock
    }

    /// Rotates the keys where it is time, and takes over what other replicas did.
    pub async fn rotate(&self) -> Result<(), DbError> {
        let stored = self.0.db.write(self.rotation()?).await?;
        self.take_over(&stored);
        Ok(())
    }

    fn rotation(&self) -> Result<impl Fn(&mut Tx<'_>) -> Result<Vec<StoredKey>, DbError> + use<>, DbError> {
        let (now, candidate) = (self.0.clock.now(), candidate()?);
        Ok(move |tx: &mut Tx<'_>| store::rotated(tx, now, &candidate))
    }

    fn take_over(&self, stored: &[StoredKey]) {
        let keys: Arc<[Key]> = stored.iter().map(Key::read).collect();
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Looks after the keys until the service stops.
    pub async fn keep_rotating(self, stopping: CancellationToken) {
        let mut ticks = tokio::time::interval(Duration::from_secs(LOOK_AGAIN_AFTER_S));
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.rotate().await {
                tracing::warn!(service = %self.0.service, %error, "the signing keys were not looked at");
            }
        }
    }

    /// A new token.
    pub fn mint(&self, claims: &Claims) -> Result<Token, MintError> {
        self.mint_within(claims, None)
    }

    /// A new token of this sign-in (`sid`), so that who ends the sign-in can refuse the token before it expires.
    pub fn mint_within(&self, claims: &Claims, sid: Option<&str>) -> Result<Token, MintError> {
        let now = self.0.clock.now();
        let lifetime_s = i64::try_from(claims.lifetime.as_secs()).map_err(|_| MintError::Lifetime)?;
        if !(1..=MAX_TOKEN_LIFETIME_S).contains(&lifetime_s) || claims.lifetime.subsec_nanos() != 0 {
            return Err(MintError::Lifetime);
        }
        let keys = self.keys();
        let key = keys.iter().rev().find(|key| key.span.signs_at(now)).ok_or(MintError::NoKey)?;
        let expires_s = seconds(now) + lifetime_s;
        let wire = WireClaims { sid: sid.map(str::to_owned), ..self.wire(claims, seconds(now), expires_s) };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(ACCESS_TOKEN_TYP.to_owned());
        header.kid = Some(key.kid.clone());
        let text = jsonwebtoken::encode(&header, &wire, &key.private);
        let text = text.map_err(|error| MintError::Signing(error.to_string()))?;
        Ok(Token::new(&text, Timestamp::from_micros(expires_s.saturating_mul(1_000_000))))
    }

    fn wire(&self, claims: &Claims, now_s: i64, expires_s: i64) -> WireClaims {
        let caller = &claims.caller;
        WireClaims {
            iss: self.0.service.text().to_owned(),
            sub: caller.who.subject(),
            aud: claims.aud.text().to_owned(),
            exp: expires_s,
            iat: now_s,
            nbf: now_s,
            jti: Uuid::now_v7().to_string(),
            role: caller.role().text().to_owned(),
            scope: caller.scopes.to_string(),
            scopes: self.shown_scopes(claims),
            act: caller.act.map(|service| Actor { sub: service.text().to_owned() }),
            client_id: caller.client_id.clone(),
            sid: None,
        }
    }

    /// Only a token that its holder sees, for the door by which he comes in, needs to be readable for him.
    fn shown_scopes(&self, claims: &Claims) -> Vec<String> {
        let is_holders = claims.aud == self.0.service;
        claims.caller.scopes.iter().filter(|_| is_holders).map(|scope| scope.to_string()).collect()
    }

    /// The public keys, for `/.well-known/jwks.json`.
    pub fn jwks(&self) -> Jwks {
        let now = self.0.clock.now();
        let keys = self.keys();
        Jwks { keys: keys.iter().filter(|key| key.span.is_published_at(now)).map(|key| Jwk::of(&key.public)).collect() }
    }

    /// A public key, for the issuer's own verifier.
    pub(super) fn public_key(&self, kid: &str) -> Option<DecodingKey> {
        let now = self.0.clock.now();
        let keys = self.keys();
        let key = keys.iter().find(|key| key.kid == kid && key.span.is_published_at(now))?;
        Some(DecodingKey::from_ed_der(&key.public))
    }

    fn keys(&self) -> Arc<[Key]> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.0.service)
    }
}

impl Key {
    fn read(stored: &StoredKey) -> Key {
        let public = SigningKey::from_bytes(&stored.private_key).verifying_key().to_bytes();
        Key {
            span: stored.span,
            kid: thumbprint(&public),
            public,
            private: EncodingKey::from_ed_der(&stored.private_key),
        }
    }
}

fn candidate() -> Result<Candidate, DbError> {
    let mut private_key = [0; 32];
    let no_randomness = |error| DbError::Unavailable(format!("the system has no random numbers: {error}"));
    SysRng.try_fill_bytes(&mut private_key).map_err(no_randomness)?;
    let public_key = SigningKey::from_bytes(&private_key).verifying_key().to_bytes();
    Ok(Candidate { kid: thumbprint(&public_key), private_key, public_key })
}
