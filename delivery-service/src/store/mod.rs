//! What is recorded: deliveries, their steps and events, and couriers. All SQL of this service is below.

/// Couriers.
mod couriers;
/// Deliveries: reading them, and recording a change under the version it rests on.
mod deliveries;
/// What others are told of a change.
mod events;
/// Pages of lists.
mod page;
/// The parcel's way.
mod steps;

use service_kit::{
    Clock,
    db::{Db, DbError, Migration, Tx},
    faults,
    idempotency::{self, KeyedRequest},
};
use shared_types::{
    CourierId, DeliveryId, Timestamp,
    deliveries::{CourierView, DeliveryView, TrackingEntry},
};

pub use deliveries::Filter;
pub use page::Page;

use crate::{
    domain::{Command, Delivery, NewCourier, UpdateCourier, apply},
    error::DeliveryError,
    points::{ASSIGN, BOOK, CANCEL, CommitPoints, MOVE},
};

/// The schema, one idea each.
pub const MIGRATIONS: &[Migration] = &[
    Migration::both("V1__courier", include_str!("../../migrations/V1__courier.sql")),
    Migration::both("V2__delivery", include_str!("../../migrations/V2__delivery.sql")),
    Migration::both("V3__delivery_step", include_str!("../../migrations/V3__delivery_step.sql")),
    Migration::both("V4__delivery_customer", include_str!("../../migrations/V4__delivery_customer.sql")),
];

/// A delivery as it is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    pub delivery: Delivery,
    /// Whose order it belongs to, where the booking said so.
    pub customer: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What is asked of one delivery.
#[derive(Debug, Clone)]
pub struct Asked {
    pub id: DeliveryId,
    pub command: Command,
    /// The version that the caller saw, where he names it.
    pub based_on: Option<i64>,
    /// For the parcel's tracking.
    pub note: Option<String>,
    /// With a booking: whose order it belongs to.
    pub customer: Option<String>,
    pub key: Option<KeyedRequest>,
}

/// A delivery that changes this often while one request looks at it is not waited for.
const MAX_DECISIONS: usize = 20;

/// The service's memory.
#[derive(Clone)]
pub struct Store {
    db: Db,
    clock: Clock,
}

impl Store {
    pub fn new(db: Db, clock: Clock) -> Store {
        Store { db, clock }
    }

    /// Does what is asked, with its step and its event, in one transaction, once per key. Says whether the delivery is new.
    pub async fn carry_out(&self, asked: Asked) -> Result<(DeliveryView, bool), DeliveryError> {
        let (now, points, key) = (self.clock.now(), points_of(&asked.command), asked.key.clone());
        let effect = move |tx: &mut Tx<'_>| {
            let (stored, created) = carry_out(tx, &asked, now)?;
            faults::point(points.before_commit);
            Ok::<_, DeliveryError>((stored.view(), created))
        };
        let done = idempotency::once(&self.db, key, now, effect).await?;
        faults::point(points.after_commit);
        Ok(done)
    }

    pub async fn delivery(&self, id: DeliveryId) -> Result<DeliveryView, DeliveryError> {
        let found = self.db.read(move |tx| deliveries::find(tx, id)).await?;
        found.map(|stored| stored.view()).ok_or(DeliveryError::DeliveryNotFound(id))
    }

    /// As [`delivery`](Self::delivery), where it is one of this customer's; none: anybody's. Another's is not there.
    pub async fn delivery_of(&self, customer: Option<String>, id: DeliveryId) -> Result<DeliveryView, DeliveryError> {
        let found = self.db.read(move |tx| deliveries::find(tx, id)).await?;
        let his = found.filter(|stored| customer.is_none() || stored.customer == customer);
        his.map(|stored| stored.view()).ok_or(DeliveryError::DeliveryNotFound(id))
    }

    /// One page of deliveries, latest first.
    pub async fn deliveries(&self, filter: Filter, rows: i64) -> Result<Page<DeliveryView>, DeliveryError> {
        let found = self.db.read(move |tx| deliveries::page(tx, &filter, rows)).await?;
        Ok(found.map(|stored| stored.view()))
    }

    /// The steps of a delivery, first one first.
    pub async fn tracking(&self, id: DeliveryId) -> Result<Vec<TrackingEntry>, DeliveryError> {
        let steps = self.db.read(move |tx| steps::of(tx, id)).await?;
        // Every delivery has its first step.
        if steps.is_empty() { Err(DeliveryError::DeliveryNotFound(id)) } else { Ok(steps) }
    }

    pub async fn create_courier(
        &self,
        courier: NewCourier,
        key: Option<KeyedRequest>,
    ) -> Result<CourierView, DeliveryError> {
        let now = self.clock.now();
        idempotency::once(&self.db, key, now, move |tx| couriers::create(tx, &courier, now)).await
    }

    pub async fn update_courier(&self, id: CourierId, change: UpdateCourier) -> Result<CourierView, DeliveryError> {
        self.db.write(move |tx| couriers::update(tx, id, &change)).await
    }

    pub async fn courier(&self, id: CourierId) -> Result<CourierView, DeliveryError> {
        self.db.read(move |tx| couriers::find(tx, id)).await?.ok_or(DeliveryError::CourierNotFound(id))
    }

    /// One page of couriers with a number above `after`.
    pub async fn couriers(&self, after: i64, rows: i64) -> Result<Page<CourierView>, DeliveryError> {
        Ok(self.db.read(move |tx| couriers::page(tx, after, rows)).await?)
    }
}

fn points_of(command: &Command) -> CommitPoints {
    match command {
        Command::Book(_) => BOOK,
        Command::Cancel => CANCEL,
        Command::Move(_) => MOVE,
        Command::Assign(_) => ASSIGN,
    }
}

/// Decides on what is there and records it under the version that was read. Where somebody else was faster the record
/// finds another version and changes nothing: then the decision is made again, on what he left.
fn carry_out(tx: &mut Tx<'_>, asked: &Asked, now: Timestamp) -> Result<(Stored, bool), DeliveryError> {
    for _ in 0..MAX_DECISIONS {
        let before = deliveries::find(tx, asked.id)?;
        let old_version = before.as_ref().map_or(0, |before| before.delivery.version);
        if asked.based_on.is_some_and(|version| version != old_version) && before.is_some() {
            return Err(DeliveryError::VersionMismatch(old_version));
        }
        let after = apply(asked.id, before.as_ref().map(|before| &before.delivery), &asked.command)
            .map_err(|refusal| DeliveryError::Refused(asked.id, refusal))?;
        if let Some(before) = before.as_ref().filter(|_| after.version == old_version) {
            return Ok((before.clone(), false));
        }
        let created_at = before.as_ref().map_or(now, |before| before.created_at);
        let customer = before.as_ref().map_or(&asked.customer, |before| &before.customer).clone();
        let stored = Stored { delivery: after, customer, created_at, updated_at: now };
        if deliveries::record(tx, &stored, old_version)? {
            steps::append(tx, &stored, asked.note.as_deref())?;
            events::append(tx, &stored)?;
            return Ok((stored, before.is_none()));
        }
        refuse_without_courier(tx, &stored.delivery)?;
    }
    Err(DbError::Unavailable(format!("the delivery changed {MAX_DECISIONS} times while it was decided on")).into())
}

/// A record also changes nothing where the courier is not active: that is the answer, and no reason to decide again.
fn refuse_without_courier(tx: &mut Tx<'_>, delivery: &Delivery) -> Result<(), DeliveryError> {
    match &delivery.parcel {
        Some(parcel) if !couriers::is_active(tx, &parcel.courier)? => {
            Err(DeliveryError::CourierNotActive(parcel.courier.clone()))
        }
        _ => Ok(()),
    }
}
