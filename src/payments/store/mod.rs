//! What is recorded: tokens, the ledger of payments, and what the shop is told. All SQL of the provider is below.

/// The ledger: reading it, and recording a change under the version it rests on.
mod ledger;
/// Tokens and what their cards do.
mod tokens;
/// What the shop is told, until it is acknowledged.
mod webhooks;

use std::sync::Arc;

use service_kit::{
    Clock,
    db::{Db, DbError, Migration, Tx},
    faults,
};
use shared_types::{
    Currency, Money, PaymentId, Timestamp,
    payments::{CardToken, PaymentView, TokenView},
};
use tokio::sync::Notify;

pub(super) use webhooks::Webhook;

use super::{
    config::Pace,
    domain::{Asked, Behaviour, Command, Means, Payment, apply},
    error::PaymentError,
    points::{ACKNOWLEDGE, CANCEL, CommitPoints, DECIDE, OPEN, REFUND, TOKEN},
};

/// The schema, one idea each.
pub const MIGRATIONS: &[Migration] = &[
    Migration::both("V1__card_token", include_str!("../migrations/V1__card_token.sql")),
    Migration::both("V2__payment", include_str!("../migrations/V2__payment.sql")),
    Migration::both("V3__webhook", include_str!("../migrations/V3__webhook.sql")),
    Migration::both("V4__webhook_payment", include_str!("../migrations/V4__webhook_payment.sql")),
];

/// A payment as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub payment: Payment,
    /// What a tombstone is shown in.
    pub currency: Currency,
    /// When the bank decides.
    pub decided_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What is asked of a payment, before its token was looked up.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    Open { amount: Money, token: Option<CardToken> },
    Command(Command),
}

/// How a wish ended.
pub(super) struct Done {
    pub view: PaymentView,
    /// Whether the payment is new.
    pub created: bool,
    /// What the card does, where there is one.
    pub behaviour: Option<Behaviour>,
}

/// A payment that changes this often while one request looks at it is not waited for.
const MAX_DECISIONS: usize = 20;

/// The provider's memory.
#[derive(Clone)]
pub(super) struct Store {
    db: Db,
    clock: Clock,
    currency: Currency,
    pace: Pace,
    /// Whether there is anybody to tell.
    tells: bool,
    /// Something is to be sent or decided.
    due: Arc<Notify>,
    /// Something was acknowledged.
    told: Arc<Notify>,
}

impl Store {
    pub fn new(db: Db, currency: Currency, pace: Pace, tells: bool) -> Store {
        let (due, told) = (Arc::default(), Arc::default());
        Store { db, clock: Clock::system(), currency, pace, tells, due, told }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Keeps what the card does, under its new token.
    pub async fn keep_token(&self, view: TokenView, behaviour: Behaviour) -> Result<TokenView, PaymentError> {
        let (now, kept) = (self.now(), view.clone());
        let keep = self.db.write(move |tx| {
            tokens::insert(tx, &kept, behaviour, now)?;
            faults::point(TOKEN.before_commit);
            Ok::<_, DbError>(())
        });
        keep.await?;
        faults::point(TOKEN.after_commit);
        Ok(view)
    }

    /// Does what is asked, and writes down what the shop is to be told, in one transaction.
    pub async fn carry_out(&self, id: PaymentId, wish: Wish) -> Result<Done, PaymentError> {
        let (now, points, store) = (self.now(), points_of(&wish), self.clone());
        let done = self.db.write(move |tx| {
            let done = store.decide(tx, id, &wish, now)?;
            faults::point(points.before_commit);
            Ok::<_, PaymentError>(done)
        });
        let (stored, created) = done.await?;
        faults::point(points.after_commit);
        self.due.notify_one();
        let behaviour = stored.behaviour();
        Ok(Done { view: stored.view(), created, behaviour })
    }

    /// Decides on what is there and records it under the version that was read. Where somebody else was faster the record
    /// finds another version and changes nothing: then the decision is made again, on what he left.
    fn decide(
        &self,
        tx: &mut Tx<'_>,
        id: PaymentId,
        wish: &Wish,
        now: Timestamp,
    ) -> Result<(Stored, bool), PaymentError> {
        let command = command(tx, wish)?;
        for _ in 0..MAX_DECISIONS {
            let before = ledger::find(tx, id)?;
            let payment = before.as_ref().map(|before| &before.payment);
            let after = apply(id, payment, &command).map_err(|refusal| PaymentError::Refused(id, refusal))?;
            let old_version = payment.map_or(0, |payment| payment.version);
            if let Some(before) = before.as_ref().filter(|_| after.version == old_version) {
                return Ok((before.clone(), false));
            }
            let created_at = before.as_ref().map_or(now, |before| before.created_at);
            let currency = after.asked.as_ref().map_or(self.currency, |asked| asked.amount.currency);
            let decided_at = after.decides_later().then(|| now.plus_ms(self.pace.later_ms));
            let stored = Stored { payment: after, currency, decided_at, created_at, updated_at: now };
            if ledger::record(tx, &stored, old_version)? {
                if self.tells {
                    webhooks::write_down(tx, &stored, now, self.pace.later_ms)?;
                }
                return Ok((stored, before.is_none()));
            }
        }
        Err(DbError::Unavailable(format!("the payment changed {MAX_DECISIONS} times while it was decided on")).into())
    }

    pub async fn payment(&self, id: PaymentId) -> Result<PaymentView, PaymentError> {
        let found = self.db.read(move |tx| ledger::find(tx, id)).await?;
        found.map(|stored| stored.view()).ok_or(PaymentError::NotFound(id))
    }

    /// So many payments at most whose ids come after this one.
    pub async fn payments(&self, after: Option<PaymentId>, rows: i64) -> Result<Vec<PaymentView>, PaymentError> {
        let found = self.db.read(move |tx| ledger::page(tx, after, rows)).await?;
        Ok(found.iter().map(Stored::view).collect())
    }

    /// Payments whose bank decides by now.
    pub async fn undecided(&self) -> Result<Vec<(PaymentId, Command)>, DbError> {
        let (now, far) = (self.now(), self.far());
        let found = self.db.read(move |tx| ledger::undecided(tx, now, far)).await?;
        let decision = |stored: &Stored| {
            let refused = stored.behaviour().is_some_and(|behaviour| behaviour.refusal().is_some());
            (stored.payment.id, if refused { Command::Refuse } else { Command::Confirm })
        };
        Ok(found.iter().map(decision).collect())
    }

    /// Webhooks to send now. Each is put off first, so that a sender who dies delays it and no more.
    pub async fn claim_webhooks(&self) -> Result<Vec<Webhook>, DbError> {
        let (now, far, pace) = (self.now(), self.far(), self.pace);
        self.db.write(move |tx| webhooks::claim(tx, now, far, &pace)).await
    }

    /// Nothing is put off for longer: whatever waits for a later time was written when the clock was ahead.
    fn far(&self) -> Timestamp {
        self.now().plus_ms(2 * self.pace.longest_pause_ms.max(self.pace.later_ms))
    }

    /// The shop has this one.
    pub async fn acknowledged(&self, event_id: String) -> Result<(), DbError> {
        let done = self.db.write(move |tx| {
            webhooks::acknowledged(tx, &event_id)?;
            faults::point(ACKNOWLEDGE.before_commit);
            Ok::<_, DbError>(())
        });
        done.await?;
        faults::point(ACKNOWLEDGE.after_commit);
        self.told.notify_waiters();
        Ok(())
    }

    /// Waits until the shop was told of this payment, for as long as the caller waits.
    pub async fn told(&self, id: PaymentId) -> Result<(), DbError> {
        loop {
            let told = self.told.notified();
            if !self.tells || self.db.read(move |tx| webhooks::is_told(tx, id)).await? {
                return Ok(());
            }
            told.await;
        }
    }

    /// Returns when something may be due: woken, or when the earliest is.
    pub async fn until_due(&self, longest_ms: u64) {
        let due = self.due.notified();
        let now = self.now();
        let earliest = self.db.read(webhooks::earliest).await.unwrap_or(None);
        let wait_us = earliest.map_or(i64::MAX, |earliest| earliest.micros().saturating_sub(now.micros()).max(0));
        let wait = std::time::Duration::from_micros(u64::try_from(wait_us).unwrap_or(0));
        // The time-out is the ordinary end of a pause.
        drop(tokio::time::timeout(wait.min(std::time::Duration::from_millis(longest_ms)), due).await);
    }
}

fn points_of(wish: &Wish) -> CommitPoints {
    match wish {
        Wish::Open { .. } | Wish::Command(Command::Open(_)) => OPEN,
        Wish::Command(Command::Cancel) => CANCEL,
        Wish::Command(Command::Refund) => REFUND,
        Wish::Command(Command::Confirm | Command::Refuse) => DECIDE,
    }
}

/// The command, with what the card behind the token does.
fn command(tx: &mut Tx<'_>, wish: &Wish) -> Result<Command, PaymentError> {
    let (amount, token) = match wish {
        Wish::Command(command) => return Ok(command.clone()),
        Wish::Open { amount, token } => (*amount, token),
    };
    let means = match token {
        None => Means::Invoice,
        Some(token) => {
            let behaviour = tokens::behaviour(tx, token)?.ok_or(PaymentError::UnknownToken)?;
            Means::Card { token: token.expose().to_owned(), behaviour }
        }
    };
    Ok(Command::Open(Asked { amount, means }))
}
