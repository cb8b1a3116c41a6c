use std::fmt;

use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{OrderId, Timestamp, events::OrderChanged};

/// What a subscriber may be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Apiv2Schema)]
pub enum WebhookEvent {
    #[serde(rename = "order.created")]
    OrderCreated,
    #[serde(rename = "order.pending")]
    OrderPending,
    #[serde(rename = "order.approved")]
    OrderApproved,
    #[serde(rename = "order.rejected")]
    OrderRejected,
    #[serde(rename = "order.canceled")]
    OrderCanceled,
    #[serde(rename = "order.paid")]
    OrderPaid,
    #[serde(rename = "order.refunded")]
    OrderRefunded,
    #[serde(rename = "order.shipped")]
    OrderShipped,
    #[serde(rename = "order.delivered")]
    OrderDelivered,
    #[serde(rename = "order.delivery_failed")]
    OrderDeliveryFailed,
    #[serde(rename = "order.returned")]
    OrderReturned,
}

impl WebhookEvent {
    /// Everything a subscriber may be told of.
    pub const ALL: [WebhookEvent; 11] = [
        WebhookEvent::OrderCreated,
        WebhookEvent::OrderPending,
        WebhookEvent::OrderApproved,
        WebhookEvent::OrderRejected,
        WebhookEvent::OrderCanceled,
        WebhookEvent::OrderPaid,
        WebhookEvent::OrderRefunded,
        WebhookEvent::OrderShipped,
        WebhookEvent::OrderDelivered,
        WebhookEvent::OrderDeliveryFailed,
        WebhookEvent::OrderReturned,
    ];

    /// What has happened, in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            WebhookEvent::OrderCreated => "An order was written.",
            WebhookEvent::OrderPending => "An order waits for a decision or for its payment.",
            WebhookEvent::OrderApproved => "An order is approved.",
            WebhookEvent::OrderRejected => "An order was rejected.",
            WebhookEvent::OrderCanceled => "An order was canceled.",
            WebhookEvent::OrderPaid => "An order is paid.",
            WebhookEvent::OrderRefunded => "An order's money was given back.",
            WebhookEvent::OrderShipped => "An order's parcel has left.",
            WebhookEvent::OrderDelivered => "An order's parcel has arrived.",
            WebhookEvent::OrderDeliveryFailed => "An order's parcel could not be delivered.",
            WebhookEvent::OrderReturned => "An order's parcel has come back.",
        }
    }
}

/// A message to a subscriber: the members that Standard Webhooks asks for. There is nothing personal in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct WebhookPayload {
    #[serde(rename = "type")]
    pub event: WebhookEvent,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The order as it was then.
    pub data: OrderChanged,
}

impl fmt::Display for WebhookEvent {
    /// The type as it travels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A new subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"url": "https://example.com/lastcopy", "events": ["order.approved", "order.canceled"], "description": "bookkeeping"}"#
)]
pub struct CreateWebhookRequest {
    /// `https://…` or `http://…`, at a public address.
    pub url: String,
    /// One at least.
    pub events: Vec<WebhookEvent>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
}

/// Fields of a subscriber to change; one that is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"events": ["order.approved"], "active": false}"#)]
pub struct UpdateWebhookRequest {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub events: Option<Vec<WebhookEvent>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// An inactive one is told of nothing new, and what was not delivered yet waits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub active: Option<bool>,
}

/// A subscriber. Its secret is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "url": "https://example.com/lastcopy", "events": ["order.approved", "order.canceled"], "description": "bookkeeping", "active": true, "created_at": "2026-11-18T11:06:40.123456Z", "updated_at": "2026-11-18T11:06:40.123456Z"}"#
)]
pub struct WebhookView {
    pub id: Uuid,
    pub url: String,
    pub events: Vec<WebhookEvent>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    pub active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A subscriber with its secret, `whsec_…`, with which every message to it is signed (Standard Webhooks).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct NewWebhookView {
    pub webhook: WebhookView,
    /// In this answer and nowhere else.
    pub secret: String,
}

/// One page of subscribers, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct WebhookPage {
    pub items: Vec<WebhookView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// How far a message to a subscriber has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookMessageStatus {
    /// Not delivered yet; it is tried again.
    Pending,
    Delivered,
    /// Tried for a day and given up. It can be resent.
    Failed,
}

/// A message to a subscriber. It is delivered at least once, always under the same `webhook-id`, which is `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct WebhookMessageView {
    pub id: Uuid,
    pub event: WebhookEvent,
    pub order_id: OrderId,
    /// The order's version with which it happened. Messages may arrive in any order; the larger version is the later news.
    pub version: i64,
    pub status: WebhookMessageStatus,
    pub attempts: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_attempt_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// One page of messages, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct WebhookMessagePage {
    pub items: Vec<WebhookMessageView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// One attempt to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct WebhookAttemptView {
    pub at: Timestamp,
    /// What the subscriber answered, where he did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<i64>,
    /// Why there was no answer, or how the answer begins.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// A message with every attempt to deliver it, first one first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct WebhookMessageLog {
    pub message: WebhookMessageView,
    pub attempts: Vec<WebhookAttemptView>,
}
