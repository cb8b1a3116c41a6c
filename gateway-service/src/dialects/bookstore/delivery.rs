use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use service_kit::{
    auth::{Caller, DeliveriesWrite},
    http::{Body, Fail, IdempotencyKey, Reply, S200, S201, S202, S400, S403, S404, S409, S422},
};
use shared_types::{
    Code, DeliveryId, OrderId, Problem,
    deliveries::{AssignCourierRequest, CreateCourierRequest, DeliveryStatus, DeliveryView},
    orders::{Address, DeliverRequest, OrderView},
};

use super::{customer_id::CustomerId, find_order, key::StoreKey};
use crate::{
    clients::{Ask, Upstreams},
    http::{books::key_or_ours, relay},
};

/// Who carries parcels where nobody is named.
const LOCAL: &str = "local";
/// Between the street and the city of an address, which this contract writes in one line.
const COMMA: &str = ", ";

/// A delivery to be made.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(
    example = r#"{"order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "address": "12 Quay Street, Porto", "courier": "local"}"#
)]
pub(super) struct NewStoreDelivery {
    order_id: String,
    address: String,
    #[serde(default)]
    courier: Option<String>,
}

/// A delivery of the store.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"delivery_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1", "order_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "address": "12 Quay Street, Porto", "courier": "local", "status": "scheduled"}"#
)]
pub(super) struct StoreDelivery {
    delivery_id: DeliveryId,
    order_id: OrderId,
    address: String,
    courier: String,
    status: DeliveryStatus,
}

/// Has the books of an order delivered.
///
/// 200, with the delivery there is, where one was booked before.
#[api_v2_operation(tags(bookstore))]
pub(super) async fn deliver(
    StoreKey { caller, .. }: StoreKey<DeliveriesWrite>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<NewStoreDelivery>,
) -> Result<Reply<StoreDelivery, (S200, S201, S202)>, Fail<(S400, S403, S404, S409, S422)>> {
    let new = body.0;
    if new.order_id.trim().is_empty() || new.address.trim().is_empty() {
        return Err(Problem::new(Code::MalformedBody, "order_id and address must not be empty").into());
    }
    let order = find_order(&upstreams, &caller, &new.order_id).await?;
    if let Some(there) = booked(&upstreams, &caller, &order).await? {
        return Ok(Reply::ok(there));
    }
    Ok(book(&upstreams, &caller, key, &order, &new).await?)
}

/// The delivery of an order that has one.
async fn booked(upstreams: &Upstreams, caller: &Caller, order: &OrderView) -> Result<Option<StoreDelivery>, Problem> {
    let Some(id) = order.delivery_id else { return Ok(None) };
    let answer = upstreams.delivery.ask(caller, Ask::get(format!("/deliveries/{id}"))).await?;
    Ok(Some(relay::read::<DeliveryView>(&answer)?.into()))
}

/// The order is given its address, and books the parcel itself.
async fn book(
    upstreams: &Upstreams,
    caller: &Caller,
    key: IdempotencyKey,
    order: &OrderView,
    new: &NewStoreDelivery,
) -> Result<Reply<StoreDelivery, (S200, S201, S202)>, Problem> {
    let recipient =
        order.customer_ref.as_deref().map_or_else(|| LOCAL.to_owned(), |kept| CustomerId::read(kept).to_string());
    let key = key_or_ours(key);
    let ask = Ask::repeatable(Method::POST, format!("/orders/{}/deliver", order.id));
    let ask =
        ask.header("idempotency-key", Some(&key)).json(&DeliverRequest { address: address(recipient, &new.address) });
    let told: OrderView = relay::read(&upstreams.order.ask(caller, ask).await?)?;
    let courier = new.courier.as_deref().map(str::trim).filter(|courier| !courier.is_empty()).unwrap_or(LOCAL);
    let at = |id: DeliveryId| format!("/api/v1/deliveries/{id}");
    match told.delivery_id {
        Some(id) => Ok(Reply::created(at(id), hand_to(upstreams, caller, id, courier).await?)),
        None => {
            let id = order.id.delivery(1);
            let (address, courier) = (new.address.clone(), courier.to_owned());
            let status = DeliveryStatus::Scheduled;
            Ok(Reply::accepted(at(id), StoreDelivery { delivery_id: id, order_id: order.id, address, courier, status }))
        }
    }
}

/// Gives a parcel to the courier of that name, who is taken on where nobody has the name: this contract names couriers as
/// it likes.
async fn hand_to(
    upstreams: &Upstreams,
    caller: &Caller,
    id: DeliveryId,
    courier: &str,
) -> Result<StoreDelivery, Problem> {
    if courier == LOCAL {
        let answer = upstreams.delivery.ask(caller, Ask::get(format!("/deliveries/{id}"))).await?;
        return Ok(relay::read::<DeliveryView>(&answer)?.into());
    }
    let known = CreateCourierRequest { name: courier.to_owned(), phone: None };
    let taken_on = upstreams.delivery.ask(caller, Ask::repeatable(Method::POST, "/couriers").json(&known)).await?;
    relay::done(&taken_on).or_else(|problem| if problem.code == Code::CourierTaken { Ok(()) } else { Err(problem) })?;
    let given = AssignCourierRequest { courier: courier.to_owned() };
    let ask = Ask::repeatable(Method::PUT, format!("/deliveries/{id}/courier")).json(&given);
    Ok(relay::read::<DeliveryView>(&upstreams.delivery.ask(caller, ask).await?)?.into())
}

/// One line of text as the parts of an address: the city is what follows the last comma, or the whole.
fn address(recipient: String, line: &str) -> Address {
    let (street, city) = line.rsplit_once(COMMA).unwrap_or((line, line));
    Address { recipient, street: street.to_owned(), city: city.to_owned(), postal_code: None, country: None }
}

fn in_one_line(address: Address) -> String {
    let Address { street, city, .. } = address;
    if street == city { street } else { format!("{street}{COMMA}{city}") }
}

impl From<DeliveryView> for StoreDelivery {
    fn from(delivery: DeliveryView) -> StoreDelivery {
        let DeliveryView { delivery_id, order_id, address, courier, status, .. } = delivery;
        let address = address.map(in_one_line).unwrap_or_default();
        StoreDelivery { delivery_id, order_id, address, courier, status }
    }
}
