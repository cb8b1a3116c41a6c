//! The purchase, read aloud.
//!
//! An order is placed and takes its copies; taken, it is approved, for its buyer pays at the door; refused, it is
//! canceled. Who cancels it while its copies are on their way has them given back before anything else: the tombstone of
//! *give back* kills a *take* that is still under way. An approved order with an address books one delivery.
//!
//! What holds after every move:
//! - `approved`, `rejected` and `canceled` are final.
//! - An approved order has its copies; a canceled one has none, or is giving them back.
//! - There is no second attempt to take while the first is unresolved, and an answer to an older attempt is not believed.
//! - Whatever is outstanding follows from the stored order alone: [`next`] is recovery, retry and the ordinary path.

use std::collections::BTreeMap;

use shared_types::{
    BookId, Currency, DeliveryId, OrderId, TakingId,
    deliveries::DeliveryStatus,
    orders::{Address, FulfillmentState, OrderState, PaymentMethod, PaymentState, StockState},
    takings::{RefusedLine, TakenLine},
};

use super::line::{Line, TakenCopies};

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    /// Counts the moves; every write compares it.
    pub version: i64,
    pub state: OrderState,
    pub stock: StockState,
    pub payment: PaymentState,
    pub fulfillment: FulfillmentState,
    pub payment_method: PaymentMethod,
    pub currency: Currency,
    pub lines: Vec<Line>,
    /// Absent: the buyer collects the books.
    pub address: Option<Address>,
    pub customer_ref: Option<String>,
    /// Attempts to take copies so far. The last one is in force.
    pub taking_n: u32,
    /// Number of the delivery that was booked; 0 while there is none.
    pub delivery_n: u32,
    /// The newest version of that delivery that was heard of.
    pub delivery_version: i64,
    /// Why it was canceled or rejected.
    pub reason: Option<String>,
    /// The lines whose copies could not be taken.
    pub refused: Vec<RefusedLine>,
}

/// What somebody asks of an order, or what the world answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Place,
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
    Cancel {
        reason: Option<String>,
    },
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
    GiveBack,
    BookDelivery,
}

/// Why a command changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{command} is not possible for an order that is {state:?} with its stock {stock:?}")]
    IllegalMove { command: &'static str, state: OrderState, stock: StockState },
    #[error("{command} answers attempt {answered}, and attempt {current} is in force")]
    OtherAttempt { command: &'static str, answered: u32, current: u32 },
    #[error("an order without lines takes nothing")]
    NoLines,
    #[error("the answer does not fit the order: {0}")]
    DoesNotFit(String),
}

/// The outstanding action, decided from the order alone. `None`: it is at rest until somebody decides something.
pub fn next(order: &Order) -> Option<Action> {
    let booked = order.delivery_n > 0;
    match order.stock {
        StockState::Taking => Some(Action::Take),
        StockState::GivingBack => Some(Action::GiveBack),
        StockState::Taken if order.state == OrderState::Approved && order.address.is_some() && !booked => {
            Some(Action::BookDelivery)
        }
        StockState::Taken | StockState::None => None,
    }
}

/// The order after the command, or why there is no such move. An old event leaves the order as it is, version included.
pub fn apply(order: &Order, command: Command) -> Result<Order, Refusal> {
    match command {
        Command::Place => place(order),
        Command::CopiesTaken { n, lines } => copies_taken(order, n, &lines),
        Command::CopiesRefused { n, lines } => copies_refused(order, n, lines),
        Command::CopiesGivenBack { n } => copies_given_back(order, n),
        Command::Cancel { reason } => cancel(order, reason),
        Command::DeliveryBooked { n, status, version } => delivery_booked(order, n, status, version),
        Command::DeliveryMoved { n, status, version } => Ok(delivery_moved(order, n, status, version)),
    }
}

fn place(order: &Order) -> Result<Order, Refusal> {
    if order.state != OrderState::Created {
        return Err(order.illegal("place"));
    }
    if order.lines.is_empty() {
        return Err(Refusal::NoLines);
    }
    let taking_n = order.taking_n + 1;
    Ok(Order { state: OrderState::Pending, stock: StockState::Taking, taking_n, ..order.moved() })
}

fn copies_taken(order: &Order, n: u32, taken: &[TakenLine]) -> Result<Order, Refusal> {
    order.expect_stock("copies_taken", &[StockState::Taking])?;
    order.expect_attempt("copies_taken", n)?;
    let lines = order.filled(taken).map_err(Refusal::DoesNotFit)?;
    let state = match order.payment_method {
        PaymentMethod::OnDelivery => OrderState::Approved,
    };
    Ok(Order { state, stock: StockState::Taken, lines, ..order.moved() })
}

fn copies_refused(order: &Order, n: u32, refused: Vec<RefusedLine>) -> Result<Order, Refusal> {
    order.expect_stock("copies_refused", &[StockState::Taking])?;
    order.expect_attempt("copies_refused", n)?;
    let reason = Some("its copies could not be taken".to_owned());
    Ok(Order { state: OrderState::Canceled, stock: StockState::None, reason, refused, ..order.moved() })
}

/// Also possible while taking: then the attempt found its own tombstone, and can never succeed.
fn copies_given_back(order: &Order, n: u32) -> Result<Order, Refusal> {
    order.expect_stock("copies_given_back", &[StockState::Taking, StockState::GivingBack])?;
    order.expect_attempt("copies_given_back", n)?;
    let (state, reason) = match order.stock {
        StockState::Taking => (OrderState::Canceled, Some("its copies were given back".to_owned())),
        StockState::None | StockState::Taken | StockState::GivingBack => (order.state, order.reason.clone()),
    };
    Ok(Order { state, stock: StockState::None, reason, ..order.moved() })
}

/// Whether a take that is under way has succeeded does not matter: *give back* undoes it or forestalls it.
fn cancel(order: &Order, reason: Option<String>) -> Result<Order, Refusal> {
    let stock = match order.state {
        OrderState::Created | OrderState::Pending => match order.stock {
            StockState::None => StockState::None,
            StockState::Taking | StockState::Taken | StockState::GivingBack => StockState::GivingBack,
        },
        OrderState::Approved | OrderState::Rejected | OrderState::Canceled => return Err(order.illegal("cancel")),
    };
    Ok(Order { state: OrderState::Canceled, stock, reason, ..order.moved() })
}

fn delivery_booked(order: &Order, n: u32, status: DeliveryStatus, version: i64) -> Result<Order, Refusal> {
    if next(order) != Some(Action::BookDelivery) {
        return Err(order.illegal("delivery_booked"));
    }
    let current = order.delivery_id().n;
    if n != current {
        return Err(Refusal::OtherAttempt { command: "delivery_booked", answered: n, current });
    }
    Ok(delivery_moved(order, n, status, version))
}

/// The delivery service knows where the parcel is. An event may overtake another, so the newer one wins from any state.
fn delivery_moved(order: &Order, n: u32, status: DeliveryStatus, version: i64) -> Order {
    if (n, version) <= (order.delivery_n, order.delivery_version) {
        return order.clone();
    }
    let fulfillment = match status {
        DeliveryStatus::Scheduled => FulfillmentState::Scheduled,
        DeliveryStatus::Shipped => FulfillmentState::Shipped,
        DeliveryStatus::Delivered => FulfillmentState::Delivered,
        DeliveryStatus::Failed => FulfillmentState::Failed,
        DeliveryStatus::Returned => FulfillmentState::Returned,
        DeliveryStatus::Canceled => FulfillmentState::None,
    };
    Order { fulfillment, delivery_n: n, delivery_version: version, ..order.moved() }
}

impl Order {
    /// The attempt to take that is in force.
    pub fn taking_id(&self) -> TakingId {
        self.id.taking(self.taking_n)
    }

    /// The delivery that was booked, or the one to book.
    pub fn delivery_id(&self) -> DeliveryId {
        self.id.delivery(self.delivery_n.max(1))
    }

    /// Whether the buyer can be told how it ended: the state is final and no copies are on their way.
    pub fn decided(&self) -> bool {
        let still = matches!(self.stock, StockState::None | StockState::Taken);
        still && matches!(self.state, OrderState::Approved | OrderState::Rejected | OrderState::Canceled)
    }

    /// Copies per book, the lines of one book merged.
    pub fn copies(&self) -> BTreeMap<BookId, i64> {
        let mut copies = BTreeMap::new();
        for line in &self.lines {
            *copies.entry(line.book_id).or_insert(0) += line.quantity;
        }
        copies
    }

    /// The lines with what was in force, provided that exactly the copies of this order were taken.
    fn filled(&self, taken: &[TakenLine]) -> Result<Vec<Line>, String> {
        let mut books = BTreeMap::new();
        for line in taken {
            let copies: &mut i64 = books.entry(line.book_id).or_insert(0);
            *copies = copies.saturating_add(line.quantity);
        }
        if books != self.copies() {
            return Err(format!("asked for {:?}, taken {books:?}", self.copies()));
        }
        let fill = |line: &Line| {
            let answered = taken.iter().find(|taken| taken.book_id == line.book_id).ok_or("BUG: compared above")?;
            let copies = TakenCopies::read(answered, self.currency)?;
            match line.expected {
                Some(shown) if shown != copies.price => Err(format!("shown {shown}, taken at {}", copies.price)),
                Some(_) | None => Ok(Line { taken: Some(copies), ..line.clone() }),
            }
        };
        self.lines.iter().map(fill).collect()
    }

    fn moved(&self) -> Order {
        Order { version: self.version + 1, ..self.clone() }
    }

    fn illegal(&self, command: &'static str) -> Refusal {
        Refusal::IllegalMove { command, state: self.state, stock: self.stock }
    }

    fn expect_stock(&self, command: &'static str, allowed: &[StockState]) -> Result<(), Refusal> {
        if allowed.contains(&self.stock) { Ok(()) } else { Err(self.illegal(command)) }
    }

    fn expect_attempt(&self, command: &'static str, answered: u32) -> Result<(), Refusal> {
        let current = self.taking_n;
        if answered == current { Ok(()) } else { Err(Refusal::OtherAttempt { command, answered, current }) }
    }
}

impl Command {
    /// The command's name in the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Command::Place => "place",
            Command::CopiesTaken { .. } => "copies_taken",
            Command::CopiesRefused { .. } => "copies_refused",
            Command::CopiesGivenBack { .. } => "copies_given_back",
            Command::Cancel { .. } => "cancel",
            Command::DeliveryBooked { .. } => "delivery_booked",
            Command::DeliveryMoved { .. } => "delivery_moved",
        }
    }
}

impl Action {
    /// Every kind of action there is, for the sweeps.
    pub const KINDS: [Action; 3] = [Action::Take, Action::GiveBack, Action::BookDelivery];
}
