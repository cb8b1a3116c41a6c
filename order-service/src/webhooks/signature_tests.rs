#![expect(clippy::unwrap_used, reason = "tests")]

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared_types::Timestamp;

use super::signature::{Distrust, Headers, Sender, Senders, TOLERANCE_S, verify};

const NOW_S: i64 = 1_795_000_000;
const BODY: &[u8] = br#"{"id": "evt_1", "type": "payment.succeeded"}"#;

fn now() -> Timestamp {
    Timestamp::from_micros(NOW_S * 1_000_000 + 999_999)
}

fn senders() -> Senders {
    let secrets = |text: &str| Some(text.parse().unwrap());
    Senders {
        receipts: secrets("receipts new,receipts old"),
        sandbox: secrets("sandbox secret"),
        stripe: secrets("whsec_stripe"),
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(key: &str, at: i64, body: &[u8]) -> String {
    let text = [format!("{at}.").as_bytes(), body].concat();
    mac(key.as_bytes(), &text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn timed(key: &str, at: i64) -> String {
    format!("t={at},v1={}", hex(key, at, BODY))
}

fn x(header: &str) -> Result<Sender, Distrust> {
    x_for(header, BODY)
}

fn x_for(header: &str, body: &[u8]) -> Result<Sender, Distrust> {
    verify(&Headers { x_signature: Some(header), ..Headers::default() }, body, &senders(), now())
}

#[test]
fn each_sender_is_known_by_his_secret() {
    assert_eq!(x(&timed("receipts new", NOW_S)), Ok(Sender::Receipts));
    assert_eq!(x(&timed("sandbox secret", NOW_S)), Ok(Sender::Sandbox));
    let header = timed("whsec_stripe", NOW_S);
    let stripe = Headers { stripe_signature: Some(&header), ..Headers::default() };
    assert_eq!(verify(&stripe, BODY, &senders(), now()), Ok(Sender::Stripe));
    // A sender's secret is good under his own header only.
    assert_eq!(x(&header), Err(Distrust::Forged));
}

#[test]
fn both_secrets_are_good_while_one_is_replaced() {
    assert_eq!(x(&timed("receipts old", NOW_S)), Ok(Sender::Receipts));
    let both = format!("t={NOW_S},v1={},v1={}", hex("tomorrow's", NOW_S, BODY), hex("receipts new", NOW_S, BODY));
    assert_eq!(x(&both), Ok(Sender::Receipts));
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let header = timed("receipts new", NOW_S);
    for at in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[at] ^= 1;
        assert_eq!(x_for(&header, &body), Err(Distrust::Forged), "byte {at}");
    }
    for body in [&BODY[1..], &BODY[..BODY.len() - 1], &[BODY, b"\n"].concat(), b""] {
        assert_eq!(x_for(&header, body), Err(Distrust::Forged));
    }
    let signature = hex("receipts new", NOW_S, BODY);
    for at in 0..signature.len() {
        let other = if &signature[at..=at] == "0" { "1" } else { "0" };
        let changed = format!("t={NOW_S},v1={}{other}{}", &signature[..at], &signature[at + 1..]);
        assert_eq!(x(&changed), Err(Distrust::Forged), "digit {at}");
    }
}

#[test]
fn a_message_is_good_for_five_minutes_and_not_a_second_longer() {
    for (offset, good) in [
        (0, true),
        (-TOLERANCE_S, true),
        (TOLERANCE_S, true),
        (-TOLERANCE_S - 1, false),
        (TOLERANCE_S + 1, false),
        (-NOW_S, false),
        (i64::MAX - NOW_S, false),
    ] {
        let expected = if good { Ok(Sender::Receipts) } else { Err(Distrust::Stale) };
        assert_eq!(x(&timed("receipts new", NOW_S + offset)), expected, "{offset}");
    }
    // The time is signed, too.
    let moved = format!("t={},v1={}", NOW_S, hex("receipts new", NOW_S - 1, BODY));
    assert_eq!(x(&moved), Err(Distrust::Forged));
}

#[test]
fn what_cannot_be_read_is_not_believed() {
    let good = hex("receipts new", NOW_S, BODY);
    for header in [
        String::new(),
        "t=".to_owned(),
        format!("t={NOW_S}"),
        format!("v1={good}"),
        format!("t={NOW_S},v0={good}"),
        format!("t={NOW_S},v1="),
        format!("t={NOW_S},v1={}", &good[1..]),
        format!("t={NOW_S},v1={good}0"),
        format!("t={NOW_S},v1=+{}", &good[1..]),
        format!("t={NOW_S},v1=é{}", &good[2..]),
        format!("t={NOW_S},t={NOW_S},v1={good}"),
        format!("t=+{NOW_S},v1={good}"),
        format!("t=0{NOW_S},v1={good}"),
        format!("t={NOW_S}.0,v1={good}"),
        format!("t=soon,v1={good}"),
        format!("t=99999999999999999999,v1={good}"),
        format!("t={NOW_S};v1={good}"),
        format!("{NOW_S},{good}"),
    ] {
        assert_eq!(x(&header), Err(Distrust::Unreadable), "{header}");
    }
    assert_eq!(verify(&Headers::default(), BODY, &senders(), now()), Err(Distrust::Unsigned));
    // Space after the comma and capital digits are other people's taste.
    assert_eq!(x(&format!("t={NOW_S}, v1={}", good.to_uppercase())), Ok(Sender::Receipts));
}

#[test]
fn a_sender_without_a_secret_is_believed_nothing() {
    for key in ["", "receipts new", "None"] {
        let header = timed(key, NOW_S);
        let headers = Headers { x_signature: Some(&header), ..Headers::default() };
        assert_eq!(verify(&headers, BODY, &Senders::default(), now()), Err(Distrust::Forged));
    }
}

/// A message as Standard Webhooks has it, and its verdict.
fn standard(secret: &str, id: &str, at: &str, signature: &str) -> Result<Sender, Distrust> {
    let senders = Senders { receipts: Some(secret.parse().unwrap()), ..Senders::default() };
    let headers = Headers {
        webhook_id: Some(id),
        webhook_timestamp: Some(at),
        webhook_signature: Some(signature),
        ..Headers::default()
    };
    verify(&headers, BODY, &senders, now())
}

fn standard_signature(key: &[u8], id: &str, at: &str) -> String {
    let text = [format!("{id}.{at}.").as_bytes(), BODY].concat();
    format!("v1,{}", STANDARD.encode(mac(key, &text)))
}

#[test]
fn standard_webhooks_are_understood() {
    let at = NOW_S.to_string();
    let signature = standard_signature(b"a key of 24 bytes, well..", "msg_1", &at);
    let secret = format!("whsec_{}", STANDARD.encode(b"a key of 24 bytes, well.."));
    assert_eq!(standard(&secret, "msg_1", &at, &signature), Ok(Sender::Receipts));
    // Without its prefix it is the same key.
    assert_eq!(standard(&secret["whsec_".len()..], "msg_1", &at, &signature), Ok(Sender::Receipts));
    // A secret that is no base64 is its own key.
    let plain = standard_signature(b"plain secret", "msg_1", &at);
    assert_eq!(standard("plain secret", "msg_1", &at, &plain), Ok(Sender::Receipts));
    let several = format!("v1a,Zm9v v1,bm90IG91cnM= {signature} v2,x");
    assert_eq!(standard(&secret, "msg_1", &at, &several), Ok(Sender::Receipts));

    assert_eq!(standard(&secret, "msg_2", &at, &signature), Err(Distrust::Forged));
    assert_eq!(standard(&secret, "msg_1", &(NOW_S - 1).to_string(), &signature), Err(Distrust::Forged));
    let stale = (NOW_S - TOLERANCE_S - 1).to_string();
    let signed_then = standard_signature(b"a key of 24 bytes, well..", "msg_1", &stale);
    assert_eq!(standard(&secret, "msg_1", &stale, &signed_then), Err(Distrust::Stale));
    for unreadable in ["", "v1", "v1,", "v1,????", &signature[3..], "v2,Zm9v"] {
        assert_eq!(standard(&secret, "msg_1", &at, unreadable), Err(Distrust::Unreadable), "{unreadable}");
    }
}

#[test]
fn the_vector_of_the_specification_is_accepted() {
    // The example of the reference libraries of Standard Webhooks.
    let headers = Headers {
        webhook_id: Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
        webhook_timestamp: Some("1614265330"),
        webhook_signature: Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ..Headers::default()
    };
    let senders =
        Senders { receipts: Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap()), ..Senders::default() };
    let then = Timestamp::from_micros(1_614_265_330_000_000);
    assert_eq!(verify(&headers, br#"{"test": 2432232314}"#, &senders, then), Ok(Sender::Receipts));
}
