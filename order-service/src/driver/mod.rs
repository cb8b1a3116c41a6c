//! The driver: load → `next` → one action → record the outcome with a compare-and-swap → again.
//!
//! Retry, failover and crash recovery are this one loop. What is absent: no transaction is open while a call is under
//! way, and nothing but the order's row is remembered between two rounds.

/// Work whose runtime may end before it.
mod abandoned;
/// What an answer of another service means for an order.
pub mod judge;
/// Asking a provider for money, or to keep its hands off it.
pub mod money;
/// Pauses that grow.
mod pause;
/// What an audit found, set right.
pub mod repair;
/// Who waits for which order in this process.
mod watchers;
/// Drives every order that is due.
mod worker;

use std::{future::Future, sync::Arc, time::Duration};

use service_kit::{
    Clock, RequestContext,
    db::{Db, DbError},
    faults,
    telemetry::traced,
};
use shared_types::{OrderId, Timestamp};
use tokio::{
    runtime::Handle,
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clients::{Catalog, Delivery, payments::Providers},
    config::Pace,
    domain::{Action, Command, Order, Refusal, apply, look, next},
    metrics, points,
    store::{self, Actor, Stored, moves::Hand},
};
use judge::Judgement;
pub use watchers::Watch;
use watchers::Watchers;
pub use worker::work;

/// Orders that requests drive themselves at the same time, at most; further ones are left to the background.
const MAX_REQUEST_DRIVES: usize = 512;
/// Orders that the background drives at the same time, at most.
const MAX_BACKGROUND_DRIVES: usize = 32;

/// Drives orders. Clones drive with the same limits.
#[derive(Clone)]
pub struct Driver(Arc<Inner>);

/// Whom a driver asks.
pub struct Others {
    pub catalog: Catalog,
    pub delivery: Delivery,
    pub providers: Providers,
}

struct Inner {
    db: Db,
    others: Others,
    clock: Clock,
    pace: Pace,
    watchers: Arc<Watchers>,
    due: Notify,
    request_seats: Arc<Semaphore>,
    background_seats: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Where the background drives: what a worker thread leaves unfinished that ends.
    runtime: Handle,
    stop: CancellationToken,
}

/// The right to drive an order beside the background.
pub struct Seat(Option<OwnedSemaphorePermit>);

/// An order for which a request has waited.
pub enum Waited {
    /// As it was made by the move that is told of: the first, of those that this process makes, that answers the request.
    Told(Stored),
    /// As it was found, perhaps some moves later.
    Found(Stored),
}

impl Waited {
    pub fn stored(&self) -> &Stored {
        match self {
            Waited::Told(stored) | Waited::Found(stored) => stored,
        }
    }
}

/// How one action ended.
enum Step {
    Moved(Box<Stored>),
    /// Somebody else moved the order meanwhile.
    Overtaken,
    /// No answer: the order is due again later.
    Later,
}

impl Driver {
    /// To be called on the runtime of the background.
    pub fn new(db: Db, others: Others, pace: Pace, stop: CancellationToken) -> Driver {
        Driver(Arc::new(Inner {
            db,
            others,
            clock: Clock::system(),
            pace,
            watchers: Arc::default(),
            due: Notify::new(),
            request_seats: Arc::new(Semaphore::new(MAX_REQUEST_DRIVES)),
            background_seats: Arc::new(Semaphore::new(MAX_BACKGROUND_DRIVES)),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
            stop,
        }))
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// A seat for a request that is about to move an order. Without one, the order is due in the background at once.
    pub fn seat(&self) -> Seat {
        Seat(Arc::clone(&self.0.request_seats).try_acquire_owned().ok())
    }

    /// The hand of whoever has this seat.
    pub fn hand(&self, actor: Actor, seat: &Seat) -> Hand {
        let lead_ms = if seat.0.is_some() { self.0.pace.lease_ms } else { 0 };
        Hand { lead_ms, ..self.hand_over(actor) }
    }

    /// The hand of somebody who leaves the order to the background.
    pub fn hand_over(&self, actor: Actor) -> Hand {
        Hand { actor, at: self.now(), lead_ms: 0, look_ms: self.0.pace.look_ms }
    }

    /// Something is due that the background does not know of.
    pub fn wake(&self) {
        self.0.due.notify_one();
    }

    /// Follows the moves that this process makes of an order. To be called before the order is moved or read.
    pub fn watch(&self, id: OrderId) -> Watch {
        self.0.watchers.watch(id)
    }

    /// Drives an order that was moved from this seat, beside the caller, for as long as there are answers.
    pub fn start(&self, stored: Stored, seat: Seat) {
        let driver = self.clone();
        let Some(permit) = seat.0 else { return self.wake() };
        // On the thread that serves its request, else each step would wake another one, and each answer this one. Orders that are
        // paid for are slower there, by measurement (docs/performance.md).
        let on = if stored.order.payments.is_empty() { Handle::current() } else { self.0.runtime.clone() };
        self.spawn(&on, stored.order.id, async move {
            driver.drive(stored).await;
            drop(permit);
        });
    }

    /// Waits until an order is as it is waited for, but not beyond the deadline of a request; answers what it is then.
    pub async fn until(
        &self,
        is_final: impl Fn(&Order) -> bool,
        mut watch: Watch,
        mut waited: Waited,
    ) -> Result<Waited, DbError> {
        let pace = &self.0.pace;
        let deadline = Instant::now() + Duration::from_millis(pace.answer_ms);
        while !is_final(&waited.stored().order) {
            // Another replica may be the one that moves it: then nobody here is told, and looking finds out.
            let look = Instant::now() + Duration::from_millis(pace.poll_ms);
            if let Ok(told) = timeout_at(deadline.min(look), watch.moved()).await {
                // A move that was made before what is known already may be told of late.
                if told.order.version > waited.stored().order.version {
                    waited = Waited::Told(told);
                }
                continue;
            }
            waited = Waited::Found(self.find(waited.stored().order.id).await?);
            if Instant::now() >= deadline {
                break;
            }
        }
        Ok(waited)
    }

    fn spawn(&self, on: &Handle, id: OrderId, drive: impl Future<Output = ()> + Send + 'static) {
        let (driver, leaving) = (self.clone(), self.clone());
        // The request may be answered long before the order is at rest.
        let drive = Box::pin(RequestContext::current().without_deadline().scope(drive));
        // Abandoned in the middle of a call it is like a crash there, which loses nothing.
        let until_stopped = async move {
            tokio::select! {
                () = driver.0.stop.cancelled() => driver.leave(id).await,
                () = drive => {}
            }
        };
        abandoned::spawn(&self.0.tasks, on, &self.0.runtime, until_stopped, move || async move {
            leaving.leave(id).await;
            leaving.wake();
        });
    }

    /// An order that is abandoned is due at once, for another replica or the next start.
    async fn leave(&self, id: OrderId) {
        let now = self.now();
        if let Err(error) = self.0.db.write(move |tx| store::due::leave(tx, id, now)).await {
            tracing::debug!(order_id = %id, %error, "an abandoned order waits for its lease");
        }
    }

    async fn drive(&self, mut stored: Stored) {
        while let Some(action) = next(&stored.order) {
            let step = self.step(&stored, action).await;
            match self.after(step, stored.order.id).await {
                Some(moved) => stored = moved,
                None => return,
            }
        }
    }

    /// Looks at an order that may be at rest: its deadline may have passed, its buyer may have paid.
    async fn look(&self, stored: Stored) {
        let is_late = stored.order.pay_by.is_some_and(|pay_by| pay_by <= self.now());
        let step = match look(&stored.order) {
            _ if is_late => self.record(&stored, Command::DeadlinePassed).await,
            Some(action) => self.step(&stored, action).await,
            None => self.look_again(&stored).await,
        };
        if let Some(moved) = self.after(step, stored.order.id).await {
            self.drive(moved).await;
        }
    }

    /// The order to go on with, if there is anything to go on with now.
    async fn after(&self, step: Result<Step, DbError>, id: OrderId) -> Option<Stored> {
        let found = match step {
            Ok(Step::Moved(moved)) => Ok(*moved),
            Ok(Step::Overtaken) => self.find(id).await,
            Ok(Step::Later) => {
                self.wake();
                return None;
            }
            Err(error) => Err(error),
        };
        // Should it have failed, its lease runs out, and the background takes it on.
        found.inspect_err(|error| tracing::error!(%error, "an order could not be recorded")).ok()
    }

    async fn step(&self, stored: &Stored, action: Action) -> Result<Step, DbError> {
        let at = points::of(action);
        faults::point(at.before_call);
        // In a box, since whatever holds a drive has room for it, some of it twice.
        let judgement = traced(at.action, &stored.order.id, Box::pin(self.ask(stored, action))).await;
        faults::point(at.after_call);
        metrics::DRIVER_CALLS.with([at.action, judgement.outcome()]).inc();
        let step = match judgement {
            Judgement::Answered(command) => self.record(stored, command).await?,
            Judgement::NoAnswer(reason) => {
                if action == Action::Charge && faults::sabotaged("give_back_on_timeout") {
                    drop(self.ask(stored, Action::GiveBack).await);
                }
                tracing::warn!(order_id = %stored.order.id, ?action, reason, attempts = stored.attempts, "no answer");
                self.postpone(stored, pause::after(stored.attempts, &self.0.pace)).await?
            }
            Judgement::Misunderstood(reason) => {
                tracing::error!(order_id = %stored.order.id, ?action, reason, "refused for good, asked again");
                self.postpone(stored, self.0.pace.longest_pause_ms).await?
            }
        };
        faults::point(at.after_commit);
        Ok(step)
    }

    async fn ask(&self, stored: &Stored, action: Action) -> Judgement {
        let order = &stored.order;
        let Others { catalog, delivery, providers } = &self.0.others;
        match action {
            Action::Take => judge::take(order, catalog.take(order).await),
            Action::GiveBack => judge::give_back(order, catalog.give_back(order.taking_id()).await),
            Action::BookDelivery => match &order.address {
                Some(address) => {
                    judge::booking(order, delivery.book(order.delivery_id(), address, &stored.owner.customer).await)
                }
                None => Judgement::NoAnswer("BUG: a delivery without an address".to_owned()),
            },
            Action::CancelDelivery => judge::stopping(order, delivery.cancel(order.delivery_id()).await),
            Action::Charge | Action::CancelPayment | Action::Refund => money::ask(providers, order, action).await,
        }
    }

    async fn record(&self, before: &Stored, command: Command) -> Result<Step, DbError> {
        let name = command.name();
        let after = match apply(&before.order, command) {
            Ok(after) => after,
            Err(refusal) => return self.disbelieve(before, refusal).await,
        };
        if after == before.order {
            // An answer that decides nothing yet.
            return self.postpone(before, pause::after(before.attempts, &self.0.pace)).await;
        }
        let hand = Hand { lead_ms: self.0.pace.lease_ms, ..self.hand_over(Actor::Driver) };
        let from = before.clone();
        let swapped = self.0.db.write(move |tx| store::moves::swap(tx, &from, &after, name, &hand)).await?;
        Ok(match swapped {
            None => Step::Overtaken,
            Some(stored) => {
                self.0.watchers.tell(&stored);
                Step::Moved(Box::new(stored))
            }
        })
    }

    /// Copies that do not fit the order are not sold: it is canceled, which gives back whatever was taken.
    async fn disbelieve(&self, before: &Stored, refusal: Refusal) -> Result<Step, DbError> {
        tracing::error!(order_id = %before.order.id, %refusal, "an answer was not believed");
        if matches!(refusal, Refusal::DoesNotFit(_)) && next(&before.order) == Some(Action::Take) {
            let reason = Some("the catalog's answer did not fit the order".to_owned());
            return Box::pin(self.record(before, Command::Cancel { reason })).await;
        }
        self.postpone(before, self.0.pace.longest_pause_ms).await
    }

    async fn postpone(&self, stored: &Stored, pause_ms: i64) -> Result<Step, DbError> {
        if next(&stored.order).is_none() {
            return self.look_again(stored).await;
        }
        let due_at = self.now().plus_ms(pause_ms);
        let (id, version) = (stored.order.id, stored.order.version);
        self.0.db.write(move |tx| store::due::postpone(tx, id, version, due_at)).await?;
        Ok(Step::Later)
    }

    async fn look_again(&self, stored: &Stored) -> Result<Step, DbError> {
        let look_at = self.hand_over(Actor::Driver).look_at(&stored.order);
        let (id, version) = (stored.order.id, stored.order.version);
        self.0.db.write(move |tx| store::due::look_again(tx, id, version, look_at)).await?;
        Ok(Step::Later)
    }

    async fn find(&self, id: OrderId) -> Result<Stored, DbError> {
        let found = self.0.db.look_up(move |tx| store::orders::find(tx, id)).await?;
        found.ok_or(DbError::NoRow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of one drive under way: all seats take a few MiB, and a drive is not copied about at length.
    const MAX_DRIVE_BYTES: usize = 6 * 1_024;

    fn bytes_of<F>(_: impl Fn(&'static Driver, Stored) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_drive_is_small() {
        let bytes = bytes_of(|driver, stored| RequestContext::fresh().scope(driver.drive(stored)));
        assert!(bytes <= MAX_DRIVE_BYTES, "a drive takes {bytes} bytes");
    }
}
