use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A payment card, on its way to the provider.
#[derive(Serialize, Deserialize)]
pub struct Card {
    pub number: String,
    pub expiry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cvc: Option<String>,
}

impl Card {
    /// The number without what people write between its digits.
    pub fn digits(&self) -> String {
        self.number.chars().filter(char::is_ascii_digit).collect()
    }
}

/// What stands for a card.
#[derive(Serialize, Deserialize)]
pub struct TokenView {
    pub token: String,
    pub brand: String,
    pub last4: String,
}

/// Opens a payment under the id that its order chose.
#[derive(Serialize, Deserialize)]
pub struct OpenPayment {
    pub amount: Box<RawValue>,
    pub currency: String,
    pub method: String,
    pub token: String,
}

impl OpenPayment {
    /// The amount in cents, if it is one.
    pub fn minor(&self) -> Option<i64> {
        self.amount.get().parse().ok().map(|amount: f64| (amount * 100.0).round() as i64)
    }
}

/// A payment as its provider shows it.
#[derive(Serialize, Deserialize)]
pub struct PaymentView {
    pub payment_id: String,
    pub status: String,
    pub amount: Box<RawValue>,
    pub currency: String,
    pub captured: Box<RawValue>,
    pub refunded: Box<RawValue>,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

/// What the shop is told of a payment.
#[derive(Serialize, Deserialize)]
pub struct Webhook {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds since 1970 UTC.
    pub created: i64,
    pub data: WebhookData,
}

#[derive(Serialize, Deserialize)]
pub struct WebhookData {
    pub order_id: String,
    pub payment_id: String,
    pub amount: Box<RawValue>,
    pub currency: String,
}

/// What became of a webhook.
#[derive(Serialize)]
pub struct WebhookAnswer {
    pub status: &'static str,
}
