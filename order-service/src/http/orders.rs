use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use serde::Deserialize;
use service_kit::{
    auth::{OrdersRead, Scoped},
    http::{Cursor, Fail, PageQuery, Reply, S200, S404},
};
use shared_types::{
    OrderId, Problem,
    orders::{OrderHistory, OrderPage, OrderState, OrderView},
};

use super::{
    Shop,
    ending::{VERSION, find},
    party::Party,
};
use crate::{
    store::{self, Stored},
    view,
};

/// Which orders to list.
#[derive(Debug, Clone, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrdersQuery {
    /// Only orders in this state.
    state: Option<OrderState>,
    /// Where to read on: the `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page, 1 to 200; 50 where absent.
    limit: Option<i64>,
}

/// Shows an order.
#[api_v2_operation(tags(orders))]
pub(super) async fn show(
    who: Scoped<OrdersRead>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
) -> Result<Reply<OrderView>, Fail<(S404,)>> {
    let party = Party::of(&who.caller);
    let stored = find(&shop, &party, id.into_inner()).await?;
    Ok(Reply::ok(shown(&party, &stored)).tagged(VERSION))
}

/// Lists orders, latest first.
#[api_v2_operation(tags(orders))]
pub(super) async fn list(
    who: Scoped<OrdersRead>,
    shop: web::Data<Shop>,
    query: web::Query<OrdersQuery>,
) -> Result<Reply<OrderPage, (S200,)>, Fail> {
    let (state, limit, before) = (query.state, query.limit, before(query.cursor.as_deref())?);
    let rows = PageQuery { cursor: None, limit }.rows()?;
    let (party, only_of) = (Party::of(&who.caller), Party::of(&who.caller).only_of());
    let orders = shop.db.read(move |tx| store::orders::page(tx, only_of.as_deref(), state, before, rows + 1)).await;
    let mut items: Vec<OrderView> = orders?.iter().map(|stored| shown(&party, stored)).collect();
    let shown = usize::try_from(rows).unwrap_or(usize::MAX);
    let more = items.len() > shown;
    items.truncate(shown);
    let next_cursor = items.last().filter(|_| more).map(|last| Cursor(vec![last.id.to_string()]).encode());
    let link = next_cursor.as_ref().map(|cursor| next_link(query.state, cursor, rows));
    let reply = Reply::ok(OrderPage { items, next_cursor });
    Ok(link.into_iter().fold(reply, |reply, link| reply.header("link", link)))
}

/// Shows every change of an order, first one first.
#[api_v2_operation(tags(orders))]
pub(super) async fn history(
    who: Scoped<OrdersRead>,
    shop: web::Data<Shop>,
    id: web::Path<OrderId>,
) -> Result<Reply<OrderHistory>, Fail<(S404,)>> {
    let (party, order_id) = (Party::of(&who.caller), id.into_inner());
    find(&shop, &party, order_id).await?;
    let items = shop.db.read(move |tx| store::history::of(tx, order_id)).await?;
    Ok(Reply::ok(OrderHistory { order_id, items: items.into_iter().map(|entry| party.read(entry)).collect() }))
}

/// An order as he may see it.
fn shown(party: &Party, stored: &Stored) -> OrderView {
    if party.sees_names() { view::with_names(stored) } else { view::order(stored) }
}

fn before(cursor: Option<&str>) -> Result<Option<OrderId>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let cursor = Cursor::decode(cursor, 1)?;
    let id = cursor.0.first().and_then(|id| id.parse().ok()).ok_or_else(Cursor::malformed)?;
    Ok(Some(id))
}

fn next_link(state: Option<OrderState>, cursor: &str, rows: i64) -> String {
    let state = state.map_or_else(String::new, |state| {
        let name = serde_json::to_string(&state).expect("BUG: a state serialises");
        format!("&state={}", name.trim_matches('"'))
    });
    format!("</orders?cursor={cursor}&limit={rows}{state}>; rel=\"next\"")
}
