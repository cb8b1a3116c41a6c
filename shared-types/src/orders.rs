use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Amount, BookId, Currency, DeliveryId, FieldErrors, Isbn, OrderId, PaymentId, Timestamp,
    identity::Phone,
    limits::MAX_ADDRESS_FIELD_CHARS,
    payments::{Card, CardInTheClear, ChargeMethod},
    takings::RefusedLine,
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
    /// Charged in the checkout: approved once the money is there.
    Card,
    /// The copies wait for the money until the order's deadline.
    Invoice,
    /// In cash or by card at the door: the order is approved as soon as its copies are taken.
    OnDelivery,
}

/// Where a parcel goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
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
    /// For `card`, and only for that. It is exchanged for a token before anything is written.
    #[serde(skip_serializing, default)]
    pub card: Option<Card>,
    /// Absent: the buyer collects the books.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<Address>,
    /// The caller's own reference, kept and shown, never interpreted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_ref: Option<String>,
    /// Whose order it shall be, where somebody who reviews orders places it for a customer with an account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_behalf_of: Option<AccountId>,
    /// Where messages about the order go, E.164. Absent: the account's number, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<Phone>,
}

impl CheckoutRequest {
    /// The request with its card, for the one who passes it on and for nobody else.
    pub fn in_the_clear(&self) -> WithCard<'_, CheckoutRequest> {
        WithCard { request: self, card: self.card.as_ref().map(Card::in_the_clear) }
    }
}

/// A request that serialises with its card. It cannot be printed.
#[derive(Serialize)]
pub struct WithCard<'a, T> {
    #[serde(flatten)]
    request: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<CardInTheClear<'a>>,
}

/// Copies of one book to buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"book_id": 8, "quantity": 1, "expected_price": 12.99}"#)]
pub struct CheckoutLine {
    pub book_id: BookId,
    pub quantity: i64,
    /// The price that the buyer was shown; another price in force refuses the purchase.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected_price: Option<Amount>,
}

/// An order to be written, changed, submitted and then approved by an employee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"lines": [{"book_id": 8, "quantity": 1}], "customer_ref": "PO 4711"}"#)]
pub struct CreateOrderRequest {
    /// May be empty: lines can be added until the order's copies are taken.
    #[serde(default)]
    pub lines: Vec<CheckoutLine>,
    /// Absent: the buyer collects the books.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<Address>,
    /// The caller's own reference, kept and shown, never interpreted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer_ref: Option<String>,
    /// Whose order it shall be, where somebody who reviews orders places it for a customer with an account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_behalf_of: Option<AccountId>,
    /// Where messages about the order go, E.164. Absent: the account's number, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<Phone>,
}

/// Another number of copies in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"quantity": 2}"#)]
pub struct ChangeLineRequest {
    pub quantity: i64,
}

/// Why an order is canceled or refunded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"reason": "ordered by mistake"}"#)]
pub struct CancelRequest {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// Why an order is rejected: its customer is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"reason": "we do not send books that far"}"#)]
pub struct RejectRequest {
    pub reason: String,
}

/// A later deadline for the payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"until": "2026-12-24T18:00:00Z"}"#)]
pub struct ExtendRequest {
    pub until: Timestamp,
}

/// Another attempt to pay for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"card": {"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "123"}}"#)]
pub struct PayRequest {
    /// It is exchanged for a token before anything is written.
    #[serde(skip_serializing)]
    pub card: Card,
}

impl PayRequest {
    /// The request with its card, for the one who passes it on and for nobody else.
    pub fn in_the_clear(&self) -> WithCard<'_, PayRequest> {
        WithCard { request: self, card: Some(self.card.in_the_clear()) }
    }
}

/// An order with its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "state": "approved", "stock": "taken", "payment": "unpaid", "fulfillment": "scheduled", "payment_method": "on_delivery", "lines": [{"line": 1, "book_id": 8, "quantity": 1, "title": "The Martian", "isbn": "9780143127550", "price": 12.99}], "total": 12.99, "currency": "USD", "delivery_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1", "payments": [], "refused": [], "settled": true, "version": 4, "created_at": "2026-11-18T11:06:40.123456Z", "updated_at": "2026-11-18T11:06:40.223456Z"}"#
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
    /// Whose order it is, for whoever reviews orders: `account:…`, `guest:…`, `api_key:…` or `client:…`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<String>,
    /// Who placed it, for whoever reviews orders: an employee may do so for a customer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub placed_by: Option<String>,
    /// The delivery that was booked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivery_id: Option<DeliveryId>,
    /// Attempts to pay, first one first.
    #[serde(default)]
    pub payments: Vec<PaymentAttemptView>,
    /// Until when it has to be paid, while it is not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pay_by: Option<Timestamp>,
    /// Why the order was canceled, rejected or refunded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The lines whose copies could not be taken; empty unless they stood in the way of a checkout or an approval.
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
    /// Its number in the order, from 1; no number is used twice.
    pub line: i64,
    pub book_id: BookId,
    pub quantity: i64,
    /// Known once the copies are taken; in a reviewed order, from the moment of ordering.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isbn: Option<Isbn>,
    /// Price of one copy, as it was at that moment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Amount>,
}

/// The lines of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct OrderLines {
    pub order_id: OrderId,
    pub items: Vec<OrderLineView>,
    /// Sum of the lines; absent until every line has its price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<Currency>,
}

/// An attempt to pay for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"payment_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1", "method": "card", "amount": 12.99, "state": "succeeded"}"#
)]
pub struct PaymentAttemptView {
    pub payment_id: PaymentId,
    pub method: ChargeMethod,
    pub amount: Amount,
    pub state: PaymentAttemptState,
    /// Why it was declined or canceled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// How far an attempt to pay has come. `declined`, `canceled` and `refunded` keep no money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentAttemptState {
    /// Its copies are not taken yet: nothing was sent.
    Planned,
    /// The provider is asked to charge, until it answers.
    Charging,
    /// The provider waits for the buyer or his bank.
    Processing,
    /// The provider is asked to cancel, until it answers: that answer is the truth.
    Canceling,
    /// Captured, and it pays for the order.
    Succeeded,
    /// Captured, and to be given back.
    Refunding,
    Declined,
    Canceled,
    Refunded,
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
