//! What an audit found, set right by the calls that the driver makes anyway. An order that stands behind a taking, a payment
//! or a delivery is asked first: what is its is never taken from it.

use service_kit::{Outcome, db::DbError};
use shared_types::{
    DeliveryId, OrderId, PaymentId, Problem, TakingId,
    deliveries::DeliveryView,
    orders::{OrderState, StockState},
    payments::PaymentView,
    takings::TakingView,
};

use super::{
    Driver,
    judge::{self, Judgement},
};
use crate::{
    clients::payments::Payment,
    domain::{Command, Order, ProviderName},
    store::{self, Actor, moves::MoveError},
};

/// Why nothing was repaired.
#[derive(Debug, thiserror::Error)]
pub enum NotRepaired {
    #[error("there is no order {0}")]
    NoSuchOrder(OrderId),
    #[error("its order stands behind it")]
    NoOrphan,
    #[error("the order has booked no delivery")]
    NothingBooked,
    #[error("the sandbox, whose ledger an audit reads, is not configured")]
    NoSandbox,
    #[error("{0}")]
    Refused(Box<Problem>),
    #[error("no answer: {0}")]
    NoAnswer(String),
    #[error(transparent)]
    Move(#[from] MoveError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Driver {
    /// The order is due now. What it waits for is asked again.
    pub async fn drive_on(&self, id: OrderId) -> Result<(), NotRepaired> {
        let now = self.now();
        let found = self.0.db.write(move |tx| store::due::now(tx, id, now)).await?;
        self.wake();
        if found { Ok(()) } else { Err(NotRepaired::NoSuchOrder(id)) }
    }

    /// The booking is made once more: its answer says where the parcel is.
    pub async fn hear_of_delivery(&self, id: OrderId, actor: Actor) -> Result<&'static str, NotRepaired> {
        let stored = self.standing(id).await?.ok_or(NotRepaired::NoSuchOrder(id))?;
        let order = &stored.order;
        let Some(address) = order.address.as_ref().filter(|_| order.delivery_n > 0) else {
            return Err(NotRepaired::NothingBooked);
        };
        let told = self.0.others.delivery.book(order.delivery_id(), address, &stored.owner.customer).await;
        let command = match judge::booking(order, told) {
            Judgement::Answered(Command::DeliveryBooked { n, status, version }) => {
                Command::DeliveryMoved { n, status, version }
            }
            Judgement::Answered(other) => return Err(NotRepaired::NoAnswer(format!("BUG: {}", other.name()))),
            Judgement::NoAnswer(why) | Judgement::Misunderstood(why) => return Err(NotRepaired::NoAnswer(why)),
        };
        let hand = self.hand_over(actor);
        let moved = self.0.db.write(move |tx| store::moves::make(tx, id, &command, &hand)).await?;
        self.0.watchers.tell(&moved);
        self.wake();
        Ok("heard")
    }

    pub async fn give_back_orphan(&self, id: TakingId) -> Result<TakingView, NotRepaired> {
        self.expect_orphan(id.order, |order| id.n == order.taking_n && order.stock != StockState::None).await?;
        done(self.0.others.catalog.give_back(id).await)
    }

    /// At the sandbox: of no other provider's ledger an audit knows.
    pub async fn refund_orphan(&self, id: PaymentId) -> Result<PaymentView, NotRepaired> {
        self.expect_orphan(id.order, |order| order.payments.iter().any(|attempt| attempt.n == id.n)).await?;
        let providers = &self.0.others.providers;
        let sandbox = providers.known.get(&ProviderName::Sandbox).ok_or(NotRepaired::NoSandbox)?;
        let nothing_of_ours = shared_types::Money { minor: 0, currency: shared_types::Currency::USD };
        done(sandbox.refund(&Payment { id, amount: nothing_of_ours, provider_ref: None }).await)
    }

    pub async fn cancel_orphan(&self, id: DeliveryId) -> Result<DeliveryView, NotRepaired> {
        let stands_behind = |order: &Order| {
            let sold = order.state == OrderState::Approved && order.stock == StockState::Taken;
            sold && order.address.is_some() && id.n == order.delivery_n.max(1)
        };
        self.expect_orphan(id.order, stands_behind).await?;
        done(self.0.others.delivery.cancel(id).await)
    }

    /// An order and its attempts are written before anybody is asked for anything: what it does not know now it never asked
    /// for.
    async fn expect_orphan(&self, id: OrderId, stands_behind: impl Fn(&Order) -> bool) -> Result<(), NotRepaired> {
        match self.standing(id).await? {
            Some(stored) if stands_behind(&stored.order) => Err(NotRepaired::NoOrphan),
            Some(_) | None => Ok(()),
        }
    }

    async fn standing(&self, id: OrderId) -> Result<Option<store::Stored>, DbError> {
        self.0.db.read(move |tx| store::orders::find(tx, id)).await
    }
}

fn done<T>(outcome: Outcome<T>) -> Result<T, NotRepaired> {
    match outcome {
        Outcome::Done(view) => Ok(view),
        Outcome::Refused(problem) => Err(NotRepaired::Refused(problem)),
        Outcome::Unknown(no_answer) => Err(NotRepaired::NoAnswer(no_answer.to_string())),
    }
}
