use shared_types::{FieldError, books::AdjustStockRequest, limits::MAX_BOOK_COPIES};

use super::{
    fields::{FieldErrors, copies, within},
    text::{AdjustmentId, Reason},
};

/// How a stock is to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StockChange {
    /// So many copies came, or went.
    By(i64),
    /// So many were counted.
    To(i64),
}

/// An adjustment of one book's stock by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// None: nobody means to send it twice.
    pub id: Option<AdjustmentId>,
    pub change: StockChange,
    pub reason: Reason,
}

impl StockChange {
    /// What is kept to tell whether a repeated id means the same.
    pub fn text(self) -> String {
        match self {
            StockChange::By(delta) => format!("by {delta}"),
            StockChange::To(counted) => format!("to {counted}"),
        }
    }
}

impl Adjustment {
    pub fn parse(request: &AdjustStockRequest) -> Result<Adjustment, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let id = errors.check_given("adjustment_id", request.adjustment_id.as_deref(), AdjustmentId::parse);
        let reason = errors.check("reason", Reason::parse(&request.reason));
        let change = match (request.delta, request.set_to) {
            (Some(delta), None) => errors.check("delta", difference(delta)).map(StockChange::By),
            (None, Some(counted)) => errors.check("set_to", copies(counted)).map(StockChange::To),
            (Some(_), Some(_)) => {
                errors.refuse("set_to", "stands beside delta: only one of them can be meant");
                None
            }
            (None, None) => {
                errors.refuse("delta", "is missing, and so is set_to");
                None
            }
        };
        let adjustment = change.zip(reason).map(|(change, reason)| Adjustment { id, change, reason });
        errors.finish(adjustment)
    }
}

fn difference(delta: i64) -> Result<i64, String> {
    match delta {
        0 => Err("is 0".to_owned()),
        other => within(other, -MAX_BOOK_COPIES, MAX_BOOK_COPIES),
    }
}
