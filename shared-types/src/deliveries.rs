use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

use crate::{CourierId, DeliveryId, OrderId, Problem, Timestamp, orders::Address};

/// Where a parcel is. `delivered`, `returned` and `canceled` are final.
///
/// `scheduled` → `shipped` → `delivered` or `failed`; `failed` → `scheduled` or `returned`; `scheduled` → `canceled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    Scheduled,
    Shipped,
    Delivered,
    Failed,
    Returned,
    Canceled,
}

/// Books a delivery under the id that the order chose; repeated, it is the same booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"address": {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"}}"#)]
pub struct BookDeliveryRequest {
    pub address: Address,
    /// The courier's name; `local` where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub courier: Option<String>,
    /// Whose order it is, as its tokens name him: he sees his parcels.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<String>,
}

/// Bookings for several orders in one request. Each is decided for itself, as if it had come alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"bookings": [{"delivery_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1", "address": {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"}}]}"#
)]
pub struct BookManyRequest {
    pub bookings: Vec<BookOne>,
}

impl From<Vec<BookOne>> for BookManyRequest {
    fn from(bookings: Vec<BookOne>) -> BookManyRequest {
        BookManyRequest { bookings }
    }
}

/// One of several bookings: what `PUT /deliveries/{delivery_id}` asks where no courier is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct BookOne {
    pub delivery_id: DeliveryId,
    pub address: Address,
    /// Whose order it is, as its tokens name him: he sees his parcels.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<String>,
    /// The id of the request that it belongs to, for the log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
}

/// What became of each, in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"results": [{"delivery_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1", "delivery": {"delivery_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1", "order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "address": {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"}, "courier": "local", "status": "scheduled", "version": 1, "created_at": "2026-11-18T11:06:40.123456Z", "updated_at": "2026-11-18T11:06:40.123456Z"}}]}"#
)]
pub struct BookManyAnswer {
    pub results: Vec<BookOneAnswer>,
}

/// What `PUT /deliveries/{delivery_id}` would have answered: the delivery, or the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct BookOneAnswer {
    pub delivery_id: DeliveryId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivery: Option<DeliveryView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<Problem>,
}

/// A delivery. `version` counts its changes: an event with a smaller one is old news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"delivery_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1", "order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "address": {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"}, "courier": "local", "status": "scheduled", "version": 1, "created_at": "2026-11-18T11:06:40.123456Z", "updated_at": "2026-11-18T11:06:40.123456Z"}"#
)]
pub struct DeliveryView {
    pub delivery_id: DeliveryId,
    pub order_id: OrderId,
    /// Absent only for a delivery that was canceled before it was booked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<Address>,
    /// Who has the parcel. Empty where there is no address.
    pub courier: String,
    pub status: DeliveryStatus,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Moves a delivery to its next status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"status": "shipped", "note": "left the shop at noon"}"#)]
pub struct MoveDeliveryRequest {
    pub status: DeliveryStatus,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// Hands a delivery to another courier while it is `scheduled` or `failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"courier": "bicycle-north"}"#)]
pub struct AssignCourierRequest {
    pub courier: String,
}

/// One page of deliveries, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct DeliveryPage {
    pub items: Vec<DeliveryView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// One step of a parcel's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct TrackingEntry {
    /// The delivery's version after the step.
    pub version: i64,
    pub status: DeliveryStatus,
    pub courier: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    pub at: Timestamp,
}

/// A parcel's whole way, first step first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct TrackingHistory {
    pub delivery_id: DeliveryId,
    pub items: Vec<TrackingEntry>,
}

/// Somebody who carries parcels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(example = r#"{"id": 1, "name": "local", "active": true, "created_at": "2026-11-18T11:06:40.123456Z"}"#)]
pub struct CourierView {
    pub id: CourierId,
    /// Unique among couriers.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<String>,
    /// Only an active courier is given new parcels.
    pub active: bool,
    pub created_at: Timestamp,
}

/// A new courier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"name": "bicycle-north", "phone": "+351 22 000 0000"}"#)]
pub struct CreateCourierRequest {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<String>,
}

/// The fields of a courier to change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"phone": "+351 22 000 0000", "active": false}"#)]
pub struct UpdateCourierRequest {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub active: Option<bool>,
}

/// One page of couriers in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct CourierPage {
    pub items: Vec<CourierView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}
