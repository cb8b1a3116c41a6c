use std::str::FromStr;

use base64::{Engine, engine::general_purpose::STANDARD};
use shared_types::Secret;

/// The secrets of one sender: the one in force and, while it is being replaced, the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets(Vec<Secret>);

/// Secrets of one sender at most: one in force, one on its way out.
const MAX_SECRETS: usize = 2;
/// Characters in a secret at least. Shorter ones can be tried out.
const MIN_SECRET_CHARS: usize = 6;

impl FromStr for Secrets {
    type Err = String;

    /// `new` or `new,old`. An empty secret is none: with it everybody could sign.
    fn from_str(text: &str) -> Result<Secrets, String> {
        let secrets: Vec<&str> = text.split(',').map(str::trim).collect();
        if secrets.len() > MAX_SECRETS {
            return Err(format!("at most {MAX_SECRETS} secrets, separated by a comma"));
        }
        if secrets.iter().any(|secret| secret.is_empty()) {
            return Err("an empty secret is none: with it everybody could sign".to_owned());
        }
        if secrets.iter().any(|secret| secret.chars().count() < MIN_SECRET_CHARS) {
            return Err(format!("a secret has at least {MIN_SECRET_CHARS} characters"));
        }
        Ok(Secrets(secrets.into_iter().map(Secret::new).collect()))
    }
}

impl Secrets {
    /// The secrets as they were given: the keys of the schemes with a `t=`.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Secret::expose)
    }

    /// The keys of Standard Webhooks: what stands behind `whsec_`, out of base64. A secret that is no base64 is its own
    /// key.
    pub fn standard_keys(&self) -> impl Iterator<Item = Vec<u8>> {
        self.texts().map(|text| {
            let base64 = text.strip_prefix("whsec_").unwrap_or(text);
            STANDARD.decode(base64).ok().filter(|key| !key.is_empty()).unwrap_or_else(|| text.as_bytes().to_vec())
        })
    }

    /// Whether somebody else has one of these, too.
    pub fn overlap(&self, other: &Secrets) -> bool {
        self.texts().any(|text| other.texts().any(|theirs| theirs == text))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_empty_and_there_are_two_at_most() {
        for refused in ["", " ", ",", "a secret,", ",a secret", "short", "first one,second one,third one"] {
            assert!(refused.parse::<Secrets>().is_err(), "{refused:?}");
        }
        let two: Secrets = "new secret, old secret".parse().unwrap();
        assert_eq!(two.texts().collect::<Vec<_>>(), ["new secret", "old secret"]);
        assert!(two.overlap(&"old secret".parse().unwrap()));
        assert!(!two.overlap(&"another secret".parse().unwrap()));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secrets: Secrets = "whsec_dGhlIGtleQ==".parse().unwrap();
        assert_eq!(format!("{secrets:?}"), "Secrets([[secret]])");
        assert_eq!(secrets.standard_keys().collect::<Vec<_>>(), [b"the key".to_vec()]);
        let plain: Secrets = "not base64!".parse().unwrap();
        assert_eq!(plain.standard_keys().collect::<Vec<_>>(), [b"not base64!".to_vec()]);
    }
}
