use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::{TryRng, rngs::SysRng};
use shared_types::Secret;

/// Random bytes in a secret; Standard Webhooks asks for 24 to 64.
const SECRET_BYTES: usize = 32;

/// A secret for a new subscriber, `whsec_` and Base64.
pub(crate) fn fresh() -> Secret {
    let mut bytes = [0; SECRET_BYTES];
    SysRng.try_fill_bytes(&mut bytes).expect("BUG: an operating system without randomness cannot run a shop");
    Secret::new(format!("whsec_{}", STANDARD.encode(bytes)))
}
