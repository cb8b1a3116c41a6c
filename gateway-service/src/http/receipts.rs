use actix_web::HttpRequest;
use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Deserialize;
use service_kit::{
    auth::{OrdersReview, Scoped},
    http::{Fail, S200, S404},
};
use shared_types::payments::{ReceiptPage, ReceiptView};

use super::{books::with_query, relay::Relayed};
use crate::clients::{Ask, Upstreams};

/// Which receipts to list.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read for the API document and to refuse unknown parameters; the query is passed on as it came"
)]
pub(super) struct ReceiptsQuery {
    /// Only receipts that were not given back.
    kept: Option<bool>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Receipts in the page, 1 to 200; 50 where absent.
    limit: Option<String>,
}

/// Lists money that was reported to the shop, first one first.
///
/// What names no payment pays for nothing, and is to be given back.
#[api_v2_operation(tags(receipts))]
pub(super) async fn list(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    request: HttpRequest,
    _query: web::Query<ReceiptsQuery>,
) -> Result<Relayed<ReceiptPage, (S200,)>, Fail<()>> {
    let ask = Ask::get(with_query("/receipts", &request));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}

/// Says that money was given back to whom it came from. Said again, the first word stands.
///
/// Where it paid for an order that is refunded, this is what the order waits for.
#[api_v2_operation(tags(receipts))]
pub(super) async fn returned(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    event_id: web::Path<String>,
) -> Result<Relayed<ReceiptView, (S200,)>, Fail<(S404,)>> {
    let event_id = utf8_percent_encode(&event_id, NON_ALPHANUMERIC);
    let ask = Ask::repeatable(Method::POST, format!("/receipts/{event_id}/returned"));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}
