use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use service_kit::http::IdempotencyKey;
use sha2::{Digest, Sha256};
use shared_types::{Secret, payments::Card};

use super::party::Party;
use crate::{answer::Route, store::keys::Key};

/// The key of a request, told apart from others by everything that was asked.
pub(super) fn key<T: Serialize>(header: IdempotencyKey, party: &Party, route: Route, asked: &T) -> Option<Key> {
    header.0.map(|key| Key {
        principal: party.principal(),
        route,
        key,
        fingerprint: Sha256::digest(asked_for(asked)).to_vec(),
    })
}

/// Likewise, of a request with a card. The card enters by a keyed code only: who reads the stored fingerprints cannot find
/// its number by trying numbers.
pub(super) fn key_with_card<T: Serialize>(
    header: IdempotencyKey,
    party: &Party,
    route: Route,
    asked: &T,
    card: Option<&Card>,
    secret: &Secret,
) -> Option<Key> {
    let mut code = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("BUG: a key may have any length");
    code.update(&asked_for(asked));
    if let Some(card) = card {
        let part =
            |text: &str| [&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes(), text.as_bytes()].concat();
        code.update(&part(&card.digits()));
        code.update(&part(card.expiry.expose()));
        code.update(&part(card.cvc.as_ref().map_or("", |cvc| cvc.expose())));
    }
    header.0.map(|key| Key {
        principal: party.principal(),
        route,
        key,
        fingerprint: code.finalize().into_bytes().to_vec(),
    })
}

fn asked_for<T: Serialize>(asked: &T) -> Vec<u8> {
    serde_json::to_vec(asked).expect("BUG: a parsed request serialises")
}
