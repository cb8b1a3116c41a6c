use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use service_kit::{
    Clock,
    auth::{Expected, KeySet, KeySource, MAX_TOKEN_BYTES, Scope, Service, TokenError, Verifier, Who},
};
use sha2::{Digest, Sha256};

use crate::forge::{
    ACCOUNT, GATEWAY_KID, ORDER_KID, gateway_key, good, good_of_order, jwk, jwks, order_key, part, spoilt, verifier,
    verify,
};

#[tokio::test]
async fn a_good_token_names_its_caller() {
    let caller = verify(&good().signed()).await.unwrap();
    assert_eq!(caller.who, Who::Customer(ACCOUNT.parse().unwrap()));
    assert_eq!(caller.act, Some(Service::Gateway));
    assert!(caller.may(Scope::OrdersWrite) && !caller.may(Scope::OrdersReview));
    let service = verify(&good_of_order().signed()).await.unwrap();
    assert_eq!((service.who, service.act), (Who::Service(Service::Order), None));
}

#[tokio::test]
async fn alg_none_is_refused() {
    for alg in ["none", "None", "NONE", ""] {
        let header = part(json!({"alg": alg, "typ": "at+jwt", "kid": GATEWAY_KID}).to_string());
        let claims = part(good().claims.to_string());
        assert_eq!(verify(&format!("{header}.{claims}.")).await, Err(TokenError::Malformed), "{alg}");
        assert_eq!(verify(&format!("{header}.{claims}.AAAA")).await, Err(TokenError::Algorithm), "{alg}");
    }
    assert_eq!(spoilt(|token| token.header["alg"] = json!("none")).await, TokenError::Algorithm);
}

/// RFC 2104, so that the attack is the real one.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([block.map(|byte| byte ^ 0x36).as_slice(), message].concat());
    Sha256::digest([block.map(|byte| byte ^ 0x5c).as_slice(), &inner].concat()).to_vec()
}

#[tokio::test]
async fn hs256_with_the_public_key_as_its_secret_is_refused() {
    let public = gateway_key().verifying_key().to_bytes();
    let text = URL_SAFE_NO_PAD.encode(public);
    for (alg, secret) in [("HS256", public.as_slice()), ("HS256", text.as_bytes()), ("EdDSA", public.as_slice())] {
        let mut draft = good();
        draft.header["alg"] = json!(alg);
        let message = format!("{}.{}", part(draft.header.to_string()), part(draft.claims.to_string()));
        let token = format!("{message}.{}", part(hmac_sha256(secret, message.as_bytes())));
        let expected = if alg == "EdDSA" { TokenError::Signature } else { TokenError::Algorithm };
        assert_eq!(verify(&token).await, Err(expected));
    }
}

#[tokio::test]
async fn every_other_algorithm_is_refused() {
    let others = ["HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "Ed25519", "Ed448", "eddsa", "EdDSA "];
    for alg in others {
        assert_eq!(spoilt(|token| token.header["alg"] = json!(alg)).await, TokenError::Algorithm, "{alg}");
    }
}

#[tokio::test]
async fn an_unknown_kid_is_refused() {
    assert_eq!(spoilt(|token| token.header["kid"] = json!("gateway-2")).await, TokenError::Key);
    assert_eq!(spoilt(|token| drop(token.header.as_object_mut().unwrap().remove("kid"))).await, TokenError::Header);
}

#[tokio::test]
async fn an_odd_kid_is_refused() {
    for kid in ["", "../../../dev/null", "' or 1=1 --", "gateway-1\u{0}", "http://evil.example/key", &"k".repeat(65)] {
        assert_eq!(spoilt(|token| token.header["kid"] = json!(kid)).await, TokenError::Key, "{kid}");
    }
    for kid in [json!(1), json!(null), json!(["gateway-1"]), json!({"kid": "gateway-1"})] {
        assert_eq!(spoilt(|token| token.header["kid"] = kid.clone()).await, TokenError::Header, "{kid}");
    }
}

#[tokio::test]
async fn embedded_and_linked_keys_are_refused() {
    let key = serde_json::to_value(jwk("own", &gateway_key())).unwrap();
    let members = [
        ("jwk", key),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
    ];
    for (name, value) in members {
        assert_eq!(spoilt(|token| token.header[name] = value).await, TokenError::Header, "{name}");
    }
}

#[tokio::test]
async fn crit_and_every_unknown_header_is_refused() {
    let members = [("crit", json!(["exp"])), ("crit", json!([])), ("b64", json!(false)), ("zip", json!("DEF"))];
    for (name, value) in members.into_iter().chain([("cty", json!("JWT")), ("nonce", json!("1"))]) {
        assert_eq!(spoilt(|token| token.header[name] = value).await, TokenError::Header, "{name}");
    }
}

#[tokio::test]
async fn a_header_that_says_things_twice_is_refused() {
    let draft = good();
    let header = format!(r#"{{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"{GATEWAY_KID}"}}"#);
    let token = draft.signed();
    let rest = token.split_once('.').unwrap().1;
    assert_eq!(verify(&format!("{}.{rest}", part(header))).await, Err(TokenError::Header));
}

#[tokio::test]
async fn a_refresh_or_id_token_is_no_access_token() {
    for typ in ["JWT", "rt+jwt", "id+jwt", "logout+jwt", "AT+JWT", "application/at+jwt", ""] {
        assert_eq!(spoilt(|token| token.header["typ"] = json!(typ)).await, TokenError::Type, "{typ}");
    }
    assert_eq!(spoilt(|token| drop(token.header.as_object_mut().unwrap().remove("typ"))).await, TokenError::Header);
}

#[tokio::test]
async fn an_access_token_is_not_taken_where_another_type_is_wanted() {
    let token = good().signed();
    let expected = Expected { aud: Service::Catalog, typ: "rt+jwt", issuers: Service::ALL };
    let verifier = verifier();
    assert_eq!(verifier.verify(&token, &expected).await, Err(TokenError::Type));
    // Not even where it was believed, and is remembered, as what it is.
    assert!(verifier.verify(&token, &Expected::access(Service::Catalog)).await.is_ok());
    assert_eq!(verifier.verify(&token, &expected).await, Err(TokenError::Type));
}

#[tokio::test]
async fn trailing_and_leading_bytes_are_refused() {
    let token = good().signed();
    for spoilt in [
        format!("{token} "),
        format!("{token}\n"),
        format!("{token}="),
        format!("{token}."),
        format!("{token}.AAAA"),
        format!(" {token}"),
        format!(".{token}"),
        format!("{token}\u{0}"),
        token.replacen('.', "..", 1),
        String::new(),
        "..".to_owned(),
        "not a token".to_owned(),
    ] {
        assert_eq!(verify(&spoilt).await, Err(TokenError::Malformed), "{spoilt:?}");
    }
    // More of the alphabet behind the signature is a longer signature.
    assert_eq!(verify(&format!("{token}AAAA")).await, Err(TokenError::Signature));
    // A second document behind the claims.
    let draft = good();
    assert_eq!(verify(&draft.signed_with_claims(&format!("{0}{0}", draft.claims))).await, Err(TokenError::Claims));
}

#[tokio::test]
async fn one_token_has_one_spelling() {
    let token = good().signed();
    let (message, signature) = token.rsplit_once('.').unwrap();
    // The last letter of 64 bytes carries two bits; every other letter with the same two is another spelling.
    let last = signature.chars().last().unwrap();
    let others = ('A'..='Z').chain('a'..='z').chain('0'..='9').filter(|letter| *letter != last);
    for other in others {
        let respelt = format!("{message}.{}{other}", &signature[..signature.len() - 1]);
        assert_eq!(verify(&respelt).await, Err(TokenError::Signature), "{other}");
    }
}

#[tokio::test]
async fn a_token_changed_after_signing_is_refused() {
    let mut other = good();
    other.claims["role"] = json!("administrator");
    let (token, other) = (good().signed(), other.signed());
    let parts = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (token, other) = (parts(&token), parts(&other));
    assert_eq!(verify(&format!("{}.{}.{}", token[0], other[1], token[2])).await, Err(TokenError::Signature));
}

#[tokio::test]
async fn a_rotated_out_key_signs_nothing_more() {
    let withdrawn = KeySet::read(&jwks(&[("gateway-2", &order_key())])).unwrap();
    let verifier = Verifier::new(Clock::system()).trust(Service::Gateway, KeySource::fixed(withdrawn));
    let token = good().signed();
    assert_eq!(verifier.verify(&token, &Expected::access(Service::Catalog)).await, Err(TokenError::Key));
}

#[tokio::test]
async fn an_over_long_token_is_refused_unread() {
    assert_eq!(verify(&"A".repeat(MAX_TOKEN_BYTES + 1)).await, Err(TokenError::TooLong));
    let pad = |bytes: usize| {
        let mut draft = good();
        draft.claims["jti"] = json!("j".repeat(bytes));
        draft.signed()
    };
    assert!(pad(5_000).len() < MAX_TOKEN_BYTES && verify(&pad(5_000)).await.is_ok());
    assert_eq!(verify(&pad(6_500)).await, Err(TokenError::TooLong));
}

#[tokio::test]
async fn the_key_of_one_issuer_signs_nothing_for_another() {
    // The order service's own key under the gateway's name, by every way to name it.
    assert_eq!(spoilt(|token| token.key = order_key()).await, TokenError::Signature);
    let under_its_own_kid = |token: &mut crate::forge::Draft| {
        token.key = order_key();
        token.header["kid"] = json!(ORDER_KID);
    };
    assert_eq!(spoilt(under_its_own_kid).await, TokenError::Key);
}
