//! The final answers to a purchase and to a cancellation, as they are given and as they are kept under a key.

use serde::{Deserialize, Serialize};
use shared_types::{
    Code, FieldError, Problem,
    orders::{OrderState, OrderView},
    takings::{RefusalReason, RefusedLine},
};

use crate::{domain::Order, store::Stored, view};

/// A call that carries idempotency keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    Checkout,
    Cancel,
}

impl Route {
    /// The name under which its keys are kept.
    pub const fn name(self) -> &'static str {
        match self {
            Route::Checkout => "checkout",
            Route::Cancel => "cancel",
        }
    }
}

/// How a call ended, once its order is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Done(Box<OrderView>),
    Refused(Box<Problem>),
}

impl Answer {
    /// The final answer of this call about a decided order.
    pub fn of(route: Route, stored: &Stored) -> Answer {
        let wanted = match route {
            Route::Checkout => OrderState::Approved,
            Route::Cancel => OrderState::Canceled,
        };
        if stored.order.state == wanted {
            Answer::Done(Box::new(view::order(stored)))
        } else {
            Answer::Refused(Box::new(not_sold(&stored.order)))
        }
    }
}

/// Why the buyer does not get his books: the lines that stood in the way, or who or what canceled the order.
fn not_sold(order: &Order) -> Problem {
    let problem = match weightiest(&order.refused) {
        Some(reason) => {
            let (code, detail) = match reason {
                RefusalReason::Gone => (Code::BookGone, "a book of the order is not sold any more"),
                RefusalReason::SoldOut => (Code::SoldOut, "not enough copies of a book of the order"),
                RefusalReason::PriceChanged => (Code::PriceChanged, "a book of the order has another price now"),
            };
            Problem::new(code, detail).with_errors(order.refused.iter().flat_map(|line| named(order, line)).collect())
        }
        None => {
            let reason = order.reason.as_deref().unwrap_or("on request");
            Problem::new(Code::InvalidTransition, format!("the order was canceled: {reason}"))
        }
    };
    problem.about(view::path(order.id))
}

/// One order may be refused for several reasons; the code names the one that trying again helps least.
fn weightiest(refused: &[RefusedLine]) -> Option<RefusalReason> {
    let order = [RefusalReason::Gone, RefusalReason::SoldOut, RefusalReason::PriceChanged];
    order.into_iter().find(|reason| refused.iter().any(|line| line.reason == *reason))
}

/// The refusal of a book, under each line of the request that asked for it.
fn named(order: &Order, refused: &RefusedLine) -> Vec<FieldError> {
    let title =
        refused.title.as_ref().map_or_else(|| format!("book {}", refused.book_id), |title| format!("{title:?}"));
    let (field, detail) = match refused.reason {
        RefusalReason::Gone => ("book_id", format!("{title} is not sold here")),
        RefusalReason::SoldOut => {
            let available = refused.available.unwrap_or(0);
            ("quantity", format!("{available} available of {title}"))
        }
        RefusalReason::PriceChanged => {
            let price = refused.price.map_or_else(|| "another price".to_owned(), |price| price.to_string());
            ("expected_price", format!("the price of {title} is {price}"))
        }
    };
    let lines = order.lines.iter().enumerate().filter(|(_, line)| line.book_id == refused.book_id);
    lines.map(|(at, _)| FieldError { field: format!("lines[{at}].{field}"), detail: detail.clone() }).collect()
}
