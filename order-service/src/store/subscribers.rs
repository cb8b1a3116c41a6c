use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{
    Secret, Timestamp,
    events::OrderChanged,
    webhooks::{WebhookAttemptView, WebhookEvent, WebhookMessageLog, WebhookMessageView, WebhookView},
};
use uuid::Uuid;

use super::text::{from_json, json, name, named, parsed, required};

/// A message to write.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    pub webhook_id: Uuid,
    pub event: WebhookEvent,
    pub changed: &'a OrderChanged,
    pub body: &'a str,
}

/// A message that is being sent.
#[derive(Debug, Clone)]
pub struct Due {
    pub webhook_id: Uuid,
    pub message_id: Uuid,
    pub url: String,
    pub secret: Secret,
    pub body: String,
    /// Which attempt this is, since the beginning and since it was resent.
    pub attempts: i64,
    pub tries: i64,
}

/// What becomes of a message after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Delivered,
    Again(Timestamp),
    Failed,
}

/// An attempt and what came of it.
#[derive(Debug, Clone)]
pub struct Attempted {
    pub status: Option<u16>,
    pub detail: Option<String>,
    pub at: Timestamp,
    pub next: Next,
}

/// A subscriber to enter.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    pub id: Uuid,
    pub url: String,
    pub events: Vec<WebhookEvent>,
    pub description: Option<String>,
    pub secret: Secret,
    pub created_by: String,
}

/// Fields of a subscriber to change.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub url: Option<String>,
    pub events: Option<Vec<WebhookEvent>>,
    pub description: Option<String>,
    pub active: Option<bool>,
}

const COLUMNS: &str = "webhook_id, url, events, description, active, created_at_us, updated_at_us";

/// Enters a subscriber.
pub fn create(tx: &mut Tx<'_>, new: &NewWebhook, at: Timestamp) -> Result<WebhookView, DbError> {
    let row = tx.query_one(
        &format!(
            "insert into webhook (webhook_id, url, events, description, secret, created_by, created_at_us, updated_at_us) \
             values ($1, $2, $3, $4, $5, $6, $7, $7) returning {COLUMNS}"
        ),
        &params![
            new.id.to_string(),
            &new.url,
            json(&new.events),
            new.description.clone(),
            new.secret.expose(),
            &new.created_by,
            at.micros()
        ],
    )?;
    view(&row)
}

/// Changes what is named; what is not stays.
pub fn update(tx: &mut Tx<'_>, id: Uuid, change: &Change, at: Timestamp) -> Result<Option<WebhookView>, DbError> {
    let row = tx.query_opt(
        &format!(
            "update webhook set url = coalesce(cast($2 as text), url), events = coalesce(cast($3 as text), events), \
                                description = coalesce(cast($4 as text), description), \
                                active = coalesce(cast($5 as bigint), active), updated_at_us = $6 \
              where webhook_id = $1 and deleted_at_us is null returning {COLUMNS}"
        ),
        &params![
            id.to_string(),
            change.url.clone(),
            change.events.as_ref().map(json),
            change.description.clone(),
            change.active,
            at.micros()
        ],
    )?;
    // One that is active again is told what has waited.
    tx.note_due();
    row.as_ref().map(view).transpose()
}

/// Removes a subscriber; says whether there was one. What he was not told yet he never will be.
pub fn delete(tx: &mut Tx<'_>, id: Uuid, at: Timestamp) -> Result<bool, DbError> {
    let deleted = tx.execute(
        "update webhook set deleted_at_us = $2, active = 0 where webhook_id = $1 and deleted_at_us is null",
        &params![id.to_string(), at.micros()],
    )?;
    tx.execute(
        "update webhook_message set status = 'failed', due_at_us = null where webhook_id = $1 and status = 'pending'",
        &params![id.to_string()],
    )?;
    Ok(deleted == 1)
}

/// The secret with which messages to this subscriber are signed, also once he was removed.
pub fn secret(tx: &mut Tx<'_>, id: Uuid) -> Result<String, DbError> {
    tx.query_one("select secret from webhook where webhook_id = $1", &params![id.to_string()])?.get("secret")
}

/// The subscriber of that id.
pub fn find(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<WebhookView>, DbError> {
    let sql = format!("select {COLUMNS} from webhook where webhook_id = $1 and deleted_at_us is null");
    tx.query_opt(&sql, &params![id.to_string()])?.as_ref().map(view).transpose()
}

/// Subscribers before `before`, latest first.
pub fn page(tx: &mut Tx<'_>, before: Option<Uuid>, rows: i64) -> Result<Vec<WebhookView>, DbError> {
    let sql = format!(
        "select {COLUMNS} from webhook where webhook_id < $1 and deleted_at_us is null \
          order by webhook_id desc limit $2"
    );
    tx.query(&sql, &params![upper(before), rows])?.iter().map(view).collect()
}

/// Nothing sorts behind the text of the largest UUID.
fn upper(before: Option<Uuid>) -> String {
    before.map_or_else(|| "g".to_owned(), |id| id.to_string())
}

/// Who is told of what.
pub fn active(tx: &mut Tx<'_>) -> Result<Vec<(Uuid, Vec<WebhookEvent>)>, DbError> {
    let rows = tx.query("select webhook_id, events from webhook where active = 1 order by webhook_id", &[])?;
    let read = |row: &Row| {
        Ok((required(parsed(row, "webhook_id")?, "webhook_id")?, required(from_json(row, "events")?, "events")?))
    };
    rows.iter().map(read).collect()
}

/// Writes a message to be sent at once.
pub fn write(tx: &mut Tx<'_>, new: &New<'_>, at: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "insert into webhook_message \
           (message_id, webhook_id, event, order_id, version, body, status, due_at_us, created_at_us) \
         values ($1, $2, $3, $4, $5, $6, 'pending', $7, $7)",
        &params![
            Uuid::now_v7().to_string(),
            new.webhook_id.to_string(),
            name(&new.event),
            new.changed.order_id.to_string(),
            new.changed.version,
            new.body,
            at.micros()
        ],
    )?;
    // Wakes the sender.
    tx.note_due();
    Ok(())
}

/// Active subscribers for whom something waits to be sent.
pub fn due(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<Uuid>, DbError> {
    let rows = tx.query(
        "select w.webhook_id from webhook w \
          where w.active = 1 and exists (select 1 from webhook_message m \
                                          where m.webhook_id = w.webhook_id and m.due_at_us <= $1)",
        &params![now.micros()],
    )?;
    rows.iter().map(|row| required(parsed(row, "webhook_id")?, "webhook_id")).collect()
}

/// Whether anything waits for a time further away than `far`, the longest there is.
pub fn is_any_too_far(tx: &mut Tx<'_>, far: Timestamp) -> Result<bool, DbError> {
    let too_far = "select 1 as too_far from webhook w where exists \
                   (select 1 from webhook_message m where m.webhook_id = w.webhook_id and m.due_at_us > $1) limit 1";
    Ok(tx.query_opt(too_far, &params![far.micros()])?.is_some())
}

/// That is due now: the clock has been set back since.
pub fn bring_back(tx: &mut Tx<'_>, now: Timestamp, far: Timestamp) -> Result<u64, DbError> {
    let too_far = "update webhook_message set due_at_us = $1 where due_at_us > $2";
    tx.execute(too_far, &params![now.micros(), far.micros()])
}

/// Takes messages to this subscriber to be sent until `until`, longest due first. Of two that ask at once one gets a
/// message; should both send it all the same, the subscriber knows it by its id.
pub fn claim(
    tx: &mut Tx<'_>,
    webhook_id: Uuid,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Due>, DbError> {
    let rows = tx.query(
        "update webhook_message set due_at_us = $3, attempts = attempts + 1, tries = tries + 1 \
          where due_at_us <= $2 and message_id in \
                (select m.message_id from webhook_message m join webhook w on w.webhook_id = m.webhook_id \
                  where m.webhook_id = $1 and m.due_at_us <= $2 and w.active = 1 order by m.due_at_us limit $4) \
         returning message_id, body, attempts, tries, \
                   (select url from webhook w where w.webhook_id = webhook_message.webhook_id) as url, \
                   (select secret from webhook w where w.webhook_id = webhook_message.webhook_id) as secret",
        &params![webhook_id.to_string(), now.micros(), until.micros(), i64::try_from(limit).unwrap_or(i64::MAX)],
    )?;
    let read = |row: &Row| {
        Ok(Due {
            webhook_id,
            message_id: required(parsed(row, "message_id")?, "message_id")?,
            url: row.get("url")?,
            secret: Secret::new(row.get::<String>("secret")?),
            body: row.get("body")?,
            attempts: row.get("attempts")?,
            tries: row.get("tries")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Records an attempt. A message that somebody else has taken or delivered meanwhile keeps what became of it.
pub fn record(tx: &mut Tx<'_>, due: &Due, attempted: &Attempted) -> Result<(), DbError> {
    let message_id = due.message_id.to_string();
    tx.execute(
        "insert into webhook_attempt (message_id, attempt, status, detail, at_us) values ($1, $2, $3, $4, $5) \
         on conflict do nothing",
        &params![
            &message_id,
            due.attempts,
            attempted.status.map(i64::from),
            attempted.detail.clone(),
            attempted.at.micros()
        ],
    )?;
    let (status, due_at_us) = match attempted.next {
        Next::Delivered => ("delivered", None),
        Next::Again(at) => ("pending", Some(at.micros())),
        Next::Failed => ("failed", None),
    };
    tx.execute(
        "update webhook_message set status = $3, due_at_us = $4 \
          where message_id = $1 and status = 'pending' and (attempts = $2 or $3 = 'delivered')",
        &params![&message_id, due.attempts, status, due_at_us],
    )
    .map(drop)
}

/// Whatever was being sent within the lease is due now.
pub fn end_leases(tx: &mut Tx<'_>, now: Timestamp, lease_ms: i64) -> Result<u64, DbError> {
    tx.execute(
        "update webhook_message set due_at_us = $1 \
          where due_at_us > $1 and due_at_us <= $2 and attempts > 0 \
            and not exists (select 1 from webhook_attempt a \
                             where a.message_id = webhook_message.message_id \
                               and a.attempt = webhook_message.attempts)",
        &params![now.micros(), now.plus_ms(lease_ms).micros()],
    )
}

/// A subscriber's messages before `before`, latest first.
pub fn messages(
    tx: &mut Tx<'_>,
    webhook_id: Uuid,
    before: Option<Uuid>,
    rows: i64,
) -> Result<Vec<WebhookMessageView>, DbError> {
    let found = tx.query(
        "select * from webhook_message where webhook_id = $1 and message_id < $2 order by message_id desc limit $3",
        &params![webhook_id.to_string(), upper(before), rows],
    )?;
    found.iter().map(message).collect()
}

/// A message of a subscriber with every attempt.
pub fn log(tx: &mut Tx<'_>, webhook_id: Uuid, message_id: Uuid) -> Result<Option<WebhookMessageLog>, DbError> {
    let row = tx.query_opt(
        "select * from webhook_message where webhook_id = $1 and message_id = $2",
        &params![webhook_id.to_string(), message_id.to_string()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let attempts = tx.query(
        "select status, detail, at_us from webhook_attempt where message_id = $1 order by attempt",
        &params![message_id.to_string()],
    )?;
    let read = |row: &Row| {
        let at = Timestamp::from_micros(row.get("at_us")?);
        Ok::<_, DbError>(WebhookAttemptView { at, status: row.get("status")?, detail: row.get("detail")? })
    };
    let attempts = attempts.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Some(WebhookMessageLog { message: message(&row)?, attempts }))
}

/// Sends a message again at once, from the beginning of its schedule, because somebody asks for it. One that is waiting for
/// its next attempt need not wait. `None`: this subscriber has no such message.
pub fn resend(
    tx: &mut Tx<'_>,
    webhook_id: Uuid,
    message_id: Uuid,
    now: Timestamp,
) -> Result<Option<WebhookMessageView>, DbError> {
    let row = tx.query_opt(
        "update webhook_message set status = 'pending', due_at_us = $3, tries = 0 \
          where webhook_id = $1 and message_id = $2 returning *",
        &params![webhook_id.to_string(), message_id.to_string(), now.micros()],
    )?;
    tx.note_due();
    row.as_ref().map(message).transpose()
}

fn view(row: &Row) -> Result<WebhookView, DbError> {
    Ok(WebhookView {
        id: required(parsed(row, "webhook_id")?, "webhook_id")?,
        url: row.get("url")?,
        events: required(from_json(row, "events")?, "events")?,
        description: row.get("description")?,
        active: row.get("active")?,
        created_at: Timestamp::from_micros(row.get("created_at_us")?),
        updated_at: Timestamp::from_micros(row.get("updated_at_us")?),
    })
}

fn message(row: &Row) -> Result<WebhookMessageView, DbError> {
    let due_at: Option<i64> = row.get("due_at_us")?;
    Ok(WebhookMessageView {
        id: required(parsed(row, "message_id")?, "message_id")?,
        event: named(row, "event")?,
        order_id: required(parsed(row, "order_id")?, "order_id")?,
        version: row.get("version")?,
        status: named(row, "status")?,
        attempts: row.get("attempts")?,
        next_attempt_at: due_at.map(Timestamp::from_micros),
        created_at: Timestamp::from_micros(row.get("created_at_us")?),
    })
}
