//! The final answers to the calls that move an order, as they are given and as they are kept under a key.

use serde::{Deserialize, Serialize};
use shared_types::{
    Code, FieldError, Problem,
    orders::{OrderState, OrderView, PaymentAttemptState, PaymentMethod, PaymentState, StockState},
    takings::{RefusalReason, RefusedLine},
};

use crate::{
    domain::{Action, Attempt, Order, next},
    store::Stored,
    view,
};

macro_rules! routes {
    ($($name:ident = $text:literal;)+) => {
        /// A call that carries idempotency keys.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Route {
            $($name,)+
        }

        impl Route {
            /// Every route there is.
            pub const ALL: &'static [Route] = &[$(Route::$name),+];

            /// The name under which its keys are kept.
            pub const fn name(self) -> &'static str {
                match self { $(Route::$name => $text,)+ }
            }
        }
    };
}

routes! {
    Checkout = "checkout";
    Create = "create";
    AddLine = "add_line";
    Submit = "submit";
    Approve = "approve";
    Reject = "reject";
    Cancel = "cancel";
    Extend = "extend";
    Refund = "refund";
    HandOver = "hand_over";
    Deliver = "deliver";
    Pay = "pay";
}

impl Route {
    /// Whether the order is as whoever called this waits for it: what he is answered then does not change any more.
    pub fn is_final(self, order: &Order) -> bool {
        let empty_handed = order.stock == StockState::None && order.keeps_no_money();
        match self {
            Route::Checkout => match order.state {
                OrderState::Approved => true,
                OrderState::Created => false,
                OrderState::Pending => is_invoiced(order),
                OrderState::Rejected | OrderState::Canceled => empty_handed,
            },
            Route::Approve => order.stock != StockState::Taking,
            Route::Reject | Route::Cancel => match order.state {
                OrderState::Rejected | OrderState::Canceled => empty_handed,
                OrderState::Created | OrderState::Pending | OrderState::Approved => true,
            },
            Route::Refund => !order.withdrawn || empty_handed,
            Route::Pay => !order.payments.iter().any(Attempt::is_open),
            Route::Deliver => next(order) != Some(Action::BookDelivery),
            Route::Create | Route::AddLine | Route::Submit | Route::Extend | Route::HandOver => true,
        }
    }
}

/// An invoice is open at its provider, and its buyer has its copies until the deadline.
fn is_invoiced(order: &Order) -> bool {
    let sent =
        |attempt: &Attempt| !matches!(attempt.state, PaymentAttemptState::Planned | PaymentAttemptState::Charging);
    order.payment_method == PaymentMethod::Invoice
        && order.stock == StockState::Taken
        && order.payments.first().is_some_and(sent)
}

/// How a call ended, once its order is as it was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Done(Box<OrderView>),
    Refused(Box<Problem>),
}

impl Answer {
    /// The final answer of this call about an order that is as it was waited for.
    pub fn of(route: Route, stored: &Stored) -> Answer {
        let order = &stored.order;
        let done = match route {
            Route::Checkout => matches!(order.state, OrderState::Approved | OrderState::Pending),
            Route::Approve => order.state == OrderState::Approved,
            Route::Reject => order.state == OrderState::Rejected,
            Route::Cancel => order.state == OrderState::Canceled,
            Route::Refund => order.withdrawn,
            Route::Pay => order.payment() == PaymentState::Paid,
            Route::Deliver => order.delivery_version > 0,
            Route::Create | Route::AddLine | Route::Submit | Route::Extend | Route::HandOver => true,
        };
        if done {
            return Answer::Done(Box::new(view::order(stored)));
        }
        let problem = match route {
            Route::Refund => Problem::new(Code::InvalidTransition, "too late: the parcel has left"),
            Route::Pay => not_paid(order),
            Route::Checkout
            | Route::Create
            | Route::AddLine
            | Route::Submit
            | Route::Approve
            | Route::Reject
            | Route::Cancel
            | Route::Extend
            | Route::HandOver
            | Route::Deliver => not_sold(order),
        };
        Answer::Refused(Box::new(problem.about(view::path(order.id))))
    }
}

/// Why the buyer does not get his books: the lines that stood in the way, his card, or who or what ended the order.
pub(crate) fn not_sold(order: &Order) -> Problem {
    if let Some(reason) = weightiest(&order.refused) {
        let (code, detail) = match reason {
            RefusalReason::Gone => (Code::BookGone, "a book of the order is not sold any more"),
            RefusalReason::SoldOut => (Code::SoldOut, "not enough copies of a book of the order"),
            RefusalReason::PriceChanged => (Code::PriceChanged, "a book of the order has another price now"),
        };
        let errors = order.refused.iter().flat_map(|line| named(order, line)).collect();
        return Problem::new(code, detail).with_errors(errors);
    }
    if order.payments.last().is_some_and(|last| last.state == PaymentAttemptState::Declined) {
        return not_paid(order);
    }
    let reason = order.reason.as_deref().unwrap_or("on request");
    let ended = match order.state {
        OrderState::Rejected => "rejected",
        OrderState::Created | OrderState::Pending | OrderState::Approved | OrderState::Canceled => "canceled",
    };
    Problem::new(Code::InvalidTransition, format!("the order was {ended}: {reason}"))
}

/// What became of the last payment, which does not pay.
fn not_paid(order: &Order) -> Problem {
    let last = order.payments.last();
    let reason = last.and_then(|last| last.reason.as_deref());
    match last.map(|last| last.state) {
        Some(PaymentAttemptState::Declined) => Problem::new(
            Code::PaymentFailed,
            format!("the payment was declined: {}", reason.unwrap_or("no reason given")),
        ),
        Some(_) | None => Problem::new(Code::InvalidTransition, "the payment was canceled, and nothing is charged"),
    }
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
