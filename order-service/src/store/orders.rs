use std::collections::BTreeMap;

use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};
use shared_types::{BookId, Currency, Money, OrderId, Timestamp, orders::OrderState};

use super::{
    Stored,
    text::{count, from_json, json, name, named, parsed, required},
};
use crate::domain::{Line, Order, TakenCopies};

/// Writes a new order with its lines.
pub fn insert(tx: &mut Tx<'_>, stored: &Stored, due_at: Option<Timestamp>) -> Result<(), DbError> {
    let order = &stored.order;
    tx.execute(
        "insert into orders (order_id, version, state, stock, payment, fulfillment, payment_method, currency, address, \
                             customer_ref, taking_n, delivery_n, delivery_version, due_at_us, created_at_us, updated_at_us) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        &params![
            order.id.to_string(),
            order.version,
            name(&order.state),
            name(&order.stock),
            name(&order.payment),
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
        ],
    )?;
    for (line, number) in order.lines.iter().zip(1_i64..) {
        tx.execute(
            "insert into order_line (order_id, line, book_id, quantity, expected_minor) values ($1, $2, $3, $4, $5)",
            &params![
                order.id.to_string(),
                number,
                line.book_id.number(),
                line.quantity,
                line.expected.map(|price| price.minor)
            ],
        )?;
    }
    Ok(())
}

/// Writes what was in force when the copies of an order were taken.
pub fn fill_lines(tx: &mut Tx<'_>, order: &Order) -> Result<(), DbError> {
    for (line, number) in order.lines.iter().zip(1_i64..) {
        let Some(taken) = &line.taken else { continue };
        tx.execute(
            "update order_line set title = $3, isbn = $4, price_minor = $5 where order_id = $1 and line = $2",
            &params![
                order.id.to_string(),
                number,
                &taken.title,
                taken.isbn.map(|isbn| isbn.to_string()),
                taken.price.minor
            ],
        )?;
    }
    Ok(())
}

/// The order of that id.
pub fn find(tx: &mut Tx<'_>, id: OrderId) -> Result<Option<Stored>, DbError> {
    let key = params![id.to_string()];
    let Some(row) = tx.query_opt("select * from orders where order_id = $1", &key)? else { return Ok(None) };
    let lines = tx.query("select * from order_line where order_id = $1 order by line", &key)?;
    read(&row, &lines.iter().collect::<Vec<_>>()).map(Some)
}

/// Orders before `before` (latest first), in that state where one is given.
pub fn page(
    tx: &mut Tx<'_>,
    state: Option<OrderState>,
    before: Option<OrderId>,
    rows: i64,
) -> Result<Vec<Stored>, DbError> {
    // Nothing sorts behind the text of the largest UUID.
    let before = before.map_or_else(|| "g".to_owned(), |id| id.to_string());
    let (chosen, params): (&str, Vec<Value>) = match state {
        None => ("from orders where order_id < $1 order by order_id desc limit $2", params![before, rows].to_vec()),
        Some(state) => (
            "from orders where order_id < $1 and state = $3 order by order_id desc limit $2",
            params![before, rows, name(&state)].to_vec(),
        ),
    };
    let orders = tx.query(&format!("select * {chosen}"), &params)?;
    let lines =
        format!("select * from order_line where order_id in (select order_id {chosen}) order by order_id, line");
    let mut lines_of: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in tx.query(&lines, &params)? {
        lines_of.entry(line.get("order_id")?).or_default().push(line);
    }
    let read_one = |row: &Row| {
        let lines = lines_of.get(&row.get::<String>("order_id")?);
        read(row, &lines.into_iter().flatten().collect::<Vec<_>>())
    };
    orders.iter().map(read_one).collect()
}

fn read(row: &Row, lines: &[&Row]) -> Result<Stored, DbError> {
    let currency = required(parsed(row, "currency")?, "currency")?;
    let order = Order {
        id: required(parsed(row, "order_id")?, "order_id")?,
        version: row.get("version")?,
        state: named(row, "state")?,
        stock: named(row, "stock")?,
        payment: named(row, "payment")?,
        fulfillment: named(row, "fulfillment")?,
        payment_method: named(row, "payment_method")?,
        currency,
        lines: lines.iter().map(|line| read_line(line, currency)).collect::<Result<_, _>>()?,
        address: from_json(row, "address")?,
        customer_ref: row.get("customer_ref")?,
        taking_n: count(row, "taking_n")?,
        delivery_n: count(row, "delivery_n")?,
        delivery_version: row.get("delivery_version")?,
        reason: row.get("reason")?,
        refused: from_json(row, "refused")?.unwrap_or_default(),
    };
    Ok(Stored {
        order,
        created_at: Timestamp::from_micros(row.get("created_at_us")?),
        updated_at: Timestamp::from_micros(row.get("updated_at_us")?),
        attempts: row.get("attempts")?,
    })
}

fn read_line(row: &Row, currency: Currency) -> Result<Line, DbError> {
    let money = |column: &str| {
        let minor: Option<i64> = row.get(column)?;
        Ok::<_, DbError>(minor.map(|minor| Money { minor, currency }))
    };
    let taken = match (row.get::<Option<String>>("title")?, money("price_minor")?) {
        (Some(title), Some(price)) => Some(TakenCopies { title, isbn: parsed(row, "isbn")?, price }),
        (_, _) => None,
    };
    Ok(Line {
        book_id: required(BookId::new(row.get("book_id")?), "book_id")?,
        quantity: row.get("quantity")?,
        expected: money("expected_minor")?,
        taken,
    })
}
