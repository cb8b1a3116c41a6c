use std::{sync::Arc, time::Duration};

use service_kit::{
    RequestContext,
    db::{DbError, Engine},
};
use shared_types::{OrderId, Timestamp};
use tokio::time::{Instant, timeout};

use super::Driver;
use crate::store;

/// An answered idempotency key is kept this long: a client that repeats itself does so within the day.
const KEYS_KEPT_MS: i64 = 2 * 24 * 3_600 * 1_000;
/// How often old keys are looked for.
const KEYS_SWEEP_MS: i64 = 60_000;

/// How often the times that orders wait for are held against the clock.
const CLOCK_CHECK: Duration = Duration::from_secs(1);

/// What is to be done about an order.
#[derive(Debug, Clone, Copy)]
enum Errand {
    /// Something is outstanding.
    Drive,
    /// It may be at rest, and its deadline or its buyer is waited for.
    Look,
}

/// Drives every order that is due, until the service stops. Woken when something falls due, and looks by itself too.
pub async fn work(driver: Driver) {
    let stop = driver.0.stop.clone();
    let working = async {
        driver.resume().await;
        let mut swept_at = Timestamp::from_micros(0);
        let mut clock_checked = Instant::now();
        loop {
            if clock_checked.elapsed() > CLOCK_CHECK {
                clock_checked = Instant::now();
                driver.check_the_clock().await.unwrap_or_else(|error| {
                    tracing::error!(%error, "nobody knows whether orders wait for a time that is too far away");
                });
            }
            if driver.now() > swept_at.plus_ms(KEYS_SWEEP_MS) {
                swept_at = driver.now();
                driver.forget_keys().await;
            }
            let pause = driver.round().await.unwrap_or_else(|error| {
                tracing::error!(%error, "the orders that are due cannot be read");
                Duration::from_millis(driver.0.pace.poll_ms)
            });
            // The time-out is the ordinary end of a pause.
            drop(timeout(pause, driver.0.due.notified()).await);
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = working => {}
    }
    driver.0.tasks.close();
    driver.0.tasks.wait().await;
}

impl Driver {
    /// An SQLite file has one process: what an earlier life of it left behind is due now. Elsewhere another replica may be at
    /// work on it, and its lease tells.
    async fn resume(&self) {
        if self.0.db.engine() != Engine::Sqlite {
            return;
        }
        let now = self.now();
        match self.0.db.write(move |tx| store::due::all(tx, now)).await {
            Ok(0) => {}
            Ok(orders) => tracing::info!(orders, "unfinished orders are taken up"),
            Err(error) => tracing::error!(%error, "unfinished orders wait for their leases"),
        }
    }

    /// An order that was written when the clock was ahead does not wait until it is that late again.
    async fn check_the_clock(&self) -> Result<(), DbError> {
        let pace = &self.0.pace;
        let now = self.now();
        let far = now.plus_ms(2 * pace.lease_ms.max(pace.longest_pause_ms).max(pace.look_ms));
        if self.0.db.read(move |tx| store::due::is_any_too_far(tx, far)).await? {
            let orders = self.0.db.write(move |tx| store::due::bring_back(tx, now, far)).await?;
            tracing::warn!(orders, "the clock was set back: what waited for a later time is due");
        }
        Ok(())
    }

    async fn forget_keys(&self) {
        let before = self.now().plus_ms(-KEYS_KEPT_MS);
        match self.0.db.write(move |tx| store::keys::forget(tx, before)).await {
            Ok(keys) => tracing::debug!(keys, "old idempotency keys are forgotten"),
            Err(error) => tracing::warn!(%error, "old idempotency keys are kept"),
        }
    }

    /// Starts what is due; answers how long there is nothing to do.
    async fn round(&self) -> Result<Duration, DbError> {
        let pace = &self.0.pace;
        let poll = Duration::from_millis(pace.poll_ms);
        let (now, seats) = (self.now(), self.0.background_seats.available_permits());
        let Some(earliest) = self.0.db.read(store::due::earliest).await? else { return Ok(poll) };
        if earliest > now {
            let until_due = earliest.micros().saturating_sub(now.micros());
            return Ok(poll.min(Duration::from_micros(u64::try_from(until_due).unwrap_or(0))));
        }
        if seats == 0 {
            // A drive that ends wakes this loop.
            return Ok(poll);
        }
        let (until, limit) = (now.plus_ms(pace.lease_ms), i64::try_from(seats).unwrap_or(i64::MAX));
        let claimed = self.0.db.write(move |tx| {
            let due = store::due::claim(tx, now, until, limit)?;
            let left = limit - i64::try_from(due.len()).unwrap_or(limit);
            let looks = store::due::claim_looks(tx, now, until, left)?;
            Ok::<_, DbError>((due, looks))
        });
        let (due, looks) = claimed.await?;
        for id in due {
            self.take_on(id, Errand::Drive).await;
        }
        for id in looks {
            self.take_on(id, Errand::Look).await;
        }
        Ok(Duration::ZERO)
    }

    async fn take_on(&self, id: OrderId, errand: Errand) {
        // The seats were counted by the only one who takes them, so there is no waiting here.
        let Ok(permit) = Arc::clone(&self.0.background_seats).acquire_owned().await else { return };
        let driver = self.clone();
        let drive = async move {
            match driver.0.db.look_up(move |tx| store::orders::find(tx, id)).await {
                Ok(Some(stored)) => match errand {
                    Errand::Drive => driver.drive(stored).await,
                    Errand::Look => driver.look(stored).await,
                },
                Ok(None) => tracing::error!(order_id = %id, "a due order is not there"),
                Err(error) => tracing::error!(order_id = %id, %error, "a due order cannot be read"),
            }
            drop(permit);
            driver.wake();
        };
        RequestContext::fresh().scope(async { self.spawn(&self.0.runtime, id, drive) }).await;
    }
}
