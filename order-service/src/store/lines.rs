use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{BookId, Currency, Money};

use super::text::{count, parsed, required};
use crate::domain::{Line, Order, Terms};

/// Writes the lines of an order that are not what they were before.
pub(super) fn write(tx: &mut Tx<'_>, before: &[Line], order: &Order) -> Result<(), DbError> {
    let order_id = order.id.to_string();
    for line in &order.lines {
        match before.iter().find(|earlier| earlier.number == line.number) {
            Some(earlier) if earlier == line => {}
            Some(_) | None => put(tx, &order_id, line)?,
        }
    }
    for gone in before.iter().filter(|earlier| !order.lines.iter().any(|line| line.number == earlier.number)) {
        tx.execute("delete from order_line where order_id = $1 and line = $2", &params![&order_id, gone.number])?;
    }
    Ok(())
}

fn put(tx: &mut Tx<'_>, order_id: &str, line: &Line) -> Result<(), DbError> {
    let terms = line.terms.as_ref();
    tx.execute(
        "insert into order_line (order_id, line, book_id, quantity, expected_minor, title, isbn, price_minor) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) \
         on conflict (order_id, line) do update set quantity = excluded.quantity, title = excluded.title, \
                isbn = excluded.isbn, price_minor = excluded.price_minor",
        &params![
            order_id,
            line.number,
            line.book_id.number(),
            line.quantity,
            line.expected.map(|price| price.minor),
            terms.map(|terms| terms.title.clone()),
            terms.and_then(|terms| terms.isbn).map(|isbn| isbn.to_string()),
            terms.map(|terms| terms.price.minor),
        ],
    )
    .map(drop)
}

pub(super) fn read(row: &Row, currency: Currency) -> Result<Line, DbError> {
    let money = |column: &str| {
        let minor: Option<i64> = row.get(column)?;
        Ok::<_, DbError>(minor.map(|minor| Money { minor, currency }))
    };
    let terms = match (row.get::<Option<String>>("title")?, money("price_minor")?) {
        (Some(title), Some(price)) => Some(Terms { title, isbn: parsed(row, "isbn")?, price }),
        (_, _) => None,
    };
    Ok(Line {
        number: count(row, "line")?,
        book_id: required(BookId::new(row.get("book_id")?), "book_id")?,
        quantity: row.get("quantity")?,
        expected: money("expected_minor")?,
        terms,
    })
}
