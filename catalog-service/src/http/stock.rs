use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::{Scoped, StockRead, StockWrite},
    http::{Body, Cursor, Fail, PageQuery, Reply, S200, S201, S404, S409, S422},
    idempotency::Keyed,
};
use shared_types::{
    BookId, Problem,
    books::{AdjustStockRequest, LedgerPage, StockAdjustmentView},
};

use super::{
    Shop,
    paging::{RequestTarget, cut},
};
use crate::domain::stock::Adjustment;

/// Adjusts the stock of a book by hand.
///
/// `delta` adds or removes copies, `set_to` is what was counted; a purchase meanwhile is never undone by either. The same
/// `adjustment_id` is the same adjustment, done once: 200 with the first answer, and 422 `id_reused` for another one under
/// that id. Fewer copies than none: 409 `stock_too_low`.
#[api_v2_operation(tags(stock))]
pub async fn adjust(
    who: Scoped<StockWrite>,
    shop: Shop,
    book_id: web::Path<BookId>,
    key: Keyed,
    body: Body<AdjustStockRequest>,
) -> Result<Reply<StockAdjustmentView, (S200, S201)>, Fail<(S404, S409, S422)>> {
    let adjustment = Adjustment::parse(&body.0).map_err(Problem::invalid_fields)?;
    let (actor, key) = (who.caller.principal(), key.asking(&body.0));
    let book_id = book_id.into_inner();
    let answer = shop.adjust(book_id, adjustment, actor, key).await?;
    // An adjustment is a line of the ledger.
    let ledger = format!("/books/{book_id}/ledger");
    Ok(if answer.is_new { Reply::created(ledger, answer.adjustment) } else { Reply::ok(answer.adjustment) })
}

/// Shows every change of a book's stock, latest first.
///
/// The ledger of a withdrawn book can still be read.
#[api_v2_operation(tags(stock))]
pub async fn ledger(
    _: Scoped<StockRead>,
    shop: Shop,
    book_id: web::Path<BookId>,
    query: web::Query<PageQuery>,
    target: RequestTarget,
) -> Result<Reply<LedgerPage>, Fail<(S404,)>> {
    let rows = query.rows()?;
    let before = match &query.cursor {
        Some(text) => Cursor::decode(text, 1)?.number(0)?,
        None => i64::MAX,
    };
    let (items, last) = cut(shop.ledger(book_id.into_inner(), before, rows + 1).await?, rows);
    let next_cursor = last.map(|entry| Cursor(vec![entry.entry.to_string()]).encode());
    let link = next_cursor.clone();
    Ok(target.link_next(Reply::ok(LedgerPage { items, next_cursor }), link.as_deref()))
}
