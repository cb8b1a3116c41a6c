//! Who sent this webhook, told by its signature. Pure: bytes, headers, secrets and an instant in, an answer out.
//!
//! Three schemes, all HMAC-SHA256 over the raw bytes of the body and the time of sending, so that nothing is parsed before
//! it is known to be genuine and nothing genuine can be sent again next week:
//!
//! | header | what is signed |
//! |---|---|
//! | `X-Signature: t=<unix s>,v1=<hex>` | `<t>.<body>` |
//! | `Stripe-Signature: t=<unix s>,v1=<hex>` | `<t>.<body>`, as Stripe has it |
//! | `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>` | `<id>.<timestamp>.<body>`, as Standard Webhooks has it |
//!
//! Every comparison is the MAC's own, which takes the same time wherever two texts differ.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared_types::Timestamp;

use super::secrets::Secrets;

/// A message may have been signed so many seconds ago, or by a clock so far ahead, at most.
pub const TOLERANCE_S: i64 = 300;
/// Signatures in one header that are looked at; a sender who rotates his secret sends two.
const MAX_SIGNATURES: usize = 5;

/// The headers of a webhook that say who sent it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    pub x_signature: Option<&'a str>,
    pub stripe_signature: Option<&'a str>,
    pub webhook_id: Option<&'a str>,
    pub webhook_timestamp: Option<&'a str>,
    pub webhook_signature: Option<&'a str>,
}

/// Who sends webhooks here: each has secrets of his own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// He reports money that arrived outside of any provider's API. His word is the money's own.
    Receipts,
    /// The sandbox provider. His word is a hint: he is asked.
    Sandbox,
    /// Stripe. His word is a hint, too.
    Stripe,
}

/// The secrets of each sender. A sender without any is believed nothing.
#[derive(Debug, Clone, Default)]
pub struct Senders {
    pub receipts: Option<Secrets>,
    pub sandbox: Option<Secrets>,
    pub stripe: Option<Secrets>,
}

/// Why a message is not believed: for the log, and never for its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error("it has no signature")]
    Unsigned,
    #[error("its signature cannot be read")]
    Unreadable,
    #[error("it was signed at another time")]
    Stale,
    #[error("nobody who is known has signed it")]
    Forged,
}

/// Tells who sent the message. The first scheme whose header is there is the one that counts.
pub fn verify(headers: &Headers<'_>, body: &[u8], senders: &Senders, now: Timestamp) -> Result<Sender, Distrust> {
    if let Some(header) = headers.x_signature {
        let known = [(Sender::Receipts, &senders.receipts), (Sender::Sandbox, &senders.sandbox)];
        Timed::read(header)?.sent_by(&known, body, now)
    } else if let Some(header) = headers.stripe_signature {
        Timed::read(header)?.sent_by(&[(Sender::Stripe, &senders.stripe)], body, now)
    } else if let Some(header) = headers.webhook_signature {
        standard(headers, header, body, senders, now)
    } else {
        Err(Distrust::Unsigned)
    }
}

/// `t=<unix s>,v1=<hex>[,v1=<hex>…]`. Other versions are somebody else's business.
struct Timed<'a> {
    at: &'a str,
    signatures: Vec<[u8; 32]>,
}

impl Timed<'_> {
    fn read(header: &str) -> Result<Timed<'_>, Distrust> {
        let (mut at, mut signatures) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", _)) if at.is_some() => return Err(Distrust::Unreadable),
                Some(("t", text)) => at = Some(text),
                Some(("v1", hex)) if signatures.len() < MAX_SIGNATURES => signatures.push(unhex(hex)?),
                Some(_) => {}
                None => return Err(Distrust::Unreadable),
            }
        }
        match at {
            Some(at) if !signatures.is_empty() => Ok(Timed { at, signatures }),
            _ => Err(Distrust::Unreadable),
        }
    }

    fn sent_by(&self, known: &[(Sender, &Option<Secrets>)], body: &[u8], now: Timestamp) -> Result<Sender, Distrust> {
        is_recent(self.at, now)?;
        for (sender, secrets) in known {
            let keys = secrets.iter().flat_map(|secrets| secrets.texts());
            if is_signed(keys.map(str::as_bytes), &[self.at.as_bytes(), b".", body], &self.signatures) {
                return Ok(*sender);
            }
        }
        Err(Distrust::Forged)
    }
}

/// Only who reports receipts speaks Standard Webhooks.
fn standard(
    headers: &Headers<'_>,
    signatures: &str,
    body: &[u8],
    senders: &Senders,
    now: Timestamp,
) -> Result<Sender, Distrust> {
    let (Some(id), Some(at)) = (headers.webhook_id, headers.webhook_timestamp) else {
        return Err(Distrust::Unreadable);
    };
    is_recent(at, now)?;
    let decode = |text: &str| STANDARD.decode(text).ok()?.try_into().ok();
    let ours = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let signatures: Vec<[u8; 32]> = ours.take(MAX_SIGNATURES).filter_map(decode).collect();
    if signatures.is_empty() {
        return Err(Distrust::Unreadable);
    }
    let keys: Vec<Vec<u8>> = senders.receipts.iter().flat_map(Secrets::standard_keys).collect();
    let signed = [id.as_bytes(), b".", at.as_bytes(), b".", body];
    if is_signed(keys.iter().map(Vec::as_slice), &signed, &signatures) {
        Ok(Sender::Receipts)
    } else {
        Err(Distrust::Forged)
    }
}

/// Whole seconds in one spelling, near enough to now.
fn is_recent(at: &str, now: Timestamp) -> Result<(), Distrust> {
    let seconds: i64 = at.parse().map_err(|_| Distrust::Unreadable)?;
    if seconds.to_string() != at {
        return Err(Distrust::Unreadable);
    }
    let now = now.micros().div_euclid(1_000_000);
    if now.abs_diff(seconds) <= TOLERANCE_S.unsigned_abs() { Ok(()) } else { Err(Distrust::Stale) }
}

/// Whether any of the keys has made any of the signatures.
fn is_signed<'k>(keys: impl Iterator<Item = &'k [u8]>, signed: &[&[u8]], signatures: &[[u8; 32]]) -> bool {
    let mut found = false;
    for key in keys {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("BUG: HMAC takes keys of any length");
        signed.iter().for_each(|part| mac.update(part));
        for signature in signatures {
            found |= mac.clone().verify_slice(signature).is_ok();
        }
    }
    found
}

fn unhex(text: &str) -> Result<[u8; 32], Distrust> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return Err(Distrust::Unreadable);
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        let digits = &text[2 * at..2 * at + 2];
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Distrust::Unreadable);
        }
        *byte = u8::from_str_radix(digits, 16).map_err(|_| Distrust::Unreadable)?;
    }
    Ok(bytes)
}
