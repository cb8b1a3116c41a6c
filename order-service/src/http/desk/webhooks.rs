use actix_web::HttpRequest;
use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::Employee,
    http::{Body, Cursor, Fail, PageQuery, Reply, S201, S204, S404, S422},
    idempotency::{Keyed, once},
};
use shared_types::webhooks::{
    CreateWebhookRequest, NewWebhookView, UpdateWebhookRequest, WebhookMessageLog, WebhookMessagePage,
    WebhookMessageView, WebhookPage, WebhookView,
};
use uuid::Uuid;

use super::{Desk, DeskError, cut};
use crate::{
    store::subscribers,
    subscribers::{read_change, read_new},
};

/// Registers an address that is told of events.
///
/// Every message is signed with the secret (Standard Webhooks), which is in this answer and nowhere else; asked again with
/// its key, it is the same one.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn create(
    who: Employee,
    desk: web::Data<Desk>,
    key: Keyed,
    body: Body<CreateWebhookRequest>,
) -> Result<Reply<NewWebhookView, (S201,)>, Fail<(S422,)>> {
    let (key, now) = (key.asking(&body.0), desk.now());
    let new = read_new(body.0, who.caller.principal(), &desk.subscribers)?;
    let made = once(&desk.db, key, now, move |tx| subscribers::create(tx, &new, now).map_err(DeskError::from));
    let webhook = made.await?;
    // It is no part of the answer that is kept under the key: a secret has one place.
    let id = webhook.id;
    let secret = desk.db.read(move |tx| subscribers::secret(tx, id)).await?;
    let location = format!("/webhooks/{}", webhook.id);
    Ok(Reply::created(location, NewWebhookView { webhook, secret }).header("cache-control", "no-store"))
}

/// Lists addresses that are told of events, latest first.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn list(
    _: Employee,
    request: HttpRequest,
    desk: web::Data<Desk>,
    page: web::Query<PageQuery>,
) -> Result<Reply<WebhookPage>, Fail> {
    let (before, rows) = (position(&page)?, page.rows()?);
    let mut items = desk.db.read(move |tx| subscribers::page(tx, before, rows + 1)).await?;
    let next_cursor = cut(&mut items, rows, |last| last.id.to_string());
    Ok(Reply::ok(WebhookPage { items, next_cursor: next_cursor.clone() }).next_page(&request, next_cursor.as_deref()))
}

/// Shows an address that is told of events.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn show(
    _: Employee,
    desk: web::Data<Desk>,
    id: web::Path<Uuid>,
) -> Result<Reply<WebhookView>, Fail<(S404,)>> {
    let id = id.into_inner();
    let found = desk.db.read(move |tx| subscribers::find(tx, id)).await?;
    Ok(Reply::ok(found.ok_or(DeskError::NoSuchWebhook(id))?))
}

/// Changes the address, the events it is told of, or whether it is told of any.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn update(
    _: Employee,
    desk: web::Data<Desk>,
    id: web::Path<Uuid>,
    body: Body<UpdateWebhookRequest>,
) -> Result<Reply<WebhookView>, Fail<(S404, S422)>> {
    let change = read_change(body.0, &desk.subscribers)?;
    let (id, now) = (id.into_inner(), desk.now());
    let changed = desk.db.write(move |tx| subscribers::update(tx, id, &change, now)).await?;
    Ok(Reply::ok(changed.ok_or(DeskError::NoSuchWebhook(id))?))
}

/// Removes an address: it is told of nothing more.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn delete(
    _: Employee,
    desk: web::Data<Desk>,
    id: web::Path<Uuid>,
) -> Result<Reply<(), (S204,)>, Fail<(S404,)>> {
    let (id, now) = (id.into_inner(), desk.now());
    match desk.db.write(move |tx| subscribers::delete(tx, id, now)).await? {
        true => Ok(Reply::empty(204)),
        false => Err(DeskError::NoSuchWebhook(id).into()),
    }
}

/// Lists the messages to an address, latest first.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn messages(
    _: Employee,
    request: HttpRequest,
    desk: web::Data<Desk>,
    id: web::Path<Uuid>,
    page: web::Query<PageQuery>,
) -> Result<Reply<WebhookMessagePage>, Fail<(S404,)>> {
    let (id, before, rows) = (id.into_inner(), position(&page)?, page.rows()?);
    let found = desk.db.read(move |tx| {
        Ok::<_, DeskError>(match subscribers::find(tx, id)? {
            Some(_) => Some(subscribers::messages(tx, id, before, rows + 1)?),
            None => None,
        })
    });
    let mut items = found.await?.ok_or(DeskError::NoSuchWebhook(id))?;
    let next_cursor = cut(&mut items, rows, |last| last.id.to_string());
    let page = WebhookMessagePage { items, next_cursor: next_cursor.clone() };
    Ok(Reply::ok(page).next_page(&request, next_cursor.as_deref()))
}

/// Shows a message and every attempt to deliver it.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn log(
    _: Employee,
    desk: web::Data<Desk>,
    ids: web::Path<(Uuid, Uuid)>,
) -> Result<Reply<WebhookMessageLog>, Fail<(S404,)>> {
    let (webhook_id, message_id) = ids.into_inner();
    let found = desk.db.read(move |tx| subscribers::log(tx, webhook_id, message_id)).await?;
    Ok(Reply::ok(found.ok_or(DeskError::NoSuchMessage(message_id))?))
}

/// Sends a message again at once, also one that was delivered or given up.
#[api_v2_operation(tags(webhooks))]
pub(super) async fn resend(
    _: Employee,
    desk: web::Data<Desk>,
    ids: web::Path<(Uuid, Uuid)>,
    key: Keyed,
) -> Result<Reply<WebhookMessageView>, Fail<(S404,)>> {
    let (webhook_id, message_id) = ids.into_inner();
    let now = desk.now();
    let resent = once(&desk.db, key.asking(&()), now, move |tx| {
        subscribers::resend(tx, webhook_id, message_id, now)?.ok_or(DeskError::NoSuchMessage(message_id))
    });
    Ok(Reply::ok(resent.await?))
}

fn position(page: &PageQuery) -> Result<Option<Uuid>, shared_types::Problem> {
    let read = |cursor: &str| Cursor::decode(cursor, 1)?.0[0].parse().map_err(|_| Cursor::malformed());
    page.cursor.as_deref().map(read).transpose()
}
