use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};
use shared_types::{
    OrderId, Timestamp,
    identity::Phone,
    notifications::{NotificationStatus, NotificationView},
    orders::OrderState,
};

use super::text::{name, named, parsed, required};

/// A message to write down.
#[derive(Debug, Clone)]
pub struct New {
    pub order_id: OrderId,
    pub version: i64,
    pub state: OrderState,
    pub phone: Option<Phone>,
    pub message: String,
}

/// A message that is `sending`.
#[derive(Debug, Clone)]
pub struct Due {
    pub id: i64,
    pub phone: Phone,
    pub message: String,
    /// Which attempt this is: an outcome is recorded for this one only.
    pub attempts: i64,
    pub created_at: Timestamp,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Sent {
        provider_id: Option<String>,
    },
    Failed {
        detail: String,
    },
    Unknown {
        detail: String,
    },
    /// It did not leave, and is tried again.
    Again {
        detail: String,
        at: Timestamp,
    },
}

/// Writes a message down. One without a number goes nowhere, and is there to be seen.
pub fn queue(tx: &mut Tx<'_>, new: &New, at: Timestamp) -> Result<(), DbError> {
    let phone = new.phone.as_ref().map(|phone| phone.as_str().to_owned());
    let (status, due_at_us) = match &phone {
        Some(_) => (NotificationStatus::Queued, Some(at.micros())),
        None => (NotificationStatus::NoPhone, None),
    };
    tx.execute(
        "insert into notification \
           (order_id, version, state, phone, message, status, due_at_us, created_at_us, updated_at_us) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        &params![
            new.order_id.to_string(),
            new.version,
            name(&new.state),
            phone,
            &new.message,
            name(&status),
            due_at_us,
            at.micros()
        ],
    )?;
    if due_at_us.is_some() {
        // Wakes the sender.
        tx.note_due();
    }
    Ok(())
}

/// Whether anything waits to be sent.
pub fn is_any_due(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let due = "select 1 as due from notification where status = 'queued' and due_at_us <= $1 limit 1";
    Ok(tx.query_opt(due, &params![now.micros()])?.is_some())
}

/// Whatever waits for a time further away than `far`, the longest there is, is due now: the clock has been set back since.
/// Says how many messages that are; without any, nothing is written.
pub fn bring_back(tx: &mut Tx<'_>, now: Timestamp, far: Timestamp) -> Result<u64, DbError> {
    let too_far = "update notification set due_at_us = $1 where due_at_us > $2";
    tx.execute(too_far, &params![now.micros(), far.micros()])
}

/// Whether anything does.
pub fn is_any_too_far(tx: &mut Tx<'_>, far: Timestamp) -> Result<bool, DbError> {
    let too_far = "select 1 as too_far from notification where due_at_us > $1 limit 1";
    Ok(tx.query_opt(too_far, &params![far.micros()])?.is_some())
}

/// Whether a sender is overdue.
pub fn is_any_lease_over(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let over = "select 1 as over from notification where status = 'sending' and due_at_us <= $1 limit 1";
    Ok(tx.query_opt(over, &params![now.micros()])?.is_some())
}

/// Takes messages to be sent, of each order the first that is under way and no other. Of two that ask at once one gets a
/// message: whoever comes second finds it `sending`.
pub fn claim(tx: &mut Tx<'_>, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Due>, DbError> {
    let rows = tx.query(
        "update notification set status = 'sending', attempts = attempts + 1, due_at_us = $2, updated_at_us = $1 \
          where status = 'queued' and notification_id in \
                (select n.notification_id from notification n \
                  where n.status = 'queued' and n.due_at_us <= $1 \
                    and not exists (select 1 from notification e \
                                     where e.order_id = n.order_id and e.notification_id < n.notification_id \
                                       and e.due_at_us is not null) \
                  order by n.notification_id limit $3) \
         returning notification_id, phone, message, attempts, created_at_us",
        &params![now.micros(), until.micros(), i64::try_from(limit).unwrap_or(i64::MAX)],
    )?;
    let read = |row: &Row| {
        Ok(Due {
            id: row.get("notification_id")?,
            phone: required(parsed(row, "phone")?, "phone")?,
            message: row.get("message")?,
            attempts: row.get("attempts")?,
            created_at: Timestamp::from_micros(row.get("created_at_us")?),
        })
    };
    rows.iter().map(read).collect()
}

/// Records what became of an attempt. The truth comes late sometimes: after the lease is over it still goes before
/// `unknown`, as long as nobody has asked for another attempt. What did not leave is queued again only while it is known
/// to be this attempt's: an `unknown` is never sent by itself.
pub fn record(tx: &mut Tx<'_>, due: &Due, outcome: &Outcome, now: Timestamp) -> Result<(), DbError> {
    let (status, detail, provider_id, again_at) = match outcome {
        Outcome::Sent { provider_id } => (NotificationStatus::Sent, None, provider_id.clone(), None),
        Outcome::Failed { detail } => (NotificationStatus::Failed, Some(detail.clone()), None, None),
        Outcome::Unknown { detail } => (NotificationStatus::Unknown, Some(detail.clone()), None, None),
        Outcome::Again { detail, at } => (NotificationStatus::Queued, Some(detail.clone()), None, Some(at.micros())),
    };
    tx.execute(
        "update notification set status = $3, detail = $4, provider_id = $5, due_at_us = $6, updated_at_us = $7 \
          where notification_id = $1 and attempts = $2 \
            and (status = 'sending' or (status = 'unknown' and cast($6 as bigint) is null))",
        &params![due.id, due.attempts, name(&status), detail, provider_id, again_at, now.micros()],
    )?;
    tx.note_due();
    Ok(())
}

/// Messages whose sender should have ended by `by` and has not said how: nobody knows what became of them.
pub fn end_leases(tx: &mut Tx<'_>, by: Timestamp, now: Timestamp) -> Result<u64, DbError> {
    tx.execute(
        "update notification set status = 'unknown', detail = 'the sender did not come back', due_at_us = null, \
                                 updated_at_us = $2 \
          where status = 'sending' and due_at_us <= $1",
        &params![by.micros(), now.micros()],
    )
}

/// Queues a message again because somebody asks for it; one that was sent, or is under way, is not.
pub fn resend(tx: &mut Tx<'_>, id: i64, now: Timestamp) -> Result<Option<NotificationView>, DbError> {
    let row = tx.query_opt(
        "update notification set status = 'queued', due_at_us = $2, updated_at_us = $2 \
          where notification_id = $1 and status in ('unknown', 'failed') returning *",
        &params![id, now.micros()],
    )?;
    tx.note_due();
    row.as_ref().map(read).transpose()
}

/// The message with that number.
pub fn find(tx: &mut Tx<'_>, id: i64) -> Result<Option<NotificationView>, DbError> {
    let row = tx.query_opt("select * from notification where notification_id = $1", &params![id])?;
    row.as_ref().map(read).transpose()
}

/// Which messages to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub order_id: Option<OrderId>,
    pub status: Option<NotificationStatus>,
    /// Only what comes before this one.
    pub before: Option<i64>,
}

/// Messages, latest first.
pub fn page(tx: &mut Tx<'_>, filter: &Filter, rows: i64) -> Result<Vec<NotificationView>, DbError> {
    let mut conditions = vec!["notification_id < $1".to_owned()];
    let mut values: Vec<Value> = params![filter.before.unwrap_or(i64::MAX), rows].to_vec();
    if let Some(order_id) = filter.order_id {
        values.push(order_id.to_string().into());
        conditions.push(format!("order_id = ${}", values.len()));
    }
    if let Some(status) = &filter.status {
        values.push(name(status).into());
        conditions.push(format!("status = ${}", values.len()));
    }
    let sql =
        format!("select * from notification where {} order by notification_id desc limit $2", conditions.join(" and "));
    tx.query(&sql, &values)?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<NotificationView, DbError> {
    Ok(NotificationView {
        id: row.get("notification_id")?,
        order_id: required(parsed(row, "order_id")?, "order_id")?,
        version: row.get("version")?,
        state: named(row, "state")?,
        phone: parsed(row, "phone")?,
        text: row.get("message")?,
        status: named(row, "status")?,
        attempts: row.get("attempts")?,
        detail: row.get("detail")?,
        provider_id: row.get("provider_id")?,
        created_at: Timestamp::from_micros(row.get("created_at_us")?),
        updated_at: Timestamp::from_micros(row.get("updated_at_us")?),
    })
}
