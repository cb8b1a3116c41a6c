use actix_web::HttpRequest;
use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use serde::Deserialize;
use service_kit::{
    auth::{Caller, DeliveriesRead, DeliveriesWrite, Scope, Scoped, ServiceCaller, peer},
    http::{Body, Cursor, Fail, IfMatch, PageQuery, Reply, S200, S201, S404, S409, S412, S422},
    idempotency::Keyed,
};
use shared_types::{
    DeliveryId, OrderId, Problem, Timestamp,
    deliveries::{
        AssignCourierRequest, DeliveryPage, DeliveryStatus, DeliveryView, MoveDeliveryRequest, TrackingHistory,
    },
};

use crate::{
    domain::{Command, courier_name, note},
    error::DeliveryError,
    store::{Asked, Filter, Store},
};

/// Which deliveries to list.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveriesQuery {
    /// Only deliveries of this order.
    order_id: Option<OrderId>,
    /// Only deliveries in this status.
    status: Option<DeliveryStatus>,
    /// Where to read on: the `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page, 1 to 200; 50 where absent.
    limit: Option<i64>,
}

/// Lists deliveries, latest first.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn list(
    who: Scoped<DeliveriesRead>,
    request: HttpRequest,
    store: web::Data<Store>,
    query: web::Query<DeliveriesQuery>,
) -> Result<Reply<DeliveryPage>, Fail> {
    let DeliveriesQuery { order_id, status, cursor, limit } = query.into_inner();
    let after = cursor.as_deref().map(position).transpose()?;
    let rows = PageQuery { cursor: None, limit }.rows()?;
    let page = store.deliveries(Filter { order_id, customer: only_of(&who.caller), status, after }, rows).await?;
    let next_cursor = page
        .last()
        .map(|last| Cursor(vec![last.created_at.micros().to_string(), last.delivery_id.to_string()]).encode());
    let body = DeliveryPage { items: page.items, next_cursor: next_cursor.clone() };
    Ok(Reply::ok(body).next_page(&request, next_cursor.as_deref()))
}

/// Whose parcels he sees: everybody's, whoever moves parcels or reviews orders; else those of his own orders.
fn only_of(caller: &Caller) -> Option<String> {
    let sees_all = caller.may(Scope::DeliveriesWrite) || caller.may(Scope::OrdersReview);
    (!sees_all).then(|| caller.principal())
}

/// What the entity tag of a delivery is made of.
pub(super) const VERSION: fn(&DeliveryView) -> i64 = |delivery| delivery.version;

fn position(cursor: &str) -> Result<(Timestamp, DeliveryId), Problem> {
    let cursor = Cursor::decode(cursor, 2)?;
    let id = cursor.0.get(1).and_then(|id| id.parse().ok()).ok_or_else(Cursor::malformed)?;
    Ok((Timestamp::from_micros(cursor.number(0)?), id))
}

/// Shows a delivery.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn show(
    who: Scoped<DeliveriesRead>,
    store: web::Data<Store>,
    id: web::Path<DeliveryId>,
) -> Result<Reply<DeliveryView>, Fail<(S404,)>> {
    let delivery = store.delivery_of(only_of(&who.caller), id.into_inner()).await?;
    Ok(Reply::ok(delivery).tagged(VERSION))
}

/// Cancels a delivery that has not left the shop.
///
/// 201: it was not booked yet, and never will be. 200: canceled, now or before. 409: too late, and the delivery says where
/// its parcel is.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn cancel(
    _: ServiceCaller<peer::Order>,
    store: web::Data<Store>,
    id: web::Path<DeliveryId>,
) -> Result<Reply<DeliveryView, (S200, S201, S409)>, Fail> {
    let id = id.into_inner();
    let asked = Asked { id, command: Command::Cancel, based_on: None, note: None, customer: None, key: None };
    match store.carry_out(asked).await {
        Ok((delivery, true)) => Ok(Reply::created(format!("/deliveries/{id}"), delivery).tagged(VERSION)),
        Ok((delivery, false)) => Ok(Reply::ok(delivery).tagged(VERSION)),
        // Its order follows from where it is, as from every answer about it.
        Err(DeliveryError::Refused(..)) => Ok(Reply::with_status(409, store.delivery(id).await?)),
        Err(error) => Err(error.into()),
    }
}

/// Shows a parcel's way, first step first.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn tracking(
    who: Scoped<DeliveriesRead>,
    store: web::Data<Store>,
    id: web::Path<DeliveryId>,
) -> Result<Reply<TrackingHistory>, Fail<(S404,)>> {
    let delivery_id = id.into_inner();
    store.delivery_of(only_of(&who.caller), delivery_id).await?;
    let items = store.tracking(delivery_id).await?;
    Ok(Reply::ok(TrackingHistory { delivery_id, items }))
}

/// Moves a delivery to its next status.
///
/// Under an `Idempotency-Key` it is moved once, and whoever asks again hears the same.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn advance(
    _: Scoped<DeliveriesWrite>,
    store: web::Data<Store>,
    id: web::Path<DeliveryId>,
    seen: IfMatch,
    key: Keyed,
    body: Body<MoveDeliveryRequest>,
) -> Result<Reply<DeliveryView>, Fail<(S404, S409, S412, S422)>> {
    let key = key.asking(&(seen.0, &body.0));
    let note = note(body.0.note).map_err(Problem::invalid_fields)?;
    let command = Command::Move(body.0.status);
    let asked = Asked { id: id.into_inner(), command, based_on: seen.0, note, customer: None, key };
    let (delivery, _) = store.carry_out(asked).await?;
    Ok(Reply::ok(delivery).tagged(VERSION))
}

/// Hands a delivery to another courier while it is `scheduled` or `failed`.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn assign(
    _: Scoped<DeliveriesWrite>,
    store: web::Data<Store>,
    id: web::Path<DeliveryId>,
    seen: IfMatch,
    body: Body<AssignCourierRequest>,
) -> Result<Reply<DeliveryView>, Fail<(S404, S409, S412, S422)>> {
    let command = Command::Assign(courier_name(body.0).map_err(Problem::invalid_fields)?);
    let (delivery, _) = store
        .carry_out(Asked { id: id.into_inner(), command, based_on: seen.0, note: None, customer: None, key: None })
        .await?;
    Ok(Reply::ok(delivery).tagged(VERSION))
}
