use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

use crate::{Amount, BookId, Currency, Isbn, OrderId, Problem, TakingId};

/// Copies to take for one attempt of an order: all lines or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"lines": [{"book_id": 8, "quantity": 1, "expected_price": 12.99}]}"#)]
pub struct TakeRequest {
    pub lines: Vec<TakeLine>,
}

/// Whether copies could be taken now. It is a look, and takes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(example = r#"{"refused": [{"book_id": 8, "reason": "sold_out", "available": 0, "title": "The Martian"}]}"#)]
pub struct TakingCheck {
    /// Every line that stands in the way; empty: all of them could be taken.
    pub refused: Vec<RefusedLine>,
}

/// Looks for several orders in one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"checks": [{"order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "lines": [{"book_id": 8, "quantity": 1}]}]}"#
)]
pub struct CheckManyRequest {
    pub checks: Vec<CheckOne>,
}

impl From<Vec<CheckOne>> for CheckManyRequest {
    fn from(checks: Vec<CheckOne>) -> CheckManyRequest {
        CheckManyRequest { checks }
    }
}

/// One of several looks: what `POST /takings/check` asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct CheckOne {
    /// The order that would take them.
    pub order_id: OrderId,
    pub lines: Vec<TakeLine>,
}

/// What was seen for each, in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"results": [{"order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "check": {"refused": [{"book_id": 8, "reason": "sold_out", "available": 0, "title": "The Martian"}]}}]}"#
)]
pub struct CheckManyAnswer {
    pub results: Vec<CheckOneAnswer>,
}

/// What `POST /takings/check` would have answered: what was seen, or the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct CheckOneAnswer {
    pub order_id: OrderId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub check: Option<TakingCheck>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<Problem>,
}

/// Copies of one book. Lines of the same book are merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct TakeLine {
    pub book_id: BookId,
    /// Copies, 1 or more.
    pub quantity: i64,
    /// The price that the buyer was shown; compared in the statement that takes. Absent: not compared.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected_price: Option<Amount>,
}

/// Takings of several orders in one request. Each is decided for itself, as if it had come alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"takings": [{"taking_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1", "lines": [{"book_id": 8, "quantity": 1, "expected_price": 12.99}]}]}"#
)]
pub struct TakeManyRequest {
    pub takings: Vec<TakeOne>,
}

impl From<Vec<TakeOne>> for TakeManyRequest {
    fn from(takings: Vec<TakeOne>) -> TakeManyRequest {
        TakeManyRequest { takings }
    }
}

/// One of several takings: what `PUT /takings/{taking_id}` asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub struct TakeOne {
    pub taking_id: TakingId,
    pub lines: Vec<TakeLine>,
    /// The id of the request that it belongs to, for the log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
}

/// What became of each, in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"results": [{"taking_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1", "taking": {"taking_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1", "state": "taken", "lines": [{"book_id": 8, "quantity": 1, "title": "The Martian", "isbn": "9780143127550", "price": 12.99, "currency": "USD"}], "refused": []}}]}"#
)]
pub struct TakeManyAnswer {
    pub results: Vec<TakeOneAnswer>,
}

/// What `PUT /takings/{taking_id}` would have answered: the taking, or the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
pub struct TakeOneAnswer {
    pub taking_id: TakingId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub taking: Option<TakingView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<Problem>,
}

/// What became of a taking. `refused` and `given_back` are final; only `taken` can still become `given_back`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum TakingState {
    Taken,
    Refused,
    GivenBack,
}

/// The answer to every call about a taking: its state decides, not the status code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"taking_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1", "state": "taken", "lines": [{"book_id": 8, "quantity": 1, "title": "The Martian", "isbn": "9780143127550", "price": 12.99, "currency": "USD"}], "refused": []}"#
)]
pub struct TakingView {
    pub taking_id: TakingId,
    pub state: TakingState,
    /// The copies taken (and perhaps given back since), one line per book in book order; empty for a refusal.
    #[serde(default)]
    pub lines: Vec<TakenLine>,
    /// Every line that stood in the way; empty unless refused.
    #[serde(default)]
    pub refused: Vec<RefusedLine>,
}

/// Copies of one book that were taken, with what was in force in that instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
pub struct TakenLine {
    pub book_id: BookId,
    pub quantity: i64,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isbn: Option<Isbn>,
    /// Price of one copy.
    pub price: Amount,
    pub currency: Currency,
}

/// Why a line could not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// Fewer copies on hand than asked for.
    SoldOut,
    /// The book was withdrawn or never existed.
    Gone,
    /// The price in force is not the one that the buyer was shown.
    PriceChanged,
}

/// A line that stood in the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
pub struct RefusedLine {
    pub book_id: BookId,
    pub reason: RefusalReason,
    /// Copies on hand when it was refused, for `sold_out`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub available: Option<i64>,
    /// The price in force, for `price_changed`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Amount>,
    /// The book's title, where there is such a book.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
}
