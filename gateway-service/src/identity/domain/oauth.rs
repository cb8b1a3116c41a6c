use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::{Host, Url};

/// Where an application is sent back to, as it was registered. Two of them are the same when every letter is
/// (RFC 9700 §2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

/// Why a text is no address to send somebody back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    #[error("is not an absolute URI")]
    NotAbsolute,
    #[error("has a fragment, which would be lost")]
    Fragment,
    #[error("has a user name or a password in it")]
    Credentials,
    #[error("is not https; http is for this machine only, and an app's own scheme has a dot in it")]
    Scheme,
    #[error("has more than {MAX_REDIRECT_URI_CHARS} characters")]
    TooLong,
}

/// Characters in a redirect URI at most.
pub const MAX_REDIRECT_URI_CHARS: usize = 1_000;

impl RedirectUri {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a page must be allowed to send its form on to: the origin, or the scheme of an app.
    pub fn source(&self) -> String {
        let url = Url::parse(&self.0).expect("BUG: it was parsed when it was read");
        match url.origin() {
            url::Origin::Tuple(..) => url.origin().ascii_serialization(),
            url::Origin::Opaque(_) => format!("{}:", url.scheme()),
        }
    }

    /// This address with these parameters behind those that it has (RFC 6749 §4.1.2).
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&self.0).expect("BUG: it was parsed when it was read");
        url.query_pairs_mut().extend_pairs(parameters);
        url.into()
    }
}

impl FromStr for RedirectUri {
    type Err = RedirectUriError;

    fn from_str(text: &str) -> Result<Self, RedirectUriError> {
        if text.len() > MAX_REDIRECT_URI_CHARS {
            return Err(RedirectUriError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| RedirectUriError::NotAbsolute)?;
        // What the parser would tidy up is not taken: it would not be the same letters.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['\\', '"', '<', '>']) {
            return Err(RedirectUriError::NotAbsolute);
        }
        if url.fragment().is_some() {
            return Err(RedirectUriError::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RedirectUriError::Credentials);
        }
        let is_local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" if url.host().is_some() => {}
            "http" if is_local => {}
            // RFC 8252 §7.1: an app's own scheme is a domain name of its maker, the other way round.
            scheme if scheme.contains('.') => {}
            _ => return Err(RedirectUriError::Scheme),
        }
        Ok(RedirectUri(text.to_owned()))
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A PKCE challenge of the method S256 (RFC 7636 §4.2), the only one taken here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Base64url of a SHA-256: 43 characters.
    pub fn read(text: &str) -> Option<CodeChallenge> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| CodeChallenge(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the verifier behind the challenge: 43 to 128 of the letters that RFC 7636 §4.1 allows.
    pub fn is_met_by(&self, verifier: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let fits = (43..=128).contains(&verifier.len()) && verifier.bytes().all(allowed);
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        fits && bool::from(hash.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

/// The parameters of a query or a form, none of them twice (RFC 6749 §3.1, §3.2). An empty one counts as absent.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The name of a parameter that is there twice is the error.
    pub fn read(text: &[u8]) -> Result<Parameters, String> {
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            if all.iter().any(|(known, _)| *known == name) {
                return Err(name.into_owned());
            }
            all.push((name.into_owned(), value.into_owned()));
        }
        Ok(Parameters(all.into_iter().filter(|(_, value)| !value.is_empty()).collect()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_reach_the_application_itself_are_taken() {
        for good in [
            "https://app.example/callback",
            "https://app.example:8443/cb?tenant=7",
            "http://127.0.0.1:9999/cb",
            "http://localhost/cb",
            "http://[::1]:9000/",
            "com.example.app:/oauth",
        ] {
            assert_eq!(good.parse::<RedirectUri>().map(|uri| uri.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "/callback",
            "app.example/cb",
            "http://app.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "https://app.example/cb#token",
            "https://ana:secret@app.example/cb",
            "javascript:alert(1)",
            "data:text/html,hello",
            "myapp:/cb",
            "https://app.example/c b",
            "https://app.example\\@evil.example/",
            "https://app.example/\"><script>",
            "https://app.example/\n",
        ] {
            assert!(bad.parse::<RedirectUri>().is_err(), "{bad}");
        }
        assert!(format!("https://app.example/{}", "x".repeat(1_000)).parse::<RedirectUri>().is_err());
    }

    #[test]
    fn an_answer_is_added_to_the_parameters_that_are_there_and_cannot_break_out() {
        let uri: RedirectUri = "https://app.example/cb?tenant=7".parse().expect("an address");
        let answer = uri.with(&[("code", "lcc_1"), ("state", "a b&code=2#x")]);
        assert_eq!(answer, "https://app.example/cb?tenant=7&code=lcc_1&state=a+b%26code%3D2%23x");
        assert_eq!(uri.source(), "https://app.example");
        assert_eq!("com.example.app:/cb".parse::<RedirectUri>().expect("an address").source(), "com.example.app:");
    }

    #[test]
    fn a_challenge_is_met_by_its_verifier_only() {
        // The example of RFC 7636, appendix B.
        let challenge = CodeChallenge::read("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").expect("a challenge");
        assert!(challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
        assert!(!challenge.is_met_by("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        assert!(!challenge.is_met_by(""));
        for bad in ["", "short", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", &"x".repeat(44)] {
            assert_eq!(CodeChallenge::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_parameter_that_is_there_twice_is_an_error_and_an_empty_one_is_absent() {
        let read = Parameters::read(b"a=1&b=&c=x+y%26").expect("each once");
        assert_eq!((read.get("a"), read.get("b"), read.get("c"), read.get("d")), (Some("1"), None, Some("x y&"), None));
        assert_eq!(Parameters::read(b"a=1&b=2&a=1").err(), Some("a".to_owned()));
        assert!(Parameters::read(b"a=&a=1").is_err());
    }
}
