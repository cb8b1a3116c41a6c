use paperclip::actix::api_v2_operation;
use service_kit::{
    auth::{ItemsWrite, Scoped, StockWrite},
    http::{Body, Fail, Reply, S422},
    idempotency::Keyed,
};
use shared_types::{
    Problem,
    books::{ImportAnswer, ImportRequest},
    limits::{MAX_IMPORT_BYTES, MAX_IMPORT_ROWS},
};

use super::Shop;
use crate::{catalog::ReadRow, domain::import::Row};

/// Imports books from a table, row by row.
///
/// A row whose ISBN (or SKU, where it has no ISBN) is in the catalog changes the fields that the row has, save the stock;
/// any other row is a new book. Bad rows are reported with their line and what is wrong with each cell; the good ones are
/// kept, all in one transaction. At most 1,000 rows and 4 MiB; sending the same rows again changes nothing.
#[api_v2_operation(tags(imports))]
pub async fn import(
    who: Scoped<ItemsWrite>,
    _: Scoped<StockWrite>,
    shop: Shop,
    key: Keyed,
    body: Body<ImportRequest, MAX_IMPORT_BYTES>,
) -> Result<Reply<ImportAnswer>, Fail<(S422,)>> {
    let key = key.asking(&body.0);
    let rows = &body.0.rows;
    if rows.is_empty() || rows.len() > MAX_IMPORT_ROWS {
        return Err(Problem::invalid("rows", format!("are not 1 to {MAX_IMPORT_ROWS}")).into());
    }
    let read = |row: &_| Row::parse(row, shop.currency());
    let rows = rows.iter().map(|row| ReadRow { line: row.line, row: read(row) }).collect();
    Ok(Reply::ok(ImportAnswer { results: shop.import(rows, who.caller.principal(), key).await? }))
}
