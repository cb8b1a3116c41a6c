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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(delta: Option<i64>, set_to: Option<i64>) -> AdjustStockRequest {
        AdjustStockRequest { adjustment_id: None, delta, set_to, reason: "a box came".to_owned() }
    }

    #[test]
    fn an_adjustment_says_how_many_came_or_how_many_there_are() {
        let most = MAX_BOOK_COPIES;
        for (delta, set_to, expected) in [
            (Some(2), None, Ok((StockChange::By(2), "by 2"))),
            (Some(-2), None, Ok((StockChange::By(-2), "by -2"))),
            (None, Some(0), Ok((StockChange::To(0), "to 0"))),
            (Some(most), None, Ok((StockChange::By(most), "by 1000000000"))),
            (Some(-most), None, Ok((StockChange::By(-most), "by -1000000000"))),
            (Some(most + 1), None, Err("delta")),
            (Some(-most - 1), None, Err("delta")),
            (Some(0), None, Err("delta")),
            (None, Some(-1), Err("set_to")),
            (None, Some(most + 1), Err("set_to")),
            (Some(1), Some(1), Err("set_to")),
            (None, None, Err("delta")),
        ] {
            let read = Adjustment::parse(&request(delta, set_to));
            match expected {
                Ok((change, text)) => {
                    let adjustment = read.expect("an adjustment");
                    assert_eq!((adjustment.change, adjustment.change.text().as_str()), (change, text));
                    assert_eq!((adjustment.id, adjustment.reason.as_str()), (None, "a box came"));
                }
                Err(field) => {
                    let errors = read.expect_err("refused");
                    assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [field]);
                }
            }
        }
    }

    #[test]
    fn all_that_is_wrong_with_an_adjustment_is_named() {
        let wrong = AdjustStockRequest {
            adjustment_id: Some(" ".to_owned()),
            delta: Some(0),
            set_to: None,
            reason: String::new(),
        };
        let errors = Adjustment::parse(&wrong).expect_err("refused");
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["adjustment_id", "reason", "delta"]);
        let named = AdjustStockRequest { adjustment_id: Some("count 7".to_owned()), ..request(Some(1), None) };
        let adjustment = Adjustment::parse(&named).expect("an adjustment");
        assert_eq!(adjustment.id.expect("an id").as_str(), "count 7");
    }
}
