use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{DeliveryId, Timestamp, deliveries::TrackingEntry};

use super::{Stored, deliveries::status};
use crate::domain::{Delivery, name};

/// Records the step that led to this state.
pub(super) fn append(tx: &mut Tx<'_>, stored: &Stored, note: Option<&str>) -> Result<(), DbError> {
    let Delivery { id, parcel, status, version } = &stored.delivery;
    tx.execute(
        "insert into delivery_step (delivery_id, version, status, courier, note, at_us) \
         values ($1, $2, $3, $4, $5, $6)",
        &params![
            id.to_string(),
            *version,
            name(*status),
            parcel.as_ref().map(|parcel| parcel.courier.clone()),
            note,
            stored.updated_at.micros()
        ],
    )
    .map(drop)
}

/// Every step of a delivery, first one first.
pub(super) fn of(tx: &mut Tx<'_>, id: DeliveryId) -> Result<Vec<TrackingEntry>, DbError> {
    let rows = tx.query(
        "select version, status, courier, note, at_us from delivery_step where delivery_id = $1 order by version",
        &params![id.to_string()],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<TrackingEntry, DbError> {
    Ok(TrackingEntry {
        version: row.get("version")?,
        status: status(&row.get::<String>("status")?)?,
        courier: row.get::<Option<String>>("courier")?.unwrap_or_default(),
        note: row.get("note")?,
        at: Timestamp::from_micros(row.get("at_us")?),
    })
}
