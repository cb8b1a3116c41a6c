use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{CourierId, Timestamp, deliveries::CourierView};

use super::{Page, page};
use crate::{
    domain::{DEFAULT_COURIER, NewCourier, UpdateCourier},
    error::DeliveryError,
};

const COLUMNS: &str = "courier_id, name, phone, active, created_at_us";

/// Enters a courier. The unique name decides between two who enter the same one.
pub(super) fn create(tx: &mut Tx<'_>, courier: &NewCourier, now: Timestamp) -> Result<CourierView, DeliveryError> {
    let row = tx.query_opt(
        &format!(
            "insert into courier (name, phone, active, created_at_us) values ($1, $2, 1, $3) \
             on conflict (name) do nothing returning {COLUMNS}"
        ),
        &params![&courier.name, courier.phone.clone(), now.micros()],
    )?;
    let row = row.ok_or_else(|| DeliveryError::CourierTaken(courier.name.clone()))?;
    Ok(read(&row)?)
}

/// Changes what is named; what is not stays. The default courier stays active.
pub(super) fn update(tx: &mut Tx<'_>, id: CourierId, change: &UpdateCourier) -> Result<CourierView, DeliveryError> {
    let row = tx.query_opt(
        &format!(
            "update courier set phone = coalesce(cast($2 as text), phone), \
                                active = coalesce(cast($3 as bigint), active) \
              where courier_id = $1 and (name <> $4 or coalesce(cast($3 as bigint), 1) = 1) returning {COLUMNS}"
        ),
        &params![id.number(), change.phone.clone(), change.active, DEFAULT_COURIER],
    )?;
    match row {
        Some(row) => Ok(read(&row)?),
        None if find(tx, id)?.is_some() => Err(DeliveryError::DefaultCourierStays),
        None => Err(DeliveryError::CourierNotFound(id)),
    }
}

pub(super) fn find(tx: &mut Tx<'_>, id: CourierId) -> Result<Option<CourierView>, DbError> {
    let row = tx.query_opt(&format!("select {COLUMNS} from courier where courier_id = $1"), &params![id.number()])?;
    row.as_ref().map(read).transpose()
}

pub(super) fn is_active(tx: &mut Tx<'_>, name: &str) -> Result<bool, DbError> {
    let found = tx.query_opt("select 1 as one from courier where name = $1 and active = 1", &params![name])?;
    Ok(found.is_some())
}

pub(super) fn page(tx: &mut Tx<'_>, after: i64, rows: i64) -> Result<Page<CourierView>, DbError> {
    let sql = format!("select {COLUMNS} from courier where courier_id > $1 order by courier_id limit $2");
    let found: Result<Vec<CourierView>, DbError> =
        tx.query(&sql, &params![after, rows + 1])?.iter().map(read).collect();
    Ok(page::cut(found?, rows))
}

fn read(row: &Row) -> Result<CourierView, DbError> {
    let number: i64 = row.get("courier_id")?;
    let id = CourierId::new(number).ok_or_else(|| DbError::Decode {
        column: "courier_id".to_owned(),
        problem: format!("{number} is no courier's number"),
    })?;
    Ok(CourierView {
        id,
        name: row.get("name")?,
        phone: row.get("phone")?,
        active: row.get("active")?,
        created_at: Timestamp::from_micros(row.get("created_at_us")?),
    })
}
