use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::wire::Checkout;

/// In the shop it is made at random, once.
const CARD_KEY: &[u8; 32] = b"nobody tries numbers without it.";

/// What tells a request apart from others under the same key. A card enters by a keyed code only: who reads the stored
/// fingerprints cannot find its number by trying numbers.
pub fn fingerprint(checkout: &Checkout) -> [u8; 32] {
    let asked = serde_json::to_vec(checkout).unwrap_or_default();
    let Some(card) = &checkout.card else { return Sha256::digest(asked).into() };
    let mut code = Hmac::<Sha256>::new_from_slice(CARD_KEY).expect("BUG: a key may have any length");
    code.update(&asked);
    for part in [card.digits().as_str(), card.expiry.as_str(), card.cvc.as_deref().unwrap_or_default()] {
        code.update(&part.len().to_be_bytes());
        code.update(part.as_bytes());
    }
    code.finalize().into_bytes().into()
}
