use actix_web::HttpRequest;
use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use serde::Deserialize;
use service_kit::{
    auth::{OrdersReview, Scoped},
    http::{Cursor, Fail, PageQuery, Reply, S404},
};
use shared_types::{
    Code, Problem, Timestamp,
    payments::{ReceiptPage, ReceiptView},
};

use super::Shop;
use crate::{
    store::receipts::{self, Receipt},
    webhooks::is_event_id,
};

/// Which receipts to list.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptsQuery {
    /// Only receipts that were not given back.
    kept: Option<bool>,
    /// Where to read on: the `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page, 1 to 200; 50 where absent.
    limit: Option<i64>,
}

/// Lists money that was reported to the shop, first one first.
#[api_v2_operation(tags(receipts))]
pub(super) async fn list(
    _: Scoped<OrdersReview>,
    request: HttpRequest,
    shop: web::Data<Shop>,
    query: web::Query<ReceiptsQuery>,
) -> Result<Reply<ReceiptPage>, Fail> {
    let ReceiptsQuery { kept, cursor, limit } = query.into_inner();
    let (after_at, after_id) = cursor.as_deref().map(position).transpose()?.unwrap_or_default();
    let rows = PageQuery { cursor: None, limit }.rows()?;
    let after = Timestamp::from_micros(after_at);
    let found = shop.db.read(move |tx| receipts::page(tx, kept.unwrap_or(false), (after, &after_id), rows + 1)).await?;
    let page = page(found, rows);
    let next_cursor = page.next_cursor.clone();
    Ok(Reply::ok(page).next_page(&request, next_cursor.as_deref()))
}

/// Says that money was given back to whom it came from. Said again, the first word stands.
///
/// Where it paid for an order that is refunded, this is what the order waits for.
#[api_v2_operation(tags(receipts))]
pub(super) async fn returned(
    who: Scoped<OrdersReview>,
    shop: web::Data<Shop>,
    event_id: web::Path<String>,
) -> Result<Reply<ReceiptView>, Fail<(S404,)>> {
    let missing = || Problem::new(Code::ReceiptNotFound, "there is no such receipt");
    let event_id = Some(event_id.into_inner()).filter(|id| is_event_id(id)).ok_or_else(missing)?;
    let (by, at) = (who.caller.principal(), shop.driver.now());
    let found = shop.db.write(move |tx| receipts::returned(tx, &event_id, &by, at)).await?;
    shop.driver.wake();
    Ok(Reply::ok(view(&found.ok_or_else(missing)?)))
}

fn page(mut found: Vec<Receipt>, rows: i64) -> ReceiptPage {
    let shown = usize::try_from(rows).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let last = found.last().filter(|_| more);
    let next_cursor =
        last.map(|last| Cursor(vec![last.received_at.micros().to_string(), last.event_id.clone()]).encode());
    ReceiptPage { items: found.iter().map(view).collect(), next_cursor }
}

fn position(cursor: &str) -> Result<(i64, String), Problem> {
    let cursor = Cursor::decode(cursor, 2)?;
    let event_id = cursor.0.get(1).filter(|id| is_event_id(id)).ok_or_else(Cursor::malformed)?;
    Ok((cursor.number(0)?, event_id.clone()))
}

fn view(receipt: &Receipt) -> ReceiptView {
    let (returned_at, returned_by) = receipt.returned.clone().unzip();
    ReceiptView {
        event_id: receipt.event_id.clone(),
        order_id: receipt.order,
        payment_id: receipt.payment,
        amount: receipt.amount.amount(),
        currency: receipt.amount.currency,
        received_at: receipt.received_at,
        returned_at,
        returned_by,
    }
}
