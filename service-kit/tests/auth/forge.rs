use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use service_kit::{
    Clock,
    auth::{Caller, Expected, Jwk, Jwks, KeySet, KeySource, Service, TokenError, Verifier},
};

pub const ACCOUNT: &str = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";
pub const GATEWAY_KID: &str = "gateway-1";
pub const ORDER_KID: &str = "order-1";

/// The gateway's key of these tests.
pub fn gateway_key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

/// The order service's key of these tests.
pub fn order_key() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

pub fn jwk(kid: &str, key: &SigningKey) -> Jwk {
    Jwk {
        kty: "OKP".into(),
        crv: "Ed25519".into(),
        x: URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes()),
        kid: kid.into(),
        alg: Some("EdDSA".into()),
        usage: Some("sig".into()),
    }
}

pub fn jwks(keys: &[(&str, &SigningKey)]) -> Jwks {
    Jwks { keys: keys.iter().map(|(kid, key)| jwk(kid, key)).collect() }
}

/// The catalog's verifier, which trusts the gateway and the order service.
pub fn verifier() -> Verifier {
    let fixed = |kid, key: SigningKey| KeySource::fixed(KeySet::read(&jwks(&[(kid, &key)])).unwrap());
    Verifier::new(Clock::system())
        .trust(Service::Gateway, fixed(GATEWAY_KID, gateway_key()))
        .trust(Service::Order, fixed(ORDER_KID, order_key()))
}

pub async fn verify(token: &str) -> Result<Caller, TokenError> {
    verifier().verify(token, &Expected::access(Service::Catalog)).await
}

pub fn now_s() -> i64 {
    Clock::system().now().micros() / 1_000_000
}

/// A token in the making: a good one until a test spoils it.
pub struct Draft {
    pub header: Value,
    pub claims: Value,
    pub key: SigningKey,
}

/// What the gateway sends to the catalog on behalf of a customer.
pub fn good() -> Draft {
    let now = now_s();
    Draft {
        header: json!({"alg": "EdDSA", "typ": "at+jwt", "kid": GATEWAY_KID}),
        claims: json!({
            "iss": "gateway", "sub": ACCOUNT, "aud": "catalog", "exp": now + 300, "iat": now, "nbf": now, "jti": "1",
            "role": "customer", "scope": "items:read orders:write", "act": {"sub": "gateway"},
        }),
        key: gateway_key(),
    }
}

/// What the order service sends to the catalog for itself.
pub fn good_of_order() -> Draft {
    let mut draft = good();
    draft.header["kid"] = json!(ORDER_KID);
    draft.claims["iss"] = json!("order");
    draft.claims["sub"] = json!("order");
    draft.claims["role"] = json!("service");
    draft.claims.as_object_mut().unwrap().remove("act");
    draft.key = order_key();
    draft
}

pub fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Draft {
    pub fn signed(&self) -> String {
        self.signed_with_claims(&self.claims.to_string())
    }

    /// Claims as text, where JSON values cannot say it.
    pub fn signed_with_claims(&self, claims: &str) -> String {
        let message = format!("{}.{}", part(self.header.to_string()), part(claims));
        let signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", part(signature.to_bytes()))
    }
}

/// How the token is refused that differs from a good one by `spoil` alone.
pub async fn spoilt(spoil: impl FnOnce(&mut Draft)) -> TokenError {
    let mut draft = good();
    assert!(verify(&draft.signed()).await.is_ok(), "the token is good before it is spoilt");
    spoil(&mut draft);
    verify(&draft.signed()).await.unwrap_err()
}
