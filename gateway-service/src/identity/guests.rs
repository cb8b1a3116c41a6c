//! Visitors without an account. With his first purchase a guest gets a token, signed and kept nowhere, with which he
//! sees his orders and cancels them.
//!
//! Whoever repeats his first purchase because no answer came has no token yet. His `Idempotency-Key` makes him the same
//! guest again, if it is one that nobody guesses; so one key is one order for guests, too.

use actix_web::{HttpMessage, HttpRequest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use service_kit::{
    auth::{Caller, Refusal, Who},
    db::{Db, DbError},
};
use sha2::Sha256;
use shared_types::{Secret, limits::MAX_IDEMPOTENCY_KEY_CHARS};

use super::{opaque, store};

/// The header of a guest's token, given and sent. Browsers get and send a cookie as well.
pub const GUEST_TOKEN: &str = "x-guest-token";
/// What every guest's token begins with.
const PREFIX: &str = "lcg_";
/// An `Idempotency-Key` shorter than a random UUID without hyphens can be somebody else's by chance.
const MIN_UNGUESSABLE_KEY_CHARS: usize = 32;
/// Bytes of the key under which tokens are signed.
const KEY_BYTES: usize = 32;
/// Bytes of a guest's id.
const ID_BYTES: usize = 16;

/// Makes guests and knows them again.
pub struct Guests {
    key: Vec<u8>,
    /// Whether a visitor without a credential may become one.
    welcome: bool,
}

/// The token of a guest who was made for this request, for the answer to carry.
#[derive(Clone)]
pub struct FreshGuest(pub Secret);

impl Guests {
    /// Opens the key, made on the first start.
    pub async fn open(db: &Db, welcome: bool) -> Result<Guests, DbError> {
        let candidate = opaque::random_bytes::<KEY_BYTES>();
        let key = db.write_at_start(move |tx| store::guests::key(tx, &candidate)).await?;
        Ok(Guests { key, welcome })
    }

    /// A new guest, where guests are welcome; his token goes out with the answer.
    pub fn welcome(&self, request: &HttpRequest) -> Option<Caller> {
        if !self.welcome {
            return None;
        }
        let id = self.id_for(idempotency_key(request));
        request.extensions_mut().insert(FreshGuest(self.token(&id)));
        Some(guest(id))
    }

    /// The guest whose token this is.
    pub fn read(&self, token: &str) -> Result<Caller, Refusal> {
        let refused = Refusal::BadCredential("the guest token is none of ours");
        let Some((id, mac)) = token.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else {
            return Err(refused);
        };
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| refused.clone())?;
        self.mac("token", id).verify_slice(&mac).map_err(|_| refused)?;
        Ok(guest(id.to_owned()))
    }

    fn id_for(&self, key: Option<&str>) -> String {
        let bytes = match key {
            Some(key) => self.mac("first purchase", key).finalize().into_bytes().to_vec(),
            None => opaque::random_bytes::<ID_BYTES>().to_vec(),
        };
        bytes.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }

    fn token(&self, id: &str) -> Secret {
        let mac = URL_SAFE_NO_PAD.encode(self.mac("token", id).finalize().into_bytes());
        Secret::new(format!("{PREFIX}{id}_{mac}"))
    }

    fn mac(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("BUG: HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        mac
    }
}

fn guest(id: String) -> Caller {
    Caller::first_hand(Who::Guest(id))
}

/// The one key of the request, where nobody else's is the same by chance.
fn idempotency_key(request: &HttpRequest) -> Option<&str> {
    let mut values = request.headers().get_all("idempotency-key");
    let key = values.next()?.to_str().ok()?;
    let length = key.chars().count();
    let unguessable = (MIN_UNGUESSABLE_KEY_CHARS..=MAX_IDEMPOTENCY_KEY_CHARS).contains(&length);
    (unguessable && values.next().is_none()).then_some(key)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn guests(key: u8) -> Guests {
        Guests { key: vec![key; 32], welcome: true }
    }

    fn made(guests: &Guests, key: &str) -> (Caller, Secret) {
        let request = TestRequest::default().insert_header(("idempotency-key", key)).to_http_request();
        let caller = guests.welcome(&request).expect("guests are welcome");
        let FreshGuest(token) = request.extensions().get::<FreshGuest>().cloned().expect("a token");
        (caller, token)
    }

    #[test]
    fn a_guest_is_known_again_by_his_token_and_by_no_other() {
        let guests_of_ours = guests(1);
        let (guest, token) = made(&guests_of_ours, "1");
        assert_eq!(guests_of_ours.read(token.expose()), Ok(guest));
        let text = token.expose();
        let other_id = format!("lcg_0{}", &text[5..]);
        let (_, of_another_shop) = made(&guests(2), "1");
        let cut = &text[..text.len() - 1];
        for forged in [other_id.as_str(), of_another_shop.expose(), cut, "", "lcg_", "lcg__", "lck_x_y"] {
            assert!(forged == text || guests_of_ours.read(forged).is_err(), "{forged}");
        }
    }

    #[test]
    fn a_key_that_nobody_guesses_makes_the_same_guest_again() {
        let guests = guests(1);
        let long = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";
        assert_eq!(made(&guests, long), made(&guests, long));
        assert_ne!(made(&guests, long).0, made(&guests, "01936f2e-7b1c-7cc3-98c4-dc0c0c073990").0);
        assert_ne!(made(&guests, "my-first-basket").0, made(&guests, "my-first-basket").0);
    }

    #[test]
    fn where_guests_are_not_welcome_nobody_becomes_one() {
        let closed = Guests { welcome: false, ..guests(1) };
        assert_eq!(closed.welcome(&TestRequest::default().to_http_request()), None);
        let (guest, token) = made(&guests(1), "1");
        assert_eq!(closed.read(token.expose()), Ok(guest), "who was one still sees his orders");
    }
}
