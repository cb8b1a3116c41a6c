use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRng, rngs::SysRng};
use sha2::{Digest, Sha256};
use shared_types::Secret;

/// Random bytes in every secret of our own: none of them can be guessed, so one fast hash is enough to store them.
const RANDOM_BYTES: usize = 32;

/// What a secret is for. Each kind begins with its own letters, so that a leaked one is recognised, by us and by
/// scanners of source code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpaqueKind {
    PasswordReset,
    ApiKey,
    AuthorizationCode,
    RefreshToken,
    ClientSecret,
    BrowserCookie,
    FormKey,
    OperatorKey,
}

impl OpaqueKind {
    const fn prefix(self) -> &'static str {
        match self {
            OpaqueKind::PasswordReset => "lcp_",
            OpaqueKind::ApiKey => "lck_",
            OpaqueKind::AuthorizationCode => "lcc_",
            OpaqueKind::RefreshToken => "lcr_",
            OpaqueKind::ClientSecret => "lcs_",
            OpaqueKind::BrowserCookie => "lcb_",
            OpaqueKind::FormKey => "lcf_",
            OpaqueKind::OperatorKey => "lco_",
        }
    }
}

/// A fresh secret: its text, which is shown once, and its hash, which is stored.
pub struct Opaque {
    pub secret: Secret,
    pub sha256: Vec<u8>,
}

impl Opaque {
    /// 32 bytes of the operating system's randomness.
    pub fn fresh(kind: OpaqueKind) -> Opaque {
        Opaque::from_text(format!("{}{}", kind.prefix(), random_text()))
    }

    /// As [`fresh`](Self::fresh), with an id in it by which its owner tells it from his others.
    pub fn fresh_with_id(kind: OpaqueKind, id: &str) -> Opaque {
        Opaque::from_text(format!("{}{id}_{}", kind.prefix(), random_text()))
    }

    fn from_text(text: String) -> Opaque {
        Opaque { sha256: sha256(&text), secret: Secret::new(text) }
    }
}

fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<RANDOM_BYTES>())
}

/// Of the operating system's randomness.
pub fn random_bytes<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    SysRng.try_fill_bytes(&mut bytes).expect("BUG: an operating system without randomness cannot run a shop");
    bytes
}

/// Letters and digits that nobody mistakes for one another (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A password for somebody to type: 100 random bits in four groups of five.
pub fn fresh_password() -> Secret {
    let letters = random_bytes::<20>().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    let groups: Vec<String> = letters.chunks(5).map(|group| group.iter().collect()).collect();
    Secret::new(groups.join("-"))
}

/// SHA-256 of a secret as it is stored. Finding a row by it tells a listener nothing: who cannot choose the hash cannot
/// learn from how long its comparison takes.
pub fn sha256(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_password_is_long_and_like_no_other() {
        let (one, other) = (fresh_password(), fresh_password());
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), 23);
        assert!(one.expose().parse::<shared_types::identity::NewPassword>().is_ok());
        assert!(one.expose().split('-').all(|group| group.len() == 5 && group.bytes().all(|c| LETTERS.contains(&c))));
    }

    #[test]
    fn a_secret_has_256_random_bits_and_is_stored_as_its_hash() {
        let (one, other) = (Opaque::fresh(OpaqueKind::PasswordReset), Opaque::fresh(OpaqueKind::PasswordReset));
        assert_ne!(one.secret, other.secret);
        let random = one.secret.expose().strip_prefix("lcp_").expect("its kind's letters");
        assert_eq!(URL_SAFE_NO_PAD.decode(random).expect("base64url").len(), 32);
        assert_eq!(one.sha256, sha256(one.secret.expose()));
        assert_eq!(one.sha256.len(), 32);
    }
}
