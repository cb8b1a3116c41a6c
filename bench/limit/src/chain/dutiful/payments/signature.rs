//! `X-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>." + body>`.

use std::sync::LazyLock;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// It is no secret here: what counts is that it is computed, and checked.
const SECRET: &[u8] = b"what both sides of a webhook know";
/// A webhook was signed so many seconds ago at most.
const TOLERANCE_S: u64 = 300;

static KEYED: LazyLock<Hmac<Sha256>> =
    LazyLock::new(|| Hmac::new_from_slice(SECRET).expect("BUG: HMAC takes keys of any length"));

/// The header for a body that is sent now.
pub fn sign(body: &[u8], at_s: i64) -> String {
    let digest = code(&at_s.to_string(), body).finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at_s},v1={hex}")
}

/// Whether the header is ours for this body, and of these minutes.
pub fn is_signed(header: &str, body: &[u8], now_s: i64) -> bool {
    let parts = header.split_once(',').map(|(at, code)| (at.strip_prefix("t="), code.strip_prefix("v1=")));
    let Some((Some(at), Some(hex))) = parts else { return false };
    let is_recent = at.parse().is_ok_and(|at: i64| now_s.abs_diff(at) <= TOLERANCE_S);
    is_recent && unhex(hex).is_some_and(|signature| code(at, body).verify_slice(&signature).is_ok())
}

fn code(at: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut code = KEYED.clone();
    code.update(at.as_bytes());
    code.update(b".");
    code.update(body);
    code
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_signed, sign};

    #[test]
    fn a_signature_is_of_its_body_and_its_time() {
        let signature = sign(b"{}", 1_000);
        assert!(is_signed(&signature, b"{}", 1_300));
        assert!(!is_signed(&signature, b"{}", 1_301));
        assert!(!is_signed(&signature, b"[]", 1_000));
        for other in [
            &signature.replace("t=1000", "t=1001"),
            &signature[..signature.len() - 2],
            "t=1000,v1=",
            "",
            "v1=00,t=1000",
        ] {
            assert!(!is_signed(other, b"{}", 1_000), "{other}");
        }
    }
}
