use actix_web::HttpRequest;
use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::{DeliveriesWrite, Scoped},
    http::{Body, Cursor, Fail, PageQuery, Reply, S201, S404, S409, S422},
    idempotency::Keyed,
};
use shared_types::{
    CourierId, Problem,
    deliveries::{CourierPage, CourierView, CreateCourierRequest, UpdateCourierRequest},
};

use crate::{
    domain::{NewCourier, UpdateCourier},
    store::Store,
};

/// Enters a courier.
#[api_v2_operation(tags(couriers))]
pub(super) async fn create(
    _: Scoped<DeliveriesWrite>,
    store: web::Data<Store>,
    key: Keyed,
    body: Body<CreateCourierRequest>,
) -> Result<Reply<CourierView, (S201,)>, Fail<(S409, S422)>> {
    let key = key.asking(&body.0);
    let courier = NewCourier::read(body.0).map_err(Problem::invalid_fields)?;
    let courier = store.create_courier(courier, key).await?;
    Ok(Reply::created(format!("/couriers/{}", courier.id), courier))
}

/// Lists couriers in the order of their numbers.
#[api_v2_operation(tags(couriers))]
pub(super) async fn list(
    _: Scoped<DeliveriesWrite>,
    request: HttpRequest,
    store: web::Data<Store>,
    query: web::Query<PageQuery>,
) -> Result<Reply<CourierPage>, Fail> {
    let cursor = query.cursor.as_deref().map(|cursor| Cursor::decode(cursor, 1)?.number(0));
    let page = store.couriers(cursor.transpose()?.unwrap_or(0), query.rows()?).await?;
    let next_cursor = page.last().map(|last| Cursor(vec![last.id.to_string()]).encode());
    let body = CourierPage { items: page.items, next_cursor: next_cursor.clone() };
    Ok(Reply::ok(body).next_page(&request, next_cursor.as_deref()))
}

/// Shows a courier.
#[api_v2_operation(tags(couriers))]
pub(super) async fn show(
    _: Scoped<DeliveriesWrite>,
    store: web::Data<Store>,
    id: web::Path<CourierId>,
) -> Result<Reply<CourierView>, Fail<(S404,)>> {
    Ok(Reply::ok(store.courier(id.into_inner()).await?))
}

/// Changes a courier's telephone number, or whether he is given new parcels.
#[api_v2_operation(tags(couriers))]
pub(super) async fn update(
    _: Scoped<DeliveriesWrite>,
    store: web::Data<Store>,
    id: web::Path<CourierId>,
    body: Body<UpdateCourierRequest>,
) -> Result<Reply<CourierView>, Fail<(S404, S422)>> {
    let change = UpdateCourier::read(body.0).map_err(Problem::invalid_fields)?;
    Ok(Reply::ok(store.update_courier(id.into_inner(), change).await?))
}
