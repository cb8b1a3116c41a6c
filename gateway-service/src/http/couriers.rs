use actix_web::HttpRequest;
use paperclip::actix::{api_v2_operation, web};
use reqwest::Method;
use service_kit::{
    auth::{DeliveriesWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, PageQuery, S200, S201, S404, S409, S422},
};
use shared_types::{
    CourierId,
    deliveries::{CourierPage, CourierView, CreateCourierRequest, UpdateCourierRequest},
};

use super::{
    books::{key_or_ours, with_query},
    relay::Relayed,
};
use crate::clients::{Ask, Upstreams};

/// Lists couriers.
#[api_v2_operation(tags(couriers))]
pub(super) async fn list(
    Scoped { caller, .. }: Scoped<DeliveriesWrite>,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    _page: web::Query<PageQuery>,
) -> Result<Relayed<CourierPage, (S200,)>, Fail<()>> {
    let answer = upstreams.delivery.ask(&caller, Ask::get(with_query("/couriers", &request))).await?;
    Ok(Relayed::new(answer)?)
}

/// Adds a courier.
#[api_v2_operation(tags(couriers))]
pub(super) async fn create(
    Scoped { caller, .. }: Scoped<DeliveriesWrite>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<CreateCourierRequest>,
) -> Result<Relayed<CourierView, (S201,)>, Fail<(S409, S422)>> {
    let key = key_or_ours(key);
    let ask = Ask::repeatable(Method::POST, "/couriers").header("idempotency-key", Some(&key)).json(&body.0);
    Ok(Relayed::new(upstreams.delivery.ask(&caller, ask).await?)?)
}

/// Shows a courier.
#[api_v2_operation(tags(couriers))]
pub(super) async fn show(
    Scoped { caller, .. }: Scoped<DeliveriesWrite>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<CourierId>,
) -> Result<Relayed<CourierView, (S200,)>, Fail<(S404,)>> {
    let answer = upstreams.delivery.ask(&caller, Ask::get(format!("/couriers/{id}"))).await?;
    Ok(Relayed::new(answer)?)
}

/// Changes a courier's phone number, or whether new parcels are given to him.
#[api_v2_operation(tags(couriers))]
pub(super) async fn update(
    Scoped { caller, .. }: Scoped<DeliveriesWrite>,
    upstreams: web::Data<Upstreams>,
    id: web::Path<CourierId>,
    body: Body<UpdateCourierRequest>,
) -> Result<Relayed<CourierView, (S200,)>, Fail<(S404, S422)>> {
    let ask = Ask::once(Method::PATCH, format!("/couriers/{id}")).json(&body.0);
    Ok(Relayed::new(upstreams.delivery.ask(&caller, ask).await?)?)
}
