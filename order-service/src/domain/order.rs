//! An order on its axes, what may be asked of it, and why it may refuse.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared_types::{
    BookId, Currency, DeliveryId, Money, OrderId, PaymentId, TakingId, Timestamp,
    deliveries::DeliveryStatus,
    orders::{Address, FulfillmentState, OrderState, PaymentMethod, PaymentState, StockState},
    payments::{CardToken, PaymentStatus},
    takings::{RefusedLine, TakenLine},
};

use super::{
    line::Line,
    payment::{Attempt, ProviderName},
};

/// Which way an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Bought in one call: copies first, then money, then the approval.
    Checkout,
    /// Written, submitted and approved by an employee, who thereby takes the copies.
    Review,
}

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Order {
    pub id: OrderId,
    /// Counts the moves; every write compares it.
    pub version: i64,
    pub flow: Flow,
    pub state: OrderState,
    pub stock: StockState,
    pub fulfillment: FulfillmentState,
    pub payment_method: PaymentMethod,
    pub currency: Currency,
    pub lines: Vec<Line>,
    /// Lines that it ever had: no number is used twice.
    pub line_n: u32,
    /// Absent: the buyer collects the books.
    pub address: Option<Address>,
    pub customer_ref: Option<String>,
    /// Attempts to take copies so far. The last one is in force.
    pub taking_n: u32,
    /// Attempts to pay, first one first; the `payment` axis is derived from them.
    pub payments: Vec<Attempt>,
    /// Until when it has to be paid. Data like any other: whoever owns a clock says when it has passed.
    pub pay_by: Option<Timestamp>,
    /// The deadline passed while a payment was unresolved, whose end decides.
    pub lapsed: bool,
    /// An employee undoes the approved order: parcel, then money, then copies.
    pub withdrawn: bool,
    /// Number of the delivery that is in force; 0 before the first was booked.
    pub delivery_n: u32,
    /// The newest version of that delivery that was heard of; 0 while it is to be booked.
    pub delivery_version: i64,
    /// Why it was canceled, rejected or refunded.
    pub reason: Option<String>,
    /// The lines whose copies could not be taken.
    pub refused: Vec<RefusedLine>,
}

/// What somebody asks of an order, or what the world answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// A checkout: the order takes its copies at once.
    Place,
    AddLine {
        line: Line,
    },
    ChangeLine {
        number: u32,
        quantity: i64,
    },
    RemoveLine {
        number: u32,
    },
    Submit,
    Approve,
    Reject {
        reason: Option<String>,
    },
    Cancel {
        reason: Option<String>,
    },
    CopiesTaken {
        n: u32,
        lines: Vec<TakenLine>,
    },
    CopiesRefused {
        n: u32,
        lines: Vec<RefusedLine>,
    },
    /// Nothing is taken under this attempt, and nothing ever will be.
    CopiesGivenBack {
        n: u32,
    },
    /// Another attempt to pay, with this card, at the provider that gave the token for it. `pay_by` counts for an order that
    /// has no deadline of its own.
    StartPayment {
        token: CardToken,
        provider: ProviderName,
        pay_by: Timestamp,
    },
    /// The provider gave a payment a name of its own, and charged nothing yet.
    PaymentNamed {
        n: u32,
        name: String,
    },
    /// What the provider says of a payment, when it was asked.
    PaymentAnswered {
        n: u32,
        status: PaymentStatus,
        reason: Option<String>,
    },
    /// Somebody says that a payment is in this state now. A hint: the provider is asked.
    PaymentReported {
        n: u32,
        status: PaymentStatus,
    },
    DeadlinePassed,
    ExtendDeadline {
        until: Timestamp,
    },
    /// An employee gives the money back, and the copies with it.
    Refund {
        reason: Option<String>,
    },
    /// The buyer has collected his books.
    HandOver,
    DeliveryBooked {
        n: u32,
        status: DeliveryStatus,
        version: i64,
    },
    DeliveryMoved {
        n: u32,
        status: DeliveryStatus,
        version: i64,
    },
}

/// The one thing that is to be done for an order. Its ids follow from the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Take,
    Charge,
    CancelPayment,
    Refund,
    GiveBack,
    BookDelivery,
    CancelDelivery,
}

/// Why a command changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "{command} is not possible for an order that is {state:?} with stock {stock:?}, payment {payment:?}, \
         fulfillment {fulfillment:?}"
    )]
    IllegalMove {
        command: &'static str,
        state: OrderState,
        stock: StockState,
        payment: PaymentState,
        fulfillment: FulfillmentState,
    },
    #[error("{command} answers attempt {answered}, and attempt {current} is in force")]
    OtherAttempt { command: &'static str, answered: u32, current: u32 },
    #[error("an order without lines takes nothing")]
    NoLines,
    #[error("the order has no line {0}")]
    NoSuchLine(u32),
    #[error("the order has as many lines as an order may have")]
    TooManyLines,
    #[error("the order has no payment {0}")]
    NoSuchPayment(u32),
    #[error("the order was paid for too often in vain")]
    TooManyPayments,
    #[error("the order costs nothing")]
    NothingToPay,
    #[error("the deadline is later already")]
    NotLater,
    #[error("the answer does not fit the order: {0}")]
    DoesNotFit(String),
}

impl Order {
    /// The attempt to take that is in force.
    pub fn taking_id(&self) -> TakingId {
        self.id.taking(self.taking_n)
    }

    /// The id of an attempt to pay.
    pub fn payment_id(&self, n: u32) -> PaymentId {
        self.id.payment(n)
    }

    /// The delivery that was booked, or the one to book.
    pub fn delivery_id(&self) -> DeliveryId {
        self.id.delivery(self.delivery_n.max(1))
    }

    /// Copies per book, the lines of one book merged.
    pub fn copies(&self) -> BTreeMap<BookId, i64> {
        let mut copies = BTreeMap::new();
        for line in &self.lines {
            *copies.entry(line.book_id).or_insert(0) += line.quantity;
        }
        copies
    }

    /// What it costs, once every line has its price. An empty order costs nothing.
    pub fn total(&self) -> Option<Money> {
        let price = |line: &Line| line.terms.as_ref()?.price.times(line.quantity);
        let nothing = Money { minor: 0, currency: self.currency };
        self.lines.iter().map(price).try_fold(nothing, |sum, line| {
            Some(Money { minor: sum.minor.checked_add(line?.minor)?, currency: sum.currency })
        })
    }

    pub(super) fn moved(&self) -> Order {
        Order { version: self.version + 1, ..self.clone() }
    }

    pub(super) fn illegal(&self, command: &'static str) -> Refusal {
        let Order { state, stock, fulfillment, .. } = *self;
        Refusal::IllegalMove { command, state, stock, payment: self.payment(), fulfillment }
    }

    pub(super) fn expect(&self, command: &'static str, holds: bool) -> Result<(), Refusal> {
        if holds { Ok(()) } else { Err(self.illegal(command)) }
    }
}

impl Command {
    /// The command's name in the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Command::Place => "place",
            Command::AddLine { .. } => "add_line",
            Command::ChangeLine { .. } => "change_line",
            Command::RemoveLine { .. } => "remove_line",
            Command::Submit => "submit",
            Command::Approve => "approve",
            Command::Reject { .. } => "reject",
            Command::Cancel { .. } => "cancel",
            Command::CopiesTaken { .. } => "copies_taken",
            Command::CopiesRefused { .. } => "copies_refused",
            Command::CopiesGivenBack { .. } => "copies_given_back",
            Command::StartPayment { .. } => "start_payment",
            Command::PaymentNamed { .. } => "payment_named",
            Command::PaymentAnswered { .. } => "payment_answered",
            Command::PaymentReported { .. } => "payment_reported",
            Command::DeadlinePassed => "deadline_passed",
            Command::ExtendDeadline { .. } => "extend_deadline",
            Command::Refund { .. } => "refund",
            Command::HandOver => "hand_over",
            Command::DeliveryBooked { .. } => "delivery_booked",
            Command::DeliveryMoved { .. } => "delivery_moved",
        }
    }
}

impl Action {
    /// Every kind of action there is, for the sweeps.
    pub const KINDS: [Action; 7] = [
        Action::Take,
        Action::Charge,
        Action::CancelPayment,
        Action::Refund,
        Action::GiveBack,
        Action::BookDelivery,
        Action::CancelDelivery,
    ];
}
