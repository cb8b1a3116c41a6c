use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

use crate::{
    Amount, BookId, Currency, DeliveryId, FieldErrors, Isbn, OrderId, Timestamp, identity::Phone,
    limits::MAX_ADDRESS_FIELD_CHARS, takings::RefusedLine,
};

/// First axis: what was decided about the order. `approved`, `rejected` and `canceled` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    Created,
    Pending,
    Approved,
    Rejected,
    Canceled,
}

/// Second axis: where the order's copies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum StockState {
    None,
    Taking,
    Taken,
    GivingBack,
}

/// Third axis: where the order's money is. Derived from its payment attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    Unpaid,
    Charging,
    Paid,
    Failed,
    Canceling,
    Refunding,
    Refunded,
}

/// Fourth axis: where the parcel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum FulfillmentState {
    None,
    Scheduled,
    Shipped,
    Delivered,
    Failed,
    Returned,
}

/// How the buyer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    /// In cash or by card at the door: the order is approved as soon as its copies are taken.
    OnDelivery,
}

/// Where a parcel goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto", "postal_code": "4050-315", "country": "PT"}"#
)]
pub struct Address {
    pub recipient: String,
    pub street: String,
    pub city: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub country: Option<String>,
}

impl Address {
    /// What is wrong with it, in fields of `address`. The order service refuses by the same rules by which the delivery
    /// service would: a parcel of an approved order can always be booked.
    pub fn check(&self, errors: &mut FieldErrors) {
        for (field, text) in [("recipient", &self.recipient), ("street", &self.street), ("city", &self.city)] {
            errors.check_text(format!("address.{field}"), text, MAX_ADDRESS_FIELD_CHARS);
        }
        if let Some(postal_code) = &self.postal_code {
            errors.check_text("address.postal_code", postal_code, MAX_ADDRESS_FIELD_CHARS);
        }
        if let Some(country) = &self.country
            && (country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            errors.add("address.country", "must be two capital letters (ISO 3166-1 alpha-2)");
        }
    }
}

/// A purchase in one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"lines": [{"book_id": 8, "quantity": 1, "expected_price": 12.99}], "payment_method": "on_delivery", "address": {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"}}"#
)]
pub struct CheckoutRequest {
    pub lines: Vec<CheckoutLine>,
    pub payment_method: PaymentMethod,
    /// Absent: the buyer collects the books.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<Address>,
    /// The caller's own reference, kept and shown, never interpreted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_ref: Option<String>,
    /// Where messages about the order go, E.164. Absent: the account's number, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<Phone>,
}

/// Copies of one book to buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct CheckoutLine {
    pub book_id: BookId,
    pub quantity: i64,
    /// The price that the buyer was shown; another price in force refuses the purchase.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected_price: Option<Amount>,
}

/// Why an order was canceled or rejected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"reason": "ordered by mistake"}"#)]
pub struct CancelRequest {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// An order with its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "state": "approved", "stock": "taken", "payment": "unpaid", "fulfillment": "scheduled", "payment_method": "on_delivery", "lines": [{"line": 1, "book_id": 8, "quantity": 1, "title": "The Martian", "isbn": "9780143127550", "price": 12.99}], "total": 12.99, "currency": "USD", "delivery_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1", "refused": [], "settled": true, "version": 4, "created_at": "2026-11-18T11:06:40.123456Z", "updated_at": "2026-11-18T11:06:40.223456Z"}"#
)]
pub struct OrderView {
    pub id: OrderId,
    pub state: OrderState,
    pub stock: StockState,
    pub payment: PaymentState,
    pub fulfillment: FulfillmentState,
    pub payment_method: PaymentMethod,
    pub lines: Vec<OrderLineView>,
    /// Sum of the lines; absent until every line has its price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_ref: Option<String>,
    /// The delivery that was booked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivery_id: Option<DeliveryId>,
    /// Why the order was canceled or rejected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The lines whose copies could not be taken; empty unless that is why the order was canceled.
    #[serde(default)]
    pub refused: Vec<RefusedLine>,
    /// True when nothing is left to do for the order until somebody decides something.
    pub settled: bool,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Copies of one book in an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct OrderLineView {
    /// Position in the order, from 1.
    pub line: i64,
    pub book_id: BookId,
    pub quantity: i64,
    /// Known once the copies are taken.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isbn: Option<Isbn>,
    /// Price of one copy, as it was when the copies were taken.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Amount>,
}

/// One page of orders, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct OrderPage {
    pub items: Vec<OrderView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// One change of an order: which command, what it did, who asked for it and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"version": 2, "command": "copies_taken", "state": "approved", "stock": "taken", "payment": "unpaid", "fulfillment": "none", "actor": "driver", "at": "2026-11-18T11:06:40.223456Z"}"#
)]
pub struct OrderHistoryEntry {
    /// The order's version after the change.
    pub version: i64,
    pub command: String,
    pub state: OrderState,
    pub stock: StockState,
    pub payment: PaymentState,
    pub fulfillment: FulfillmentState,
    /// Who asked for it.
    pub actor: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// The whole history of an order, first change first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct OrderHistory {
    pub order_id: OrderId,
    pub items: Vec<OrderHistoryEntry>,
}
