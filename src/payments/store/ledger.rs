use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{
    Currency, Money, PaymentId, Timestamp,
    payments::{PaymentStatus, PaymentView},
};

use super::{Stored, tokens};
use crate::payments::domain::{Asked, Behaviour, Means, Payment};

const SELECT: &str = "select payment_id, amount_minor, currency, token, status, reason, version, decided_at_us, \
     payment.created_at_us, updated_at_us, behaviour \
     from payment left join card_token using (token)";
/// Payments that the bank decides in one go.
const MAX_DECISIONS_ROWS: i64 = 100;

impl Stored {
    pub fn view(&self) -> PaymentView {
        let Payment { id, asked, status, reason, version } = &self.payment;
        let amount = |minor| Money { minor, currency: self.currency }.amount();
        PaymentView {
            payment_id: *id,
            status: *status,
            amount: amount(asked.as_ref().map_or(0, |asked| asked.amount.minor)),
            currency: self.currency,
            captured: amount(self.payment.captured_minor()),
            refunded: amount(self.payment.refunded_minor()),
            reason: reason.clone(),
            version: *version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    pub fn behaviour(&self) -> Option<Behaviour> {
        self.payment.behaviour()
    }
}

pub(super) fn find(tx: &mut Tx<'_>, id: PaymentId) -> Result<Option<Stored>, DbError> {
    let row = tx.query_opt(&format!("{SELECT} where payment_id = $1"), &params![id.to_string()])?;
    row.as_ref().map(read).transpose()
}

/// So many payments at most whose ids come after this one.
pub(super) fn page(tx: &mut Tx<'_>, after: Option<PaymentId>, rows: i64) -> Result<Vec<Stored>, DbError> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    let sql = format!("{SELECT} where payment_id > $1 order by payment_id limit $2");
    tx.query(&sql, &params![after, rows])?.iter().map(read).collect()
}

/// Payments whose bank decides by now, or at a time beyond `far`, the furthest there is: the clock has been set back since.
pub(super) fn undecided(tx: &mut Tx<'_>, now: Timestamp, far: Timestamp) -> Result<Vec<Stored>, DbError> {
    let sql = format!("{SELECT} where decided_at_us <= $1 or decided_at_us > $3 order by decided_at_us limit $2");
    tx.query(&sql, &params![now.micros(), MAX_DECISIONS_ROWS, far.micros()])?.iter().map(read).collect()
}

/// Records a payment that rests on `old_version` (0: none). Says whether it did: not where the version is another by now.
/// Comparing and changing are one statement.
pub(super) fn record(tx: &mut Tx<'_>, stored: &Stored, old_version: i64) -> Result<bool, DbError> {
    let changed = if old_version == 0 { insert(tx, stored)? } else { update(tx, stored, old_version)? };
    Ok(changed == 1)
}

fn insert(tx: &mut Tx<'_>, stored: &Stored) -> Result<u64, DbError> {
    let Payment { id, asked, status, reason, version } = &stored.payment;
    let token = asked.as_ref().and_then(|asked| match &asked.means {
        Means::Card { token, .. } => Some(token.clone()),
        Means::Invoice => None,
    });
    tx.execute(
        "insert into payment (payment_id, amount_minor, currency, token, status, captured_minor, refunded_minor, reason, \
                              version, decided_at_us, created_at_us, updated_at_us) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) on conflict (payment_id) do nothing",
        &params![
            id.to_string(),
            asked.as_ref().map(|asked| asked.amount.minor),
            stored.currency.code(),
            token,
            status.name(),
            stored.payment.captured_minor(),
            stored.payment.refunded_minor(),
            reason.clone(),
            *version,
            stored.decided_at.map(Timestamp::micros),
            stored.updated_at.micros(),
        ],
    )
}

fn update(tx: &mut Tx<'_>, stored: &Stored, old_version: i64) -> Result<u64, DbError> {
    let Payment { id, status, reason, version, .. } = &stored.payment;
    tx.execute(
        "update payment set status = $3, captured_minor = $4, refunded_minor = $5, reason = $6, version = $7, \
                            decided_at_us = $8, updated_at_us = $9 \
          where payment_id = $1 and version = $2",
        &params![
            id.to_string(),
            old_version,
            status.name(),
            stored.payment.captured_minor(),
            stored.payment.refunded_minor(),
            reason.clone(),
            *version,
            stored.decided_at.map(Timestamp::micros),
            stored.updated_at.micros(),
        ],
    )
}

fn read(row: &Row) -> Result<Stored, DbError> {
    let currency: Currency = parsed(row, "currency")?;
    let status: String = row.get("status")?;
    let status = PaymentStatus::ALL.into_iter().find(|known| known.name() == status);
    let payment = Payment {
        id: parsed(row, "payment_id")?,
        asked: asked(row, currency)?,
        status: status.ok_or_else(|| decode("status", &"none that is known"))?,
        reason: row.get("reason")?,
        version: row.get("version")?,
    };
    Ok(Stored {
        payment,
        currency,
        decided_at: row.get::<Option<i64>>("decided_at_us")?.map(Timestamp::from_micros),
        created_at: Timestamp::from_micros(row.get("created_at_us")?),
        updated_at: Timestamp::from_micros(row.get("updated_at_us")?),
    })
}

fn asked(row: &Row, currency: Currency) -> Result<Option<Asked>, DbError> {
    let Some(minor) = row.get::<Option<i64>>("amount_minor")? else { return Ok(None) };
    let means = match row.get::<Option<String>>("token")? {
        Some(token) => Means::Card { token, behaviour: tokens::read(&row.get::<String>("behaviour")?)? },
        None => Means::Invoice,
    };
    Ok(Some(Asked { amount: Money { minor, currency }, means }))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: &str) -> Result<T, DbError> {
    row.get::<String>(column)?.parse().map_err(|error| decode(column, &error))
}

pub(super) fn decode(column: &str, problem: &dyn std::fmt::Display) -> DbError {
    DbError::Decode { column: column.to_owned(), problem: problem.to_string() }
}
