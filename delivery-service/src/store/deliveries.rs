use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};
use shared_types::{
    DeliveryId, OrderId, Timestamp,
    deliveries::{DeliveryStatus, DeliveryView},
};

use super::{Page, Stored, page};
use crate::domain::{Booking, Delivery, Parcel, name};

const COLUMNS: &str =
    "delivery_id, address, booked_courier, courier, status, version, customer, created_at_us, updated_at_us";

/// Which deliveries to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub order_id: Option<OrderId>,
    /// Only parcels of this customer's orders.
    pub customer: Option<String>,
    pub status: Option<DeliveryStatus>,
    /// Only what comes after this one, latest first.
    pub after: Option<(Timestamp, DeliveryId)>,
}

impl Stored {
    pub fn view(&self) -> DeliveryView {
        let Delivery { id, parcel, status, version } = &self.delivery;
        DeliveryView {
            delivery_id: *id,
            order_id: id.order,
            address: parcel.as_ref().map(|parcel| parcel.booking.address.clone()),
            courier: parcel.as_ref().map(|parcel| parcel.courier.clone()).unwrap_or_default(),
            status: *status,
            version: *version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

pub(super) fn find(tx: &mut Tx<'_>, id: DeliveryId) -> Result<Option<Stored>, DbError> {
    let row =
        tx.query_opt(&format!("select {COLUMNS} from delivery where delivery_id = $1"), &params![id.to_string()])?;
    row.as_ref().map(read).transpose()
}

/// Records a delivery that rests on `old_version` (0: none). Says whether it did: not where the version is another by
/// now, and not where a parcel would go to a courier who is not active. Comparing and changing are one statement.
pub(super) fn record(tx: &mut Tx<'_>, stored: &Stored, old_version: i64) -> Result<bool, DbError> {
    let changed = match (&stored.delivery.parcel, old_version) {
        (Some(parcel), 0) => insert_booked(tx, stored, parcel)?,
        (None, 0) => insert_tombstone(tx, stored)?,
        _ => update(tx, stored, old_version)?,
    };
    Ok(changed == 1)
}

fn insert_booked(tx: &mut Tx<'_>, stored: &Stored, parcel: &Parcel) -> Result<u64, DbError> {
    let Delivery { id, status, version, .. } = &stored.delivery;
    tx.execute(
        "insert into delivery (delivery_id, order_id, address, booked_courier, courier, status, version, \
                               created_at_us, updated_at_us, customer) \
         select cast($1 as text), cast($2 as text), cast($3 as text), name, name, cast($4 as text), \
                cast($5 as bigint), cast($6 as bigint), cast($6 as bigint), cast($8 as text) \
           from courier where name = $7 and active = 1 \
         on conflict (delivery_id) do nothing",
        &params![
            id.to_string(),
            id.order.to_string(),
            json(parcel)?,
            name(*status),
            *version,
            stored.created_at.micros(),
            &parcel.courier,
            stored.customer.clone()
        ],
    )
}

fn insert_tombstone(tx: &mut Tx<'_>, stored: &Stored) -> Result<u64, DbError> {
    let Delivery { id, status, version, .. } = &stored.delivery;
    tx.execute(
        "insert into delivery (delivery_id, order_id, status, version, created_at_us, updated_at_us) \
         values ($1, $2, $3, $4, $5, $5) on conflict (delivery_id) do nothing",
        &params![id.to_string(), id.order.to_string(), name(*status), *version, stored.created_at.micros()],
    )
}

fn update(tx: &mut Tx<'_>, stored: &Stored, old_version: i64) -> Result<u64, DbError> {
    let Delivery { id, parcel, status, version } = &stored.delivery;
    tx.execute(
        "update delivery set status = $3, courier = $4, version = $5, updated_at_us = $6 \
          where delivery_id = $1 and version = $2 \
            and (courier = $4 or exists (select 1 from courier c where c.name = $4 and c.active = 1))",
        &params![
            id.to_string(),
            old_version,
            name(*status),
            parcel.as_ref().map(|parcel| parcel.courier.clone()),
            *version,
            stored.updated_at.micros()
        ],
    )
}

pub(super) fn page(tx: &mut Tx<'_>, filter: &Filter, rows: i64) -> Result<Page<Stored>, DbError> {
    let mut conditions = vec!["1 = 1".to_owned()];
    let mut values: Vec<Value> = Vec::new();
    let mut bind = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    if let Some(order_id) = filter.order_id {
        conditions.push(format!("order_id = {}", bind(order_id.to_string().into())));
    }
    if let Some(customer) = &filter.customer {
        conditions.push(format!("customer = {}", bind(customer.clone().into())));
    }
    if let Some(status) = filter.status {
        conditions.push(format!("status = {}", bind(name(status).into())));
    }
    if let Some((at, id)) = filter.after {
        let (at, id) = (bind(at.micros().into()), bind(id.to_string().into()));
        conditions.push(format!("(created_at_us, delivery_id) < ({at}, {id})"));
    }
    let limit = bind((rows + 1).into());
    let sql = format!(
        "select {COLUMNS} from delivery where {} order by created_at_us desc, delivery_id desc limit {limit}",
        conditions.join(" and ")
    );
    let found: Result<Vec<Stored>, DbError> = tx.query(&sql, &values)?.iter().map(read).collect();
    Ok(page::cut(found?, rows))
}

fn read(row: &Row) -> Result<Stored, DbError> {
    let parcel = match row.get::<Option<String>>("address")? {
        Some(address) => Some(Parcel {
            booking: Booking { address: parse(&address, "address")?, courier: row.get("booked_courier")? },
            courier: row.get("courier")?,
        }),
        None => None,
    };
    let id: String = row.get("delivery_id")?;
    let delivery = Delivery {
        id: id.parse().map_err(|error: shared_types::IdError| decode("delivery_id", &error))?,
        parcel,
        status: status(&row.get::<String>("status")?)?,
        version: row.get("version")?,
    };
    Ok(Stored {
        delivery,
        customer: row.get("customer")?,
        created_at: Timestamp::from_micros(row.get("created_at_us")?),
        updated_at: Timestamp::from_micros(row.get("updated_at_us")?),
    })
}

/// A status as it is stored.
pub(super) fn status(text: &str) -> Result<DeliveryStatus, DbError> {
    parse(&format!("\"{text}\""), "status")
}

fn json(parcel: &Parcel) -> Result<String, DbError> {
    serde_json::to_string(&parcel.booking.address).map_err(|error| decode("address", &error))
}

fn parse<T: serde::de::DeserializeOwned>(text: &str, column: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| decode(column, &error))
}

fn decode(column: &str, problem: &dyn std::fmt::Display) -> DbError {
    DbError::Decode { column: column.to_owned(), problem: problem.to_string() }
}
