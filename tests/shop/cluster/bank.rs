//! The bank, with its own eyes and in its own name.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use service_kit::Clock;
use sha2::Sha256;
use shared_types::{
    OrderId, PaymentId,
    payments::{PaymentPage, PaymentStatus, PaymentView, WebhookAnswer, WebhookStatus},
};

use super::{BANK_SECRET, Caller};

/// The shop's provider: what its ledger says, and what it says to the shop.
#[derive(Clone)]
pub struct Bank {
    /// Asks the bank itself, by no link that a test may cut.
    pub(super) ledger: Caller,
    /// The shop's public door.
    pub(super) door: Caller,
}

impl Bank {
    /// Every payment of this order that the bank has heard of.
    pub async fn payments(&self, order: OrderId) -> Vec<PaymentView> {
        let mut payments = Vec::new();
        let mut path = "/payments?limit=200".to_owned();
        loop {
            let page: PaymentPage = self.ledger.get(&path).await.expect(200);
            payments.extend(page.items.into_iter().filter(|payment| payment.payment_id.order == order));
            match page.next_cursor {
                Some(cursor) => path = format!("/payments?limit=200&cursor={cursor}"),
                None => return payments,
            }
        }
    }

    /// The order was charged for once, and the bank keeps that money.
    pub async fn keeps_one_payment(&self, order: OrderId) {
        let payments = self.payments(order).await;
        let kept = payments.iter().filter(|payment| payment.captured != payment.refunded).count();
        let captured = payments.iter().filter(|payment| payment.status == PaymentStatus::Succeeded).count();
        assert_eq!((kept, captured), (1, 1), "{payments:?}");
    }

    /// Whatever the order was charged was given back.
    pub async fn keeps_nothing(&self, order: OrderId) {
        let payments = self.payments(order).await;
        assert!(payments.iter().all(|payment| payment.captured == payment.refunded), "{payments:?}");
    }

    /// Tells the shop that a payment has succeeded, as an event with this id; what the shop says to that.
    pub async fn says_that_it_succeeded(&self, payment: PaymentId, event_id: &str) -> WebhookStatus {
        let now_s = Clock::system().now().micros() / 1_000_000;
        let data = json!({"order_id": payment.order, "payment_id": payment});
        let event = json!({"id": event_id, "type": "payment.succeeded", "created": now_s, "data": data});
        let body = event.to_string();
        let mut code = Hmac::<Sha256>::new_from_slice(BANK_SECRET.as_bytes()).unwrap();
        code.update(format!("{now_s}.{body}").as_bytes());
        let digest: String = code.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = format!("t={now_s},v1={digest}");
        self.door.tell(&signature, &body).await.expect::<WebhookAnswer>(200).status
    }
}
