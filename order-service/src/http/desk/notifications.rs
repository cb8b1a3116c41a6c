use actix_web::HttpRequest;
use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use serde::Deserialize;
use service_kit::{
    auth::Employee,
    http::{Cursor, Fail, PageQuery, Reply, S404, S409},
    idempotency::{Keyed, once},
};
use shared_types::{
    OrderId,
    notifications::{NotificationPage, NotificationStatus, NotificationView},
};

use super::{Desk, DeskError, cut};
use crate::store::notifications::{self, Filter};

/// Which messages to list.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub(super) struct NotificationsQuery {
    /// Only messages about this order.
    order_id: Option<OrderId>,
    /// Only messages in this status.
    status: Option<NotificationStatus>,
    /// Where to read on: the `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page, 1 to 200; 50 where absent.
    limit: Option<i64>,
}

/// Lists messages to customers, latest first.
#[api_v2_operation(tags(notifications))]
pub(super) async fn list(
    _: Employee,
    request: HttpRequest,
    desk: web::Data<Desk>,
    query: web::Query<NotificationsQuery>,
) -> Result<Reply<NotificationPage>, Fail> {
    let NotificationsQuery { order_id, status, cursor, limit } = query.into_inner();
    let before = cursor.as_deref().map(|cursor| Cursor::decode(cursor, 1)?.number(0)).transpose()?;
    let rows = PageQuery { cursor: None, limit }.rows()?;
    let filter = Filter { order_id, status, before };
    let mut items = desk.db.read(move |tx| notifications::page(tx, &filter, rows + 1)).await?;
    let next_cursor = cut(&mut items, rows, |last| last.id.to_string());
    Ok(Reply::ok(NotificationPage { items, next_cursor: next_cursor.clone() })
        .next_page(&request, next_cursor.as_deref()))
}

/// Shows a message.
#[api_v2_operation(tags(notifications))]
pub(super) async fn show(
    _: Employee,
    desk: web::Data<Desk>,
    id: web::Path<i64>,
) -> Result<Reply<NotificationView>, Fail<(S404,)>> {
    let id = id.into_inner();
    let found = desk.db.read(move |tx| notifications::find(tx, id)).await?;
    Ok(Reply::ok(found.ok_or(DeskError::NoSuchNotification(id))?))
}

/// Sends a message again that failed, or whose fate is unknown.
///
/// Nobody else does: the customer may read it twice. 409 for a message that was sent, is under way or has no number.
#[api_v2_operation(tags(notifications))]
pub(super) async fn resend(
    _: Employee,
    desk: web::Data<Desk>,
    id: web::Path<i64>,
    key: Keyed,
) -> Result<Reply<NotificationView>, Fail<(S404, S409)>> {
    let (id, now) = (id.into_inner(), desk.now());
    let queued = once(&desk.db, key.asking(&()), now, move |tx| {
        match (notifications::resend(tx, id, now)?, notifications::find(tx, id)?) {
            (Some(queued), _) => Ok(queued),
            (None, Some(found)) => Err(DeskError::NotToBeResent(found.status)),
            (None, None) => Err(DeskError::NoSuchNotification(id)),
        }
    });
    Ok(Reply::ok(queued.await?))
}
