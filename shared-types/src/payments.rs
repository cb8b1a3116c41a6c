use std::{fmt, str::FromStr};

use paperclip::{
    actix::Apiv2Schema,
    v2::{models::DataType, schema::TypedData},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Amount, Currency, FieldErrors, OrderId, PaymentId, Secret, Timestamp, limits::MAX_CARD_TOKEN_CHARS};

/// What a payment provider says of a payment. Every answer about a payment carries it, and it decides, not the status
/// code. `declined`, `canceled` and `refunded` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Nothing is captured yet; the buyer or his bank still has to do something.
    Processing,
    /// The money is captured.
    Succeeded,
    /// The card was refused. Nothing was captured, and nothing ever will be under this id.
    Declined,
    /// Canceled before anything was captured: nothing ever will be under this id.
    Canceled,
    /// The money was captured and given back.
    Refunded,
}

impl PaymentStatus {
    /// Every status there is.
    pub const ALL: [PaymentStatus; 5] = [
        PaymentStatus::Processing,
        PaymentStatus::Succeeded,
        PaymentStatus::Declined,
        PaymentStatus::Canceled,
        PaymentStatus::Refunded,
    ];

    /// The status as it travels and as it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            PaymentStatus::Processing => "processing",
            PaymentStatus::Succeeded => "succeeded",
            PaymentStatus::Declined => "declined",
            PaymentStatus::Canceled => "canceled",
            PaymentStatus::Refunded => "refunded",
        }
    }
}

/// How a payment is made at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum ChargeMethod {
    /// The card behind the token, now.
    Card,
    /// The buyer pays later, on his own.
    Invoice,
}

/// A payment as its provider shows it. `version` counts its changes: an answer with a smaller one is old news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"payment_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1", "status": "succeeded", "amount": 12.99, "currency": "USD", "captured": 12.99, "refunded": 0.00, "version": 1, "created_at": "2026-11-18T11:06:40.123456Z", "updated_at": "2026-11-18T11:06:40.123456Z"}"#
)]
pub struct PaymentView {
    pub payment_id: PaymentId,
    pub status: PaymentStatus,
    /// What was asked for. Zero for one that was canceled before it arrived.
    pub amount: Amount,
    pub currency: Currency,
    /// What the provider took, given back or not.
    pub captured: Amount,
    /// How much of it was given back.
    pub refunded: Amount,
    /// Why it was declined or canceled, in a word such as `insufficient_funds`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One page of a provider's ledger, in the order of the payments' ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct PaymentPage {
    pub items: Vec<PaymentView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// Opens a payment under the id that its order chose; repeated, it is the same payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"amount": 12.99, "currency": "USD", "method": "card", "token": "tok_visa"}"#)]
pub struct OpenPaymentRequest {
    pub amount: Amount,
    pub currency: Currency,
    pub method: ChargeMethod,
    /// For `card`, and only for that: what `POST /tokens` gave.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<CardToken>,
}

/// A payment card, on its way to the provider that keeps it. It is never stored or logged, and it does not serialise: what
/// is derived from a request, such as the fingerprint of an idempotency key, cannot contain it by accident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "123"}"#)]
pub struct Card {
    /// Digits; spaces and hyphens between them are fine.
    pub number: Secret,
    /// Month and year, such as `12/30`.
    pub expiry: Secret,
    #[serde(default)]
    pub cvc: Option<Secret>,
}

/// Digits in a card's number: the longest are those of ISO/IEC 7812, the shortest are test numbers.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 4..=19;
/// Characters in a card's expiry at most.
const MAX_EXPIRY_CHARS: usize = 10;

impl Card {
    /// What is wrong with it, in fields below `at`. Nothing of the card is in what is said.
    pub fn check(&self, at: &str, errors: &mut FieldErrors) {
        let number = self.number.expose();
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ' || byte == b'-');
        if !plain || !CARD_DIGITS.contains(&self.digits().len()) {
            errors.add(format!("{at}number"), "is not the number of a card");
        }
        let expiry = self.expiry.expose();
        let plain = expiry.bytes().all(|byte| byte.is_ascii_digit() || b"/- ".contains(&byte));
        if expiry.trim().is_empty() || expiry.len() > MAX_EXPIRY_CHARS || !plain {
            errors.add(format!("{at}expiry"), "is not a month and a year such as 12/30");
        }
        if let Some(cvc) = &self.cvc
            && !(matches!(cvc.expose().len(), 3 | 4) && cvc.expose().bytes().all(|byte| byte.is_ascii_digit()))
        {
            errors.add(format!("{at}cvc"), "must be three or four digits");
        }
    }

    /// The number without what people write between its digits.
    pub fn digits(&self) -> String {
        self.number.expose().chars().filter(char::is_ascii_digit).collect()
    }

    /// The card in the clear, for the one who sends it to the provider and for nobody else.
    pub fn in_the_clear(&self) -> CardInTheClear<'_> {
        CardInTheClear {
            number: self.number.expose(),
            expiry: self.expiry.expose(),
            cvc: self.cvc.as_ref().map(Secret::expose),
        }
    }
}

/// A [`Card`] that serialises. It cannot be printed.
#[derive(Serialize)]
pub struct CardInTheClear<'a> {
    number: &'a str,
    expiry: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvc: Option<&'a str>,
}

/// What a provider gave for a card: it stands for the card at that provider, and nowhere else. It may be stored, so that
/// a charge survives a crash; it is not shown and not logged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CardToken(String);

/// A text that is no provider's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_CARD_TOKEN_CHARS} visible ASCII characters")]
pub struct CardTokenError;

impl CardToken {
    /// The token itself, for the store and for the provider.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for CardToken {
    type Err = CardTokenError;

    fn from_str(text: &str) -> Result<Self, CardTokenError> {
        let fits = (1..=MAX_CARD_TOKEN_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(CardToken(text.to_owned())) } else { Err(CardTokenError) }
    }
}

impl fmt::Debug for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[card token]")
    }
}

impl Serialize for CardToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CardToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| de::Error::custom(format!("the token {error}")))
    }
}

impl TypedData for CardToken {
    fn data_type() -> DataType {
        DataType::String
    }
}

/// A provider's answer to a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(example = r#"{"token": "tok_9f86d081884c7d65", "brand": "visa", "last4": "4242"}"#)]
pub struct TokenView {
    pub token: CardToken,
    /// Such as `visa`; `unknown` where nobody knows.
    pub brand: String,
    /// The number's last four digits, by which its owner knows the card.
    pub last4: String,
}

/// What became of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(example = r#"{"status": "processed"}"#)]
pub struct WebhookAnswer {
    pub status: WebhookStatus,
}

/// What became of a webhook, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// It is written down, and its order hears of it.
    Processed,
    /// It was processed before.
    Duplicate,
    /// It says nothing that matters here.
    Ignored,
}

/// Money that was reported to the shop, outside of any provider's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"event_id": "evt_1", "order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "payment_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1", "amount": 12.99, "currency": "USD", "received_at": "2026-11-18T11:06:40.123456Z"}"#
)]
pub struct ReceiptView {
    /// The reporter's own id for it.
    pub event_id: String,
    pub order_id: OrderId,
    /// The payment that it pays. Absent: it pays nothing, and is to be given back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_id: Option<PaymentId>,
    pub amount: Amount,
    pub currency: Currency,
    pub received_at: Timestamp,
    /// When somebody had given it back, and who he was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub returned_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub returned_by: Option<String>,
}

/// One page of receipts, first one first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct ReceiptPage {
    pub items: Vec<ReceiptView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(json: &str) -> Card {
        serde_json::from_str(json).expect("a card")
    }

    #[test]
    fn a_card_and_its_token_are_never_printed() {
        let card = card(r#"{"number": "4242 4242 4242 4242", "expiry": "11/31", "cvc": "987"}"#);
        let token: CardToken = "tok_9f86d081".parse().expect("a token");
        let printed = format!("{card:?} {token:?}");
        for secret in ["4242", "11/31", "987", "9f86"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        assert_eq!(card.digits(), "4242424242424242");
        let clear = serde_json::to_string(&card.in_the_clear()).expect("it serialises");
        assert_eq!(clear, r#"{"number":"4242 4242 4242 4242","expiry":"11/31","cvc":"987"}"#);
    }

    #[test]
    fn what_is_wrong_with_a_card_is_said_without_the_card() {
        let wrong = card(r#"{"number": "4242x4242", "expiry": "soon", "cvc": "12"}"#);
        let mut errors = FieldErrors::default();
        wrong.check("card.", &mut errors);
        let errors = errors.none().expect_err("three fields are wrong");
        assert_eq!(
            errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(),
            ["card.number", "card.expiry", "card.cvc"]
        );
        let said = serde_json::to_string(&errors).expect("it serialises");
        assert!(!said.contains("4242") && !said.contains("soon"), "{said}");
    }

    #[test]
    fn a_status_is_stored_as_it_travels() {
        for status in PaymentStatus::ALL {
            assert_eq!(serde_json::to_value(status).expect("a status serialises"), status.name());
        }
    }
}
