use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::payments::wire::Card;
use crate::duty;

/// A purchase as it is sent to the shop.
#[derive(Serialize, Deserialize)]
pub struct Checkout {
    pub lines: Vec<CheckoutLine>,
    pub payment_method: String,
    /// Never part of what is kept.
    #[serde(skip_serializing)]
    pub card: Option<Card>,
}

#[derive(Serialize, Deserialize)]
pub struct CheckoutLine {
    pub book_id: i64,
    pub quantity: i64,
    /// The price that the buyer was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_price: Option<f64>,
}

impl CheckoutLine {
    /// The price that was shown, in cents.
    pub fn expected_minor(&self) -> Option<i64> {
        self.expected_price.map(|price| (price * 100.0).round() as i64)
    }
}

/// Which order takes which copies.
#[derive(Serialize, Deserialize)]
pub struct Taking {
    pub taking_id: String,
    pub lines: Vec<TakingLine>,
    /// The request that it belongs to, for the log.
    pub request_id: String,
}

#[derive(Serialize, Deserialize)]
pub struct TakingLine {
    pub book_id: i64,
    pub quantity: i64,
    pub expected_minor: Option<i64>,
}

/// What became of a taking.
#[derive(Serialize, Deserialize)]
pub struct Taken {
    pub taking_id: String,
    /// What was in force when the copies were taken. Empty: they were not there.
    pub lines: Vec<TakenLine>,
}

#[derive(Serialize, Deserialize)]
pub struct TakenLine {
    pub book_id: i64,
    pub quantity: i64,
    pub title: String,
    pub isbn: Option<String>,
    pub price_minor: i64,
}

/// An order as its buyer sees it.
#[derive(Serialize)]
pub struct Order<'a> {
    pub id: &'a str,
    pub state: &'a str,
    pub stock: &'a str,
    pub payment: &'a str,
    pub fulfillment: &'a str,
    pub payment_method: &'a str,
    pub lines: Vec<OrderLine<'a>>,
    pub total: Box<RawValue>,
    pub currency: &'a str,
    pub payments: Vec<OrderPayment>,
    pub refused: [(); 0],
    pub settled: bool,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Serialize)]
pub struct OrderLine<'a> {
    pub line: i64,
    pub book_id: i64,
    pub quantity: i64,
    pub title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isbn: Option<&'a str>,
    pub price: Box<RawValue>,
}

#[derive(Serialize)]
pub struct OrderPayment {
    pub payment_id: String,
    pub method: &'static str,
    pub amount: Box<RawValue>,
    pub state: &'static str,
}

/// Something that happened, as CloudEvents has it.
#[derive(Serialize, Deserialize)]
pub struct Event {
    pub specversion: String,
    pub id: String,
    pub source: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub subject: String,
    pub time: String,
    pub datacontenttype: String,
    pub data: Box<RawValue>,
}

impl Event {
    pub fn new(source: &str, kind: &str, id: String, subject: String, at: i64, data: &impl Serialize) -> Event {
        Event {
            specversion: "1.0".to_owned(),
            id,
            source: source.to_owned(),
            kind: kind.to_owned(),
            subject,
            time: duty::text(at),
            datacontenttype: "application/json".to_owned(),
            data: serde_json::value::to_raw_value(data).unwrap_or_default(),
        }
    }
}

/// What the gateway did with a batch of events.
#[derive(Serialize, Deserialize)]
pub struct BatchAnswer {
    pub results: Vec<EventResult>,
}

#[derive(Serialize, Deserialize)]
pub struct EventResult {
    pub id: String,
    pub outcome: String,
}
