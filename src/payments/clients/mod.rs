//! The only outgoing HTTP of the provider: the shop is told of every change.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use service_kit::{Client, ClientOptions, client::ClientError, telemetry::traced};
use sha2::Sha256;
use shared_types::{Secret, Timestamp};

use super::store::Webhook;

/// Where the shop takes webhooks.
const PATH: &str = "/webhooks/payment";

/// The shop, as the provider knows it.
#[derive(Clone)]
pub(super) struct Shop {
    client: Client,
    secret: Secret,
}

impl Shop {
    pub fn new(order_url: &str, secret: Secret) -> Result<Shop, ClientError> {
        Ok(Shop { client: Client::new(order_url, ClientOptions::default())?, secret })
    }

    /// Sends a webhook, signed now. True: the shop has it.
    pub async fn tell(&self, webhook: &Webhook, now: Timestamp) -> bool {
        let signature = self.signature(webhook.body.as_bytes(), now.micros() / 1_000_000);
        let headers = [("x-signature", signature.as_str())];
        let sending = self.client.send(Method::POST, PATH, &headers, Some(webhook.body.clone().into_bytes()));
        match traced("tell", &webhook.payment_id.order, sending).await {
            Ok(answer) if answer.status.is_success() => return true,
            Ok(answer) => {
                tracing::warn!(event_id = webhook.event_id, status = answer.status.as_u16(), "not acknowledged");
            }
            Err(no_answer) => tracing::warn!(event_id = webhook.event_id, %no_answer, "not acknowledged"),
        }
        false
    }

    /// `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>." + body>`.
    fn signature(&self, body: &[u8], at_s: i64) -> String {
        let key = self.secret.expose().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("BUG: HMAC takes keys of any length");
        mac.update(format!("{at_s}.").as_bytes());
        mac.update(body);
        let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={at_s},v1={digest}")
    }
}
