use hmac::{Hmac, KeyInit, Mac};
use service_kit::testing::eventually;
use sha2::Sha256;

use crate::{
    bank::{Bank, SECRET, payment_id},
    shop::Shop,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_over_what_is_sent() {
    let shop = Shop::open().await;
    let bank = Bank::with_shop("a_webhook_is_signed", &shop).await;
    let (id, token) = (payment_id(), bank.token("4242424242424242").await);
    bank.charge(id, "12.99", &token).await.view();
    eventually("the shop is told", async || !shop.heard().is_empty()).await;
    let heard = shop.heard().remove(0);
    let (at, digest) = heard.signature.split_once(",v1=").unwrap();
    let at = at.strip_prefix("t=").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(&heard.body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, expected);
    let data = &heard.json["data"];
    assert_eq!(data["order_id"], id.order.to_string());
    assert_eq!(data["payment_id"], id.to_string());
    assert_eq!(serde_json::to_string(&data["amount"]).unwrap(), "12.99");
    assert_eq!(data["currency"], "USD");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_repeated_until_it_is_acknowledged_and_not_after() {
    let shop = Shop::open().await;
    let bank = Bank::with_shop("a_webhook_is_repeated", &shop).await;
    let token = bank.token("4242424242424242").await;
    shop.refuse(3);
    bank.charge(payment_id(), "12.99", &token).await.view();
    eventually("it is acknowledged", async || shop.heard().len() >= 4).await;
    let heard = shop.heard();
    assert!(heard.iter().all(|again| again.id() == heard[0].id() && again.body == heard[0].body));
    // A later one comes through alone.
    bank.charge(payment_id(), "5", &token).await.view();
    eventually("the next is told", async || shop.heard().len() >= 5).await;
    assert_ne!(shop.heard()[4].id(), heard[0].id());
    assert_eq!(shop.heard().len(), 5);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_told_in_an_earlier_life_is_told_in_the_next() {
    let shop = Shop::open().await;
    let bank = Bank::with_shop("what_was_not_told", &shop).await;
    shop.refuse(u32::MAX);
    let id = payment_id();
    bank.invoice(id, "12.99").await.view();
    eventually("it was tried", async || !shop.heard().is_empty()).await;
    shop.refuse(0);
    let before = shop.heard().len();
    let bank = bank.reopened(Some(&shop)).await;
    eventually("it is told", async || shop.heard().len() > before).await;
    bank.post(id, "pay").await.view();
    eventually("the payment is told", async || shop.heard().iter().any(|told| told.kind() == "payment.succeeded"))
        .await;
    shop.close().await;
}
