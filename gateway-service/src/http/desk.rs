use actix_web::HttpRequest;
use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use reqwest::Method;
use serde::Deserialize;
use service_kit::{
    auth::{Employee, OrdersReview, Scoped},
    http::{Body, Fail, IdempotencyKey, PageQuery, S200, S201, S204, S404, S409, S422},
};
use shared_types::{
    OrderId,
    events::{ParkedEvents, ReplayRequest},
    notifications::{NotificationPage, NotificationStatus, NotificationView},
    webhooks::{
        CreateWebhookRequest, NewWebhookView, UpdateWebhookRequest, WebhookMessageLog, WebhookMessagePage,
        WebhookMessageView, WebhookPage, WebhookView,
    },
};
use uuid::Uuid;

use super::{
    books::{key_or_ours, with_query},
    relay::Relayed,
};
use crate::clients::{Ask, Upstream, Upstreams};

/// Which messages to list.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read for the API document and to refuse unknown parameters; the query is passed on as it came"
)]
pub(super) struct NotificationsQuery {
    order_id: Option<OrderId>,
    status: Option<NotificationStatus>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Messages in the page, 1 to 200; 50 where absent.
    limit: Option<String>,
}

/// Lists messages to customers, latest first.
#[api_v2_operation(tags(notifications))]
pub(super) async fn notifications(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    _query: web::Query<NotificationsQuery>,
) -> Result<Relayed<NotificationPage, (S200,)>, Fail<()>> {
    let ask = Ask::get(with_query("/notifications", &request));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Shows a message to a customer.
#[api_v2_operation(tags(notifications))]
pub(super) async fn notification(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    id: web::Path<i64>,
) -> Result<Relayed<NotificationView, (S200,)>, Fail<(S404,)>> {
    let ask = Ask::get(format!("/notifications/{id}"));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Sends a message again that failed, or whose fate is unknown.
///
/// The customer may read it twice. 409 for a message that was sent, is under way or has no number.
#[api_v2_operation(tags(notifications))]
pub(super) async fn resend_notification(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    id: web::Path<i64>,
    key: IdempotencyKey,
) -> Result<Relayed<NotificationView, (S200,)>, Fail<(S404, S409)>> {
    let key = key_or_ours(key);
    let ask = Ask::repeatable(Method::POST, format!("/notifications/{id}/resend"));
    let ask = ask.header("idempotency-key", Some(&key));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Registers an address that is told of events.
///
/// Every message is signed with the secret (Standard Webhooks), which is in this answer and nowhere else.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn create_webhook(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<CreateWebhookRequest>,
) -> Result<Relayed<NewWebhookView, (S201,)>, Fail<(S422,)>> {
    let key = key_or_ours(key);
    let ask = Ask::repeatable(Method::POST, "/webhooks").header("idempotency-key", Some(&key)).json(&body.0);
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Lists addresses that are told of events, latest first.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn webhooks(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    _page: web::Query<PageQuery>,
) -> Result<Relayed<WebhookPage, (S200,)>, Fail<()>> {
    let ask = Ask::get(with_query("/webhooks", &request));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Shows an address that is told of events.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn webhook(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    id: web::Path<Uuid>,
) -> Result<Relayed<WebhookView, (S200,)>, Fail<(S404,)>> {
    Ok(Relayed::new(upstreams.order.ask(&caller, Ask::get(format!("/webhooks/{id}"))).await?)?)
}

/// Changes the address, the events it is told of, or whether it is told of any.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn update_webhook(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    id: web::Path<Uuid>,
    body: Body<UpdateWebhookRequest>,
) -> Result<Relayed<WebhookView, (S200,)>, Fail<(S404, S422)>> {
    let ask = Ask::once(Method::PATCH, format!("/webhooks/{id}")).json(&body.0);
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Removes an address: it is told of nothing more.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn delete_webhook(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    id: web::Path<Uuid>,
) -> Result<Relayed<(), (S204,)>, Fail<(S404,)>> {
    let ask = Ask::once(Method::DELETE, format!("/webhooks/{id}"));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Lists the messages to an address, latest first.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn webhook_messages(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    id: web::Path<Uuid>,
    _page: web::Query<PageQuery>,
) -> Result<Relayed<WebhookMessagePage, (S200,)>, Fail<(S404,)>> {
    let ask = Ask::get(with_query(&format!("/webhooks/{id}/messages"), &request));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Shows a message and every attempt to deliver it.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn webhook_message(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    ids: web::Path<(Uuid, Uuid)>,
) -> Result<Relayed<WebhookMessageLog, (S200,)>, Fail<(S404,)>> {
    let (id, message_id) = ids.into_inner();
    let ask = Ask::get(format!("/webhooks/{id}/messages/{message_id}"));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Sends a message again at once, also one that was delivered or given up.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn resend_webhook_message(
    Employee { caller, .. }: Employee,
    upstreams: web::Data<Upstreams>,
    ids: web::Path<(Uuid, Uuid)>,
    key: IdempotencyKey,
) -> Result<Relayed<WebhookMessageView, (S200,)>, Fail<(S404,)>> {
    let ((id, message_id), key) = (ids.into_inner(), key_or_ours(key));
    let ask = Ask::repeatable(Method::POST, format!("/webhooks/{id}/messages/{message_id}/resend"));
    let ask = ask.header("idempotency-key", Some(&key));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// The service whose parked events are meant.
#[derive(Debug, Clone, Copy, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Teller {
    Catalog,
    Order,
    Delivery,
}

fn teller(upstreams: &Upstreams, teller: Teller) -> &Upstream {
    match teller {
        Teller::Catalog => &upstreams.catalog,
        Teller::Order => &upstreams.order,
        Teller::Delivery => &upstreams.delivery,
    }
}

/// Lists events of a service (`catalog`, `order` or `delivery`) that a subscriber refused for good, oldest first.
///
/// Later events of the same subject wait behind each of them.
#[api_v2_operation(tags(events))]
pub(super) async fn parked_events(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    service: web::Path<Teller>,
) -> Result<Relayed<ParkedEvents, (S200,)>, Fail<()>> {
    let answer = teller(&upstreams, *service).ask(&caller, Ask::get("/parked-events")).await?;
    Ok(Relayed::new(answer)?)
}

/// Sends a parked event again, after its cause was mended. Answers what is parked still.
#[api_v2_operation(tags(events))]
pub(super) async fn replay_event(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    service: web::Path<Teller>,
    body: Body<ReplayRequest>,
) -> Result<Relayed<ParkedEvents, (S200,)>, Fail<(S404, S422)>> {
    let ask = Ask::once(Method::POST, "/parked-events/replay").json(&body.0);
    Ok(Relayed::new(teller(&upstreams, *service).ask(&caller, ask).await?)?)
}
