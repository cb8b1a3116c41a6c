use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;
use jsonwebtoken::DecodingKey;
use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Keys in a set at most.
const MAX_KEYS: usize = 16;

/// A JSON Web Key Set (RFC 7517 §5) with the public keys of one issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct Jwks {
    pub keys: Vec<Jwk>,
}

/// An Ed25519 public key as a JSON Web Key (RFC 8037 §2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct Jwk {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    #[serde(default)]
    pub crv: String,
    /// The public key, 32 bytes in base64url.
    #[serde(default)]
    pub x: String,
    /// The key's id: its thumbprint (RFC 7638).
    #[serde(default)]
    pub kid: String,
    /// `EdDSA`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alg: Option<String>,
    /// `sig`.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<String>,
}

impl Jwk {
    pub(super) fn of(public_key: &[u8; 32]) -> Jwk {
        Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: URL_SAFE_NO_PAD.encode(public_key),
            kid: thumbprint(public_key),
            alg: Some("EdDSA".to_owned()),
            usage: Some("sig".to_owned()),
        }
    }

    /// The key, if it is one that a token of ours can be signed with.
    fn public_key(&self) -> Option<[u8; 32]> {
        let fits = self.kty == "OKP"
            && self.crv == "Ed25519"
            && self.alg.as_deref().is_none_or(|alg| alg == "EdDSA")
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && is_plain_kid(&self.kid);
        let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(&self.x).ok()?.try_into().ok()?;
        let sound = VerifyingKey::from_bytes(&bytes).is_ok_and(|key| !key.is_weak());
        (fits && sound).then_some(bytes)
    }
}

/// The id of a key: the thumbprint of RFC 7638, so that it says nothing and never clashes.
pub(super) fn thumbprint(public_key: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public_key);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

/// Whether this can be the id of a key: short, and of the letters of base64url.
pub(super) fn is_plain_kid(kid: &str) -> bool {
    let plain = kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    plain && (1..=64).contains(&kid.len())
}

/// The public keys of one issuer, ready to verify with.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: BTreeMap<String, DecodingKey>,
}

/// A document that is no key set to rely on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKeySet {
    #[error("the key set has no Ed25519 key")]
    Empty,
    #[error("the key set has more than {MAX_KEYS} keys")]
    TooMany,
}

impl KeySet {
    /// Reads a set. Keys of other kinds are passed over: they can sign nothing that is believed here.
    pub fn read(jwks: &Jwks) -> Result<KeySet, BadKeySet> {
        if jwks.keys.len() > MAX_KEYS {
            return Err(BadKeySet::TooMany);
        }
        let usable = jwks.keys.iter().filter_map(|key| Some((key.kid.clone(), key.public_key()?)));
        let keys: BTreeMap<_, _> = usable.map(|(kid, bytes)| (kid, DecodingKey::from_ed_der(&bytes))).collect();
        if keys.is_empty() { Err(BadKeySet::Empty) } else { Ok(KeySet { keys }) }
    }

    pub(super) fn get(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.get(kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").expect("base64url");
        let key: [u8; 32] = x.try_into().expect("32 bytes");
        assert_eq!(thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(Jwk::of(&key).public_key(), Some(key));
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over_and_a_set_without_ours_is_refused() {
        let key: [u8; 32] = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes();
        let good = Jwk::of(&key);
        let spoilt = [
            Jwk { kty: "oct".into(), ..good.clone() },
            Jwk { crv: "Ed448".into(), ..good.clone() },
            Jwk { alg: Some("HS256".into()), ..good.clone() },
            Jwk { usage: Some("enc".into()), ..good.clone() },
            Jwk { kid: "../../etc/passwd".into(), ..good.clone() },
            Jwk { x: "AAAA".into(), ..good.clone() },
            // The neutral element: everybody can sign for it.
            Jwk { x: URL_SAFE_NO_PAD.encode([[1].as_slice(), &[0; 31]].concat()), ..good.clone() },
        ];
        for key in &spoilt {
            assert_eq!(KeySet::read(&Jwks { keys: vec![key.clone()] }).err(), Some(BadKeySet::Empty), "{key:?}");
        }
        let mixed = KeySet::read(&Jwks { keys: [spoilt.as_slice(), std::slice::from_ref(&good)].concat() });
        assert!(mixed.expect("one key fits").get(&good.kid).is_some());
    }
}
