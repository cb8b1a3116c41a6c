use actix_web::HttpRequest;
use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use reqwest::Method;
use serde::Deserialize;
use service_kit::{
    auth::{DeliveriesRead, DeliveriesWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, IfMatch, S200, S404, S409, S412, S422},
};
use shared_types::{
    DeliveryId, OrderId,
    deliveries::{
        AssignCourierRequest, DeliveryPage, DeliveryStatus, DeliveryView, MoveDeliveryRequest, TrackingHistory,
    },
};

use super::{
    books::{entity_tag, key_or_ours, with_query},
    relay::Relayed,
};
use crate::clients::{Ask, Upstreams};

/// Which deliveries to list.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read for the API document and to refuse unknown parameters; the query is passed on as it came"
)]
pub(super) struct DeliveryQuery {
    order_id: Option<OrderId>,
    status: Option<DeliveryStatus>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Deliveries in the page, 1 to 200; 50 where absent.
    limit: Option<String>,
}

/// Lists deliveries, latest first.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn list(
    Scoped { caller, .. }: Scoped<DeliveriesRead>,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    _query: web::Query<DeliveryQuery>,
) -> Result<Relayed<DeliveryPage, (S200,)>, Fail<()>> {
    let answer = upstreams.delivery.ask(&caller, Ask::get(with_query("/deliveries", &request))).await?;
    Ok(Relayed::new(answer)?)
}

/// Shows a delivery.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn show(
    Scoped { caller, .. }: Scoped<DeliveriesRead>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<DeliveryId>,
) -> Result<Relayed<DeliveryView, (S200,)>, Fail<(S404,)>> {
    let answer = upstreams.delivery.ask(&caller, Ask::get(format!("/deliveries/{id}"))).await?;
    Ok(Relayed::new(answer)?)
}

/// Shows a parcel's whole way, first step first.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn tracking(
    Scoped { caller, .. }: Scoped<DeliveriesRead>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<DeliveryId>,
) -> Result<Relayed<TrackingHistory, (S200,)>, Fail<(S404,)>> {
    let answer = upstreams.delivery.ask(&caller, Ask::get(format!("/deliveries/{id}/tracking"))).await?;
    Ok(Relayed::new(answer)?)
}

/// Moves a delivery to its next status.
///
/// 409 where there is no such move from the status it has. With `If-Match` only where nobody else changed it in between.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn advance(
    Scoped { caller, .. }: Scoped<DeliveriesWrite>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<DeliveryId>,
    condition: IfMatch,
    key: IdempotencyKey,
    body: Body<MoveDeliveryRequest>,
) -> Result<Relayed<DeliveryView, (S200,)>, Fail<(S404, S409, S412, S422)>> {
    let (tag, key) = (entity_tag(condition), key_or_ours(key));
    let ask = Ask::repeatable(Method::POST, format!("/deliveries/{id}/moves"));
    let ask = ask.header("if-match", tag.as_deref()).header("idempotency-key", Some(&key)).json(&body.0);
    Ok(Relayed::new(upstreams.delivery.ask(&caller, ask).await?)?)
}

/// Hands a delivery to another courier, while it is scheduled or has failed.
#[api_v2_operation(tags(deliveries))]
pub(super) async fn assign(
    Scoped { caller, .. }: Scoped<DeliveriesWrite>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<DeliveryId>,
    condition: IfMatch,
    body: Body<AssignCourierRequest>,
) -> Result<Relayed<DeliveryView, (S200,)>, Fail<(S404, S409, S412, S422)>> {
    let tag = entity_tag(condition);
    let ask = Ask::repeatable(Method::PUT, format!("/deliveries/{id}/courier"));
    let ask = ask.header("if-match", tag.as_deref()).json(&body.0);
    Ok(Relayed::new(upstreams.delivery.ask(&caller, ask).await?)?)
}
