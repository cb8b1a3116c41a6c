use serde::Serialize;
use service_kit::http::IdempotencyKey;
use sha2::{Digest, Sha256};

use crate::{answer::Route, store::keys::Key};

/// The key of a request, told apart from others by everything that was asked.
pub(super) fn key<T: Serialize>(header: IdempotencyKey, route: Route, asked: &T) -> Option<Key> {
    let asked = serde_json::to_vec(asked).expect("BUG: a parsed request serialises");
    header.0.map(|key| Key { route, key, fingerprint: Sha256::digest(&asked).to_vec() })
}
