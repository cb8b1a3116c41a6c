use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

use crate::{OrderId, Timestamp, identity::Phone, orders::OrderState};

/// How far a message has come.
///
/// `queued` → `sending` → `sent`, `failed` or `unknown`. A message is sent by itself once at most: one whose answer was
/// lost is `unknown`, and only somebody who asks for it sends it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationStatus {
    Queued,
    /// Written before the message leaves: whoever dies now leaves this behind.
    Sending,
    Sent,
    /// The provider refused it, or could not be reached for a day: it was not sent.
    Failed,
    /// Nobody knows whether it was sent.
    Unknown,
    /// The order has no telephone number.
    NoPhone,
}

/// A message to a customer about a change of his order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": 17, "order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "version": 3, "state": "approved", "phone": "+254711223344", "text": "Lastcopy: order 01936f2e-7b1c-7cc3-98c4-dc0c0c07398f is approved.", "status": "sent", "attempts": 1, "provider_id": "ATPid_SampleTxnId123", "created_at": "2026-11-18T11:06:40.123456Z", "updated_at": "2026-11-18T11:06:41.123456Z"}"#
)]
pub struct NotificationView {
    pub id: i64,
    pub order_id: OrderId,
    /// The order's version with which it came to this state.
    pub version: i64,
    /// The state of the order that the message tells.
    pub state: OrderState,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<Phone>,
    pub text: String,
    pub status: NotificationStatus,
    /// Times it left, or may have left, the shop.
    pub attempts: i64,
    /// Why it failed, or why nothing is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// Under which the provider knows it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_id: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One page of messages, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct NotificationPage {
    pub items: Vec<NotificationView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}
