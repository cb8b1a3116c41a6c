use serde_json::{Value, json};
use service_kit::{
    Clock,
    auth::{Caller, Expected, KeySet, KeySource, Service, TokenError, Verifier, Who},
};

use crate::forge::{
    ACCOUNT, Draft, GATEWAY_KID, gateway_key, good, good_of_order, jwks, now_s, spoilt, verifier, verify,
};

#[tokio::test]
async fn a_missing_audience_is_refused() {
    assert_eq!(spoilt(|token| drop(token.claims.as_object_mut().unwrap().remove("aud"))).await, TokenError::Claims);
    assert_eq!(spoilt(|token| token.claims["aud"] = json!(null)).await, TokenError::Claims);
    assert_eq!(spoilt(|token| token.claims["aud"] = json!("")).await, TokenError::Audience);
}

#[tokio::test]
async fn a_token_that_leaves_anything_out_is_refused() {
    let named = good().claims.as_object().unwrap().keys().filter(|name| *name != "act").cloned().collect::<Vec<_>>();
    assert_eq!(named.len(), 9, "{named:?}");
    for name in named {
        assert_eq!(spoilt(|token| drop(token.claims.as_object_mut().unwrap().remove(&name))).await, TokenError::Claims);
    }
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
async fn a_future_nbf_is_refused() {
    assert_eq!(spoilt(|token| token.claims["nbf"] = json!(now_s() + 30)).await, TokenError::NotYetValid);
    assert_eq!(spoilt(|token| drop(token.claims.as_object_mut().unwrap().remove("nbf"))).await, TokenError::Claims);
}

#[tokio::test]
async fn a_future_iat_is_refused() {
    let later = now_s() + 30;
    let spoil = |token: &mut Draft| {
        token.claims["iat"] = json!(later);
        token.claims["nbf"] = json!(later);
    };
    assert_eq!(spoilt(spoil).await, TokenError::NotYetValid);
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let spoil = |token: &mut Draft| {
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
    let backdated = |token: &mut Draft| token.claims["iat"] = json!(now_s() - 3_600);
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
    let as_service = |token: &mut Draft| {
        token.claims["role"] = json!("service");
        token.claims["sub"] = json!("order");
    };
    assert_eq!(spoilt(as_service).await, TokenError::Subject);
}

#[tokio::test]
async fn a_role_and_a_subject_that_do_not_fit_are_refused() {
    for (role, sub) in [("root", ACCOUNT), ("customer", "1"), ("", ""), ("anonymous", ACCOUNT), ("service", "bank")] {
        let spoil = |token: &mut Draft| {
            token.claims["role"] = json!(role);
            token.claims["sub"] = json!(sub);
        };
        assert_eq!(spoilt(spoil).await, TokenError::Claims, "{role} {sub}");
    }
    for name in ["sub", "role", "jti", "scope", "iat"] {
        let without = |token: &mut Draft| drop(token.claims.as_object_mut().unwrap().remove(name));
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
