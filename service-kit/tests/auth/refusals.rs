use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use service_kit::{
    Clock,
    auth::{Caller, Expected, KeySet, KeySource, MAX_TOKEN_BYTES, Scope, Service, TokenError, Verifier, Who},
};
use sha2::{Digest, Sha256};

use crate::forge::{
    ACCOUNT, GATEWAY_KID, ORDER_KID, gateway_key, good, good_of_order, jwk, jwks, now_s, order_key, part, spoilt,
    verifier, verify,
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
async fn a_missing_audience_is_refused() {
    assert_eq!(spoilt(|token| drop(token.claims.as_object_mut().unwrap().remove("aud"))).await, TokenError::Claims);
    assert_eq!(spoilt(|token| token.claims["aud"] = json!(null)).await, TokenError::Claims);
    assert_eq!(spoilt(|token| token.claims["aud"] = json!("")).await, TokenError::Audience);
}

#[tokio::test]
async fn an_extra_audience_is_refused() {
    for aud in [json!(["catalog", "order"]), json!(["catalog"]), json!([])] {
        assert_eq!(spoilt(|token| token.claims["aud"] = aud.clone()).await, TokenError::Claims, "{aud}");
    }
    for aud in ["catalog order", "Catalog", "catalog/", " catalog"] {
        assert_eq!(spoilt(|token| token.claims["aud"] = json!(aud)).await, TokenError::Audience, "{aud}");
    }
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
async fn a_future_nbf_is_refused() {
    assert_eq!(spoilt(|token| token.claims["nbf"] = json!(now_s() + 30)).await, TokenError::NotYetValid);
    assert_eq!(spoilt(|token| drop(token.claims.as_object_mut().unwrap().remove("nbf"))).await, TokenError::Claims);
}

#[tokio::test]
async fn a_future_iat_is_refused() {
    let later = now_s() + 30;
    let spoil = |token: &mut crate::forge::Draft| {
        token.claims["iat"] = json!(later);
        token.claims["nbf"] = json!(later);
    };
    assert_eq!(spoilt(spoil).await, TokenError::NotYetValid);
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let spoil = |token: &mut crate::forge::Draft| {
        token.claims["iat"] = json!(now_s() - 120);
        token.claims["nbf"] = json!(now_s() - 120);
        token.claims["exp"] = json!(now_s() - 6);
    };
    assert_eq!(spoilt(spoil).await, TokenError::Expired);
    assert_eq!(spoilt(|token| drop(token.claims.as_object_mut().unwrap().remove("exp"))).await, TokenError::Claims);
}

#[tokio::test]
async fn clocks_may_differ_by_five_seconds_and_no_more() {
    let token = good().signed();
    let verify = async |offset_ms| {
        let keys = KeySet::read(&jwks(&[(GATEWAY_KID, &gateway_key())])).unwrap();
        let verifier = Verifier::new(Clock::shifted(offset_ms)).trust(Service::Gateway, KeySource::fixed(keys));
        verifier.verify(&token, &Expected::access(Service::Catalog)).await.map(drop)
    };
    assert_eq!(verify(-4_000).await, Ok(()));
    assert_eq!(verify(-10_000).await, Err(TokenError::NotYetValid));
    assert_eq!(verify(302_000).await, Ok(()));
    assert_eq!(verify(306_000).await, Err(TokenError::Expired));
}

#[tokio::test]
async fn a_float_for_a_time_is_refused() {
    for name in ["exp", "iat", "nbf"] {
        let now = now_s();
        for time in [format!("{now}.5"), format!("{now}.0"), "1e10".into(), format!("\"{now}\""), "null".into()] {
            let mut draft = good();
            draft.claims.as_object_mut().unwrap().remove(name);
            let claims = draft.claims.to_string().replacen('{', &format!("{{\"{name}\":{time},"), 1);
            assert_eq!(verify(&draft.signed_with_claims(&claims)).await, Err(TokenError::Claims), "{name} {time}");
        }
    }
}

#[tokio::test]
async fn times_that_overflow_are_refused() {
    for (name, time) in [("exp", i64::MAX), ("iat", i64::MIN), ("iat", i64::MAX), ("nbf", i64::MAX), ("nbf", 0)] {
        assert_eq!(spoilt(|token| token.claims[name] = json!(time)).await, TokenError::Lifetime, "{name} {time}");
    }
    for name in ["exp", "nbf"] {
        assert_eq!(spoilt(|token| token.claims[name] = json!(i64::MIN)).await, TokenError::Claims, "{name}");
    }
    assert_eq!(spoilt(|token| token.claims["exp"] = json!(u64::MAX)).await, TokenError::Claims);
}

#[tokio::test]
async fn a_lifetime_beyond_ten_minutes_is_refused() {
    assert_eq!(spoilt(|token| token.claims["exp"] = json!(now_s() + 3_600)).await, TokenError::Lifetime);
    let backdated = |token: &mut crate::forge::Draft| token.claims["iat"] = json!(now_s() - 3_600);
    assert_eq!(spoilt(backdated).await, TokenError::Lifetime);
}

#[tokio::test]
async fn claims_that_say_things_twice_are_refused() {
    let draft = good();
    for twice in [r#"{"aud":"order","#, r#"{"exp":1,"#, r#"{"role":"administrator","#] {
        let claims = draft.claims.to_string().replacen('{', twice, 1);
        assert_eq!(verify(&draft.signed_with_claims(&claims)).await, Err(TokenError::Claims), "{twice}");
    }
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

#[tokio::test]
async fn an_issuer_that_is_not_trusted_is_refused() {
    for iss in ["delivery", "bank", "", "Gateway", "https://gateway"] {
        assert_eq!(spoilt(|token| token.claims["iss"] = json!(iss)).await, TokenError::Issuer, "{iss}");
    }
    for iss in [json!(["gateway"]), json!(null), json!(1)] {
        assert_eq!(spoilt(|token| token.claims["iss"] = iss.clone()).await, TokenError::Claims, "{iss}");
    }
    let only_order = Expected { issuers: &[Service::Order], ..Expected::access(Service::Catalog) };
    assert_eq!(verifier().verify(&good().signed(), &only_order).await, Err(TokenError::Issuer));
    assert!(verifier().verify(&good_of_order().signed(), &only_order).await.is_ok());
}

#[tokio::test]
async fn a_token_of_one_service_replayed_at_another_is_refused() {
    let (customer, service) = (good().signed(), good_of_order().signed());
    let verifier = verifier();
    for token in [&customer, &service] {
        assert!(verifier.verify(token, &Expected::access(Service::Catalog)).await.is_ok());
        // Remembered or not: what is for the catalog is for nobody else.
        for elsewhere in [Service::Gateway, Service::Order, Service::Delivery] {
            let refused = verifier.verify(token, &Expected::access(elsewhere)).await;
            assert_eq!(refused, Err(TokenError::Audience), "{elsewhere}");
        }
    }
}

#[tokio::test]
async fn only_the_gateway_speaks_for_others() {
    let spoken = async |change: &dyn Fn(&mut Value)| {
        let mut draft = good_of_order();
        change(&mut draft.claims);
        verify(&draft.signed()).await
    };
    assert!(spoken(&|_| ()).await.is_ok());
    for role in ["customer", "employee", "administrator"] {
        let as_person = |claims: &mut Value| {
            claims["role"] = json!(role);
            claims["sub"] = json!(ACCOUNT);
        };
        assert_eq!(spoken(&as_person).await, Err(TokenError::Subject), "{role}");
    }
    assert_eq!(spoken(&|claims| claims["sub"] = json!("gateway")).await, Err(TokenError::Subject));
    assert_eq!(spoken(&|claims| claims["act"] = json!({"sub": "gateway"})).await, Err(TokenError::Subject));
    // Nor does the gateway pass for another service.
    let as_service = |token: &mut crate::forge::Draft| {
        token.claims["role"] = json!("service");
        token.claims["sub"] = json!("order");
    };
    assert_eq!(spoilt(as_service).await, TokenError::Subject);
}

#[tokio::test]
async fn a_role_and_a_subject_that_do_not_fit_are_refused() {
    for (role, sub) in [("root", ACCOUNT), ("customer", "1"), ("", ""), ("anonymous", ACCOUNT), ("service", "bank")] {
        let spoil = |token: &mut crate::forge::Draft| {
            token.claims["role"] = json!(role);
            token.claims["sub"] = json!(sub);
        };
        assert_eq!(spoilt(spoil).await, TokenError::Claims, "{role} {sub}");
    }
    for name in ["sub", "role", "jti", "scope", "iat"] {
        let without = |token: &mut crate::forge::Draft| drop(token.claims.as_object_mut().unwrap().remove(name));
        assert_eq!(spoilt(without).await, TokenError::Claims, "{name}");
    }
    assert_eq!(spoilt(|token| token.claims["jti"] = json!("")).await, TokenError::Claims);
}

#[tokio::test]
async fn a_remembered_token_is_refused_once_it_has_expired() {
    let verifier = verifier();
    let mut draft = good();
    // Two of the five seconds of leeway are left.
    draft.claims["iat"] = json!(now_s() - 60);
    draft.claims["nbf"] = json!(now_s() - 60);
    draft.claims["exp"] = json!(now_s() - 3);
    let token = draft.signed();
    let verify = async || verifier.verify(&token, &Expected::access(Service::Catalog)).await.map(drop);
    assert_eq!(verify().await, Ok(()));
    service_kit::testing::eventually("the token expires", async || verify().await == Err(TokenError::Expired)).await;
}

#[test]
fn a_promotion_changes_no_principal() {
    let account = ACCOUNT.parse().unwrap();
    assert_eq!(
        Caller::first_hand(Who::Customer(account)).principal(),
        Caller::first_hand(Who::Employee(account)).principal()
    );
}
