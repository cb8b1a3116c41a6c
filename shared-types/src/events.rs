use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    BookId, DeliveryId, Isbn, OrderId, Timestamp,
    deliveries::DeliveryStatus,
    orders::{FulfillmentState, OrderState, PaymentState, StockState},
};

/// An event between services: CloudEvents 1.0 in its JSON format.
///
/// `source` and `id` together name the event once and for all; `subject` is what it is about, and events of one subject
/// are delivered in the order of their commits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    pub id: String,
    pub source: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub subject: String,
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    pub data: Box<RawValue>,
}

/// What a consumer did with each event of a batch, in the order of the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct BatchAnswer {
    pub results: Vec<EventResult>,
}

/// What a consumer did with one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct EventResult {
    pub id: String,
    pub outcome: EventOutcome,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// How handling an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum EventOutcome {
    /// Its effect is committed.
    Handled,
    /// Its effect was committed earlier.
    Duplicate,
    /// It can never be handled as it is: a definite answer, counted towards parking it.
    Rejected,
    /// Not looked at, because an earlier event of its subject was not handled.
    Held,
}

/// Books changed, all of them in one transaction: `lastcopy.book.changed`.
///
/// A purchase of ten books is one event. Events of different subjects may overtake one another; `version` tells which
/// of two changes of a book is the later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BooksChanged {
    /// One at least, and at most as many as an order has lines.
    pub books: Vec<BookChange>,
}

/// What one change did to one book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookChange {
    pub book_id: BookId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isbn: Option<Isbn>,
    /// The book's version after the change.
    pub version: i64,
    pub what: BookAspect,
}

/// What of a book changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookAspect {
    /// Anything: it is new, or its title, price, warn limit or another field is.
    Content,
    /// Its copies on hand, and nothing else.
    Stock,
    /// It is no longer sold.
    Gone,
}

/// An order moved on one of its axes: `lastcopy.order.changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct OrderChanged {
    pub order_id: OrderId,
    pub version: i64,
    pub state: OrderState,
    pub stock: StockState,
    pub payment: PaymentState,
    pub fulfillment: FulfillmentState,
}

/// A delivery moved: `lastcopy.delivery.changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryChanged {
    pub delivery_id: DeliveryId,
    pub order_id: OrderId,
    pub version: i64,
    pub status: DeliveryStatus,
}

/// The `type` of [`BooksChanged`].
pub const BOOK_CHANGED: &str = "lastcopy.book.changed";
/// The `type` of [`OrderChanged`].
pub const ORDER_CHANGED: &str = "lastcopy.order.changed";
/// The `type` of [`DeliveryChanged`].
pub const DELIVERY_CHANGED: &str = "lastcopy.delivery.changed";

/// An event that a subscriber refused for good. Later ones of its subject wait behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"subscriber": "order", "event_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1:2", "subject": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "detail": "there is no such order"}"#
)]
pub struct ParkedEvent {
    pub subscriber: String,
    pub event_id: String,
    pub subject: String,
    /// What the subscriber said last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// Parked events of one service, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct ParkedEvents {
    pub items: Vec<ParkedEvent>,
}

/// Which parked event to send again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"subscriber": "order", "event_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1:2"}"#)]
pub struct ReplayRequest {
    pub subscriber: String,
    pub event_id: String,
}
