use std::collections::BTreeMap;

use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};
use shared_types::{OrderId, Timestamp, orders::OrderState};

use super::{
    Owner, Stored, lines, payments,
    text::{count, from_json, json, name, named, parsed, required},
};
use crate::domain::Order;

/// Writes the row of a new order, and its lines.
pub fn insert(
    tx: &mut Tx<'_>,
    stored: &Stored,
    due_at: Option<Timestamp>,
    look_at: Option<Timestamp>,
) -> Result<(), DbError> {
    let order = &stored.order;
    tx.execute(
        "insert into orders (order_id, version, state, stock, payment, fulfillment, payment_method, currency, address, \
                             customer_ref, taking_n, delivery_n, delivery_version, due_at_us, created_at_us, \
                             updated_at_us, flow, line_n, pay_by_us, look_at_us, customer, placed_by) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        &params![
            order.id.to_string(),
            order.version,
            name(&order.state),
            name(&order.stock),
            name(&order.payment()),
            name(&order.fulfillment),
            name(&order.payment_method),
            order.currency.code(),
            order.address.as_ref().map(json),
            order.customer_ref.clone(),
            order.taking_n,
            order.delivery_n,
            order.delivery_version,
            due_at.map(Timestamp::micros),
            stored.created_at.micros(),
            stored.updated_at.micros(),
            name(&order.flow),
            order.line_n,
            order.pay_by.map(Timestamp::micros),
            look_at.map(Timestamp::micros),
            &stored.owner.customer,
            &stored.owner.placed_by,
        ],
    )?;
    lines::write(tx, &[], order)
}

/// The order of that id.
pub fn find(tx: &mut Tx<'_>, id: OrderId) -> Result<Option<Stored>, DbError> {
    let key = params![id.to_string()];
    let Some(row) = tx.query_opt("select * from orders where order_id = $1", &key)? else { return Ok(None) };
    let lines = tx.query("select * from order_line where order_id = $1 order by line", &key)?;
    let payments = tx.query("select * from payment where order_id = $1 order by n", &key)?;
    read(&row, &lines.iter().collect::<Vec<_>>(), &payments.iter().collect::<Vec<_>>()).map(Some)
}

/// Whether an order knows this version of its `n`th delivery, or what came after it. It never knows less again.
pub fn has_heard(tx: &mut Tx<'_>, id: OrderId, n: u32, version: i64) -> Result<bool, DbError> {
    let heard = "select 1 as heard from orders where order_id = $1 and (delivery_n, delivery_version) >= ($2, $3)";
    Ok(tx.query_opt(heard, &params![id.to_string(), n, version])?.is_some())
}

/// Keeps everybody from moving the order until this transaction is over: what it writes beside an order that it does not
/// move, a key above all, is seen by the next move. Says whether the order is still as it was read.
pub fn hold(tx: &mut Tx<'_>, order: &Order) -> Result<bool, DbError> {
    let same = "update orders set version = version where order_id = $1 and version = $2";
    Ok(tx.execute(same, &params![order.id.to_string(), order.version])? == 1)
}

/// Orders before `before` (latest first), of that customer and in that state where one is given.
pub fn page(
    tx: &mut Tx<'_>,
    customer: Option<&str>,
    state: Option<OrderState>,
    before: Option<OrderId>,
    rows: i64,
) -> Result<Vec<Stored>, DbError> {
    // Nothing sorts behind the text of the largest UUID.
    let before = before.map_or_else(|| "g".to_owned(), |id| id.to_string());
    let mut params: Vec<Value> = params![before, rows].to_vec();
    let mut conditions = "order_id < $1".to_owned();
    let wanted = [("customer", customer.map(str::to_owned)), ("state", state.map(|state| name(&state)))];
    for (column, value) in wanted.into_iter().filter_map(|(column, value)| Some((column, value?))) {
        params.push(value.into());
        conditions = format!("{conditions} and {column} = ${}", params.len());
    }
    let chosen = format!("from orders where {conditions} order by order_id desc limit $2");
    let orders = tx.query(&format!("select * {chosen}"), &params)?;
    let mut lines = of_orders(tx, "order_line", "line", &chosen, &params)?;
    let mut payments = of_orders(tx, "payment", "n", &chosen, &params)?;
    let read_one = |row: &Row| {
        let order_id: String = row.get("order_id")?;
        let (lines, payments) = (lines.remove(&order_id), payments.remove(&order_id));
        let lines: Vec<&Row> = lines.iter().flatten().collect();
        let payments: Vec<&Row> = payments.iter().flatten().collect();
        read(row, &lines, &payments)
    };
    orders.iter().map(read_one).collect()
}

/// The rows of a table that belong to the chosen orders, by order.
fn of_orders(
    tx: &mut Tx<'_>,
    table: &str,
    number: &str,
    chosen: &str,
    params: &[Value],
) -> Result<BTreeMap<String, Vec<Row>>, DbError> {
    let select =
        format!("select * from {table} where order_id in (select order_id {chosen}) order by order_id, {number}");
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in tx.query(&select, params)? {
        rows.entry(row.get("order_id")?).or_default().push(row);
    }
    Ok(rows)
}

fn read(row: &Row, lines: &[&Row], payments: &[&Row]) -> Result<Stored, DbError> {
    let currency = required(parsed(row, "currency")?, "currency")?;
    let order = Order {
        id: required(parsed(row, "order_id")?, "order_id")?,
        version: row.get("version")?,
        flow: named(row, "flow")?,
        state: named(row, "state")?,
        stock: named(row, "stock")?,
        fulfillment: named(row, "fulfillment")?,
        payment_method: named(row, "payment_method")?,
        currency,
        lines: lines.iter().map(|line| lines::read(line, currency)).collect::<Result<_, _>>()?,
        line_n: count(row, "line_n")?,
        address: from_json(row, "address")?,
        customer_ref: row.get("customer_ref")?,
        taking_n: count(row, "taking_n")?,
        payments: payments.iter().map(|payment| payments::read(payment, currency)).collect::<Result<_, _>>()?,
        pay_by: row.get::<Option<i64>>("pay_by_us")?.map(Timestamp::from_micros),
        lapsed: row.get::<i64>("lapsed")? == 1,
        withdrawn: row.get::<i64>("withdrawn")? == 1,
        delivery_n: count(row, "delivery_n")?,
        delivery_version: row.get("delivery_version")?,
        reason: row.get("reason")?,
        refused: from_json(row, "refused")?.unwrap_or_default(),
    };
    Ok(Stored {
        order,
        owner: Owner { customer: row.get("customer")?, placed_by: row.get("placed_by")? },
        created_at: Timestamp::from_micros(row.get("created_at_us")?),
        updated_at: Timestamp::from_micros(row.get("updated_at_us")?),
        attempts: row.get("attempts")?,
    })
}
