use shared_types::{
    Timestamp,
    deliveries::DeliveryStatus as D,
    orders::{
        Address, FulfillmentState as F, OrderState as S, PaymentAttemptState as A, PaymentMethod as M, StockState as C,
    },
    payments::{ChargeMethod, PaymentStatus as P},
};

use super::super::{Attempt, Command, Flow, Order};

/// An order's axes, with the state of each attempt to pay.
pub(super) type Axes = (S, C, F, Vec<A>);

/// What the table says about a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    Illegal,
    /// It is known already: nothing changes.
    Same,
    Now(Axes),
}

use After::{Illegal, Now, Same};

/// The table. Rows are commands; each says on which orders it may be given, and what they are afterwards.
pub(super) fn table(order: &Order, command: &Command) -> After {
    let is = Is(order);
    let open = matches!(order.state, S::Created | S::Pending);
    let review = order.flow == Flow::Review;
    let line = |number: &u32| order.lines.iter().find(|line| line.number == *number);
    let editable = review && open && order.stock == C::None;
    let in_force = |n: &u32| *n == order.taking_n;
    match command {
        Command::Place => is.now_if(order.state == S::Created && !review, S::Pending, C::Taking),
        Command::AddLine { .. } => is.now_if(editable, order.state, order.stock),
        Command::ChangeLine { number, quantity } => match line(number) {
            Some(line) if editable && line.quantity == *quantity => Same,
            found => is.now_if(editable && found.is_some(), order.state, order.stock),
        },
        Command::RemoveLine { number } => is.now_if(editable && line(number).is_some(), order.state, order.stock),
        Command::Submit => {
            is.now_if(review && order.state == S::Created && !order.lines.is_empty(), S::Pending, order.stock)
        }
        Command::Approve if review && order.state == S::Pending && order.stock == C::Taking => Same,
        Command::Approve => is.now_if(
            review && order.state == S::Pending && order.stock == C::None && !order.lines.is_empty(),
            S::Pending,
            C::Taking,
        ),
        Command::Reject { .. } => is.ended_if(order.state == S::Pending, S::Rejected),
        Command::Cancel { .. } => is.ended_if(open, S::Canceled),
        Command::CopiesTaken { n, lines } => {
            let fits = lines.iter().map(|line| line.quantity).sum::<i64>() == order.copies().values().sum::<i64>();
            if order.stock == C::Taking && in_force(n) && fits { is.taken() } else { Illegal }
        }
        Command::CopiesRefused { n, .. } if order.stock == C::Taking && in_force(n) => is.without_copies(),
        Command::CopiesRefused { .. } => Illegal,
        Command::CopiesGivenBack { n } => match order.stock {
            C::Taking if in_force(n) => is.without_copies(),
            C::GivingBack => is.now_if(in_force(n) && order.keeps_no_money(), order.state, C::None),
            C::None | C::Taking | C::Taken => Illegal,
        },
        Command::StartPayment { .. } => is.payment_started(),
        Command::PaymentNamed { n, .. } => {
            let unnamed =
                order.payments.iter().any(|a| a.n == *n && a.state == A::Charging && a.provider_ref.is_none());
            is.now_if(unnamed, order.state, order.stock)
        }
        Command::PaymentAnswered { n, status, .. } => is.answered(*n, *status),
        Command::PaymentReported { n, status } => is.reported(*n, *status),
        Command::DeadlinePassed => is.late(),
        Command::ExtendDeadline { until } => is.extended(*until),
        Command::Refund { .. } if order.withdrawn => Same,
        Command::Refund { .. } => is.refunded(),
        Command::HandOver => is.handed_over(),
        Command::Deliver { address } => is.delivered_to(address),
        Command::DeliveryBooked { n, status, version } => is.booked(*n, *status, *version),
        Command::DeliveryMoved { n, status, version } => is.parcel(*n, *status, *version),
    }
}

/// What an order is, in the words of the table.
struct Is<'a>(&'a Order);

impl Is<'_> {
    fn attempts(&self) -> Vec<A> {
        self.0.payments.iter().map(|attempt| attempt.state).collect()
    }

    fn now_if(&self, legal: bool, state: S, stock: C) -> After {
        if legal { Now((state, stock, self.0.fulfillment, self.attempts())) } else { Illegal }
    }

    /// What was asked for is canceled, what was captured is refunded, and what never was sent is nothing.
    fn undo(&self, state: A) -> A {
        let free = self.0.total().is_some_and(|total| total.minor == 0);
        match state {
            A::Planned => A::Canceled,
            A::Charging | A::Processing => A::Canceling,
            A::Succeeded if free => A::Refunded,
            A::Succeeded => A::Refunding,
            A::Canceling | A::Refunding | A::Declined | A::Canceled | A::Refunded => state,
        }
    }

    fn undone(&self) -> Vec<A> {
        self.attempts().into_iter().map(|state| self.undo(state)).collect()
    }

    fn ended(&self, state: S) -> After {
        let stock = if self.0.stock == C::None { C::None } else { C::GivingBack };
        Now((state, stock, self.0.fulfillment, self.undone()))
    }

    fn ended_if(&self, legal: bool, state: S) -> After {
        if legal { self.ended(state) } else { Illegal }
    }

    fn extended(&self, until: Timestamp) -> After {
        let order = self.0;
        match order.pay_by {
            Some(pay_by) if order.state == S::Pending && until == pay_by => Same,
            Some(pay_by) => self.now_if(order.state == S::Pending && until > pay_by, order.state, order.stock),
            None => Illegal,
        }
    }

    fn refunded(&self) -> After {
        let order = self.0;
        let here = matches!(order.fulfillment, F::None | F::Scheduled | F::Returned);
        if order.state == S::Approved && here {
            self.undone_unless_parcel(order.fulfillment, order.delivery_version > 0)
        } else {
            Illegal
        }
    }

    fn handed_over(&self) -> After {
        let order = self.0;
        let sold = order.state == S::Approved && !order.withdrawn && order.address.is_none();
        match order.fulfillment {
            F::None if sold => Now((order.state, order.stock, F::Shipped, self.attempts())),
            F::Shipped if sold => Same,
            F::None | F::Scheduled | F::Shipped | F::Delivered | F::Failed | F::Returned => Illegal,
        }
    }

    fn delivered_to(&self, address: &Address) -> After {
        let order = self.0;
        let sold = order.state == S::Approved && order.stock == C::Taken && !order.withdrawn;
        match &order.address {
            Some(there) if sold && there == address => Same,
            None => self.now_if(sold && order.fulfillment == F::None, order.state, order.stock),
            Some(_) => Illegal,
        }
    }

    fn booked(&self, n: u32, status: D, version: i64) -> After {
        let order = self.0;
        let awaited =
            order.state == S::Approved && !order.withdrawn && order.address.is_some() && order.delivery_version == 0;
        if awaited && n == order.delivery_n.max(1) { self.parcel(n, status, version) } else { Illegal }
    }

    fn taken(&self) -> After {
        match (self.0.flow, self.0.payment_method) {
            (Flow::Review, _) | (Flow::Checkout, M::OnDelivery) => self.now_if(true, S::Approved, C::Taken),
            (Flow::Checkout, M::Card | M::Invoice) => {
                Now((S::Pending, C::Taken, self.0.fulfillment, vec![A::Charging]))
            }
        }
    }

    fn without_copies(&self) -> After {
        match self.0.flow {
            Flow::Checkout => Now((S::Canceled, C::None, self.0.fulfillment, self.undone())),
            Flow::Review => self.now_if(true, S::Pending, C::None),
        }
    }

    fn payment_started(&self) -> After {
        let order = self.0;
        let sold = matches!(order.state, S::Pending | S::Approved) && order.stock == C::Taken && !order.withdrawn;
        let here = matches!(order.fulfillment, F::None | F::Scheduled);
        let free = order.payments.iter().all(|attempt| match attempt.state {
            A::Declined | A::Canceled | A::Refunded => true,
            A::Processing => attempt.method == ChargeMethod::Invoice,
            A::Planned | A::Charging | A::Canceling | A::Succeeded | A::Refunding => false,
        });
        if !(sold && here && free && !order.lapsed) {
            return Illegal;
        }
        let mut attempts = self.undone();
        attempts.push(A::Charging);
        Now((order.state, order.stock, order.fulfillment, attempts))
    }

    fn answered(&self, n: u32, status: P) -> After {
        let order = self.0;
        let Some(attempt) = order.payments.iter().find(|attempt| attempt.n == n) else { return Illegal };
        let closed = |state: A| self.closed(n, state);
        match (attempt.state, status) {
            (A::Planned | A::Succeeded | A::Declined | A::Canceled | A::Refunded, _) => Illegal,
            (A::Charging, P::Processing) => {
                Now((order.state, order.stock, order.fulfillment, self.with(n, A::Processing)))
            }
            (_, P::Processing) | (A::Refunding, P::Succeeded) => Same,
            (_, P::Succeeded) => self.captured(n),
            (_, P::Declined) => closed(A::Declined),
            (_, P::Canceled) => closed(A::Canceled),
            (_, P::Refunded) => closed(A::Refunded),
        }
    }

    fn with(&self, n: u32, state: A) -> Vec<A> {
        self.0.payments.iter().map(|attempt| if attempt.n == n { state } else { attempt.state }).collect()
    }

    /// One payment pays; money that nobody wants goes back.
    fn captured(&self, n: u32) -> After {
        let order = self.0;
        let wanted = order.stock == C::Taken && !order.withdrawn && !self.attempts().contains(&A::Succeeded);
        if !wanted {
            return Now((order.state, order.stock, order.fulfillment, self.with(n, A::Refunding)));
        }
        let pay = |attempt: &Attempt| match attempt.n == n {
            true => A::Succeeded,
            false => self.undo(attempt.state),
        };
        Now((S::Approved, C::Taken, order.fulfillment, order.payments.iter().map(pay).collect()))
    }

    fn closed(&self, n: u32, state: A) -> After {
        let order = self.0;
        let attempts = self.with(n, state);
        let open = attempts.iter().any(|state| matches!(state, A::Charging | A::Processing | A::Canceling));
        let by_card = order.flow == Flow::Checkout && order.payment_method == M::Card && n == 1;
        if order.state == S::Pending && order.stock == C::Taken && !open && (order.lapsed || by_card) {
            return Now((S::Canceled, C::GivingBack, order.fulfillment, attempts));
        }
        Now((order.state, order.stock, order.fulfillment, attempts))
    }

    fn reported(&self, n: u32, status: P) -> After {
        let order = self.0;
        let Some(attempt) = order.payments.iter().find(|attempt| attempt.n == n) else { return Illegal };
        let asked_again = match (attempt.state, status) {
            (A::Processing, P::Succeeded | P::Declined | P::Canceled | P::Refunded) => A::Charging,
            (A::Declined | A::Canceled, P::Succeeded) => A::Canceling,
            (A::Refunded, P::Succeeded) => A::Refunding,
            // Only that it moves: an answer from before the news is not believed any more.
            (A::Charging | A::Canceling, P::Succeeded | P::Declined | P::Canceled | P::Refunded) => attempt.state,
            (_, _) => return Same,
        };
        Now((order.state, order.stock, order.fulfillment, self.with(n, asked_again)))
    }

    fn late(&self) -> After {
        let order = self.0;
        let open = |state: &A| matches!(state, A::Charging | A::Processing | A::Canceling);
        if order.pay_by.is_none() {
            return Illegal;
        }
        if order.state == S::Pending && !self.attempts().iter().any(open) {
            return self.ended(S::Canceled);
        }
        let stop = |state: A| if open(&state) { A::Canceling } else { state };
        Now((order.state, order.stock, order.fulfillment, self.attempts().into_iter().map(stop).collect()))
    }

    fn parcel(&self, n: u32, status: D, version: i64) -> After {
        let order = self.0;
        if n < order.delivery_n || (n == order.delivery_n && version <= order.delivery_version) {
            return Same;
        }
        let fulfillment = match status {
            D::Scheduled => F::Scheduled,
            D::Shipped => F::Shipped,
            D::Delivered => F::Delivered,
            D::Failed => F::Failed,
            D::Returned => F::Returned,
            D::Canceled => F::None,
        };
        if order.withdrawn && order.stock == C::Taken {
            return self.undone_unless_parcel(fulfillment, n > 0);
        }
        Now((order.state, order.stock, fulfillment, self.attempts()))
    }

    /// An order that is being undone, and whose parcel is this: what stays here is undone, what may leave is stopped first.
    fn undone_unless_parcel(&self, fulfillment: F, is_known: bool) -> After {
        let order = self.0;
        let stays = order.address.is_none() || (is_known && matches!(fulfillment, F::None | F::Returned));
        match stays {
            true => Now((order.state, C::GivingBack, fulfillment, self.undone())),
            false => Now((order.state, order.stock, fulfillment, self.attempts())),
        }
    }
}
