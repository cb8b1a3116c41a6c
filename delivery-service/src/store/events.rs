use serde_json::value::to_raw_value;
use service_kit::{
    db::{DbError, Tx},
    outbox,
};
use shared_types::events::{CloudEvent, DELIVERY_CHANGED, DeliveryChanged};

use super::Stored;
use crate::domain::Delivery;

/// Who says so.
const SOURCE: &str = "lastcopy/delivery";

/// Records that the delivery changed, in the transaction of the change. The subject is the order: what is told of one
/// order is told in the order of its commits.
pub(super) fn append(tx: &mut Tx<'_>, stored: &Stored) -> Result<(), DbError> {
    let Delivery { id, status, version, .. } = stored.delivery;
    let changed = DeliveryChanged { delivery_id: id, order_id: id.order, version, status };
    let data = to_raw_value(&changed).map_err(|error| DbError::Sql(format!("an event without JSON: {error}")))?;
    let event = CloudEvent {
        specversion: "1.0".to_owned(),
        id: format!("{id}:{version}"),
        source: SOURCE.to_owned(),
        kind: DELIVERY_CHANGED.to_owned(),
        subject: id.order.to_string(),
        time: stored.updated_at,
        datacontenttype: "application/json".to_owned(),
        data,
    };
    outbox::append(tx, &event)
}
