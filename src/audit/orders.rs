use std::collections::BTreeMap;

use service_kit::{
    db::{DbError, Row, Tx, Value},
    params,
};
use shared_types::Timestamp;

use super::{catalog::Line, placeholders};

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub order_id: String,
    pub version: i64,
    pub state: String,
    pub stock: String,
    pub payment: String,
    pub fulfillment: String,
    pub has_address: bool,
    /// Attempts to take; the last one is in force.
    pub taking_n: i64,
    /// The delivery that was booked; 0: none.
    pub delivery_n: i64,
    pub delivery_version: i64,
    /// `checkout` or `review`.
    pub flow: String,
    /// Attempts to pay.
    pub payment_n: i64,
    /// Whether one of them waits for its buyer or his bank.
    pub is_awaited: bool,
    /// Whether one of them is, or may be, at the sandbox.
    pub pays_at_sandbox: bool,
    /// Whether one of them is at a provider whose ledger is not ours to read.
    pub pays_elsewhere: bool,
    /// Money that was reported for it and not given back, in minor units.
    pub reported_minor: i64,
    /// Whether all that is left to do is an employee's: to give reported money back.
    pub awaits_employee: bool,
    /// Whether the driver has something left to do.
    pub is_due: bool,
    pub updated_at: Timestamp,
    /// Lines of one book merged, in book order.
    pub lines: Vec<Line>,
    pub history: History,
}

/// What the history of an order comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct History {
    pub entries: i64,
    /// Versions of the first and the last entry; 0 where there is none.
    pub first: i64,
    pub last: i64,
    /// Whether the entry of the order's version shows the order as it is.
    pub agrees: bool,
}

impl Order {
    /// Whether its copies are on their way or anything else is outstanding.
    pub(super) fn is_in_motion(&self) -> bool {
        self.is_due || matches!(self.stock.as_str(), "taking" | "giving_back")
    }

    /// What its lines cost together, in minor units.
    pub(super) fn total_minor(&self) -> i64 {
        let cost = |line: &Line| line.price_minor.unwrap_or(0).saturating_mul(line.quantity);
        self.lines.iter().map(cost).fold(0, i64::saturating_add)
    }

    /// Every attempt to pay that it ever made.
    pub(super) fn payment_ids(&self) -> impl Iterator<Item = String> + '_ {
        (1..=self.payment_n).map(|n| format!("{}:{n}", self.order_id))
    }

    /// Every attempt to take that it ever made.
    pub(super) fn taking_ids(&self) -> impl Iterator<Item = String> + '_ {
        (1..=self.taking_n).map(|n| format!("{}:{n}", self.order_id))
    }
}

/// The order behind the id of a taking or a delivery, and the attempt's number; `None` where it is no such id.
pub(super) fn attempt(id: &str, separator: &str) -> Option<(String, i64)> {
    let (order_id, n) = id.split_once(separator)?;
    Some((order_id.to_owned(), n.parse().ok()?))
}

pub(super) fn page(tx: &mut Tx<'_>, after: &str, rows: i64) -> Result<Vec<Order>, DbError> {
    let found = tx.query(
        "select o.order_id, o.version, o.state, o.stock, o.payment, o.fulfillment, o.address is not null as has_address, \
                o.taking_n, o.delivery_n, o.delivery_version, o.flow, \
                (select coalesce(max(p.n), 0) from payment p where p.order_id = o.order_id) as payment_n, \
                exists (select 1 from payment p where p.order_id = o.order_id and p.state = 'processing') as is_awaited, \
                exists (select 1 from payment p where p.order_id = o.order_id \
                           and (p.provider is null or p.provider = 'sandbox')) as pays_at_sandbox, \
                exists (select 1 from payment p where p.order_id = o.order_id and p.provider = 'stripe') as pays_elsewhere, \
                exists (select 1 from payment p where p.order_id = o.order_id and p.state = 'refunding' \
                           and p.provider = 'receipts') as awaits_employee, \
                (select cast(coalesce(sum(r.amount_minor), 0) as bigint) from receipt r where r.order_id = o.order_id \
                    and r.payment_id is not null and r.returned_at_us is null) as reported_minor, \
                o.due_at_us is not null as is_due, o.updated_at_us, \
                (select count(*) from order_history h where h.order_id = o.order_id) as entries, \
                (select coalesce(min(h.version), 0) from order_history h where h.order_id = o.order_id) as first, \
                (select coalesce(max(h.version), 0) from order_history h where h.order_id = o.order_id) as last, \
                exists (select 1 from order_history h \
                         where h.order_id = o.order_id and h.version = o.version and h.state = o.state \
                           and h.stock = o.stock and h.payment = o.payment and h.fulfillment = o.fulfillment) as agrees \
           from orders o where o.order_id > $1 order by o.order_id limit $2",
        &params![after, rows],
    )?;
    let ids: Vec<String> = found.iter().map(|row| row.get("order_id")).collect::<Result<_, _>>()?;
    let mut lines = lines(tx, &ids)?;
    found.iter().map(|row| read(row, &mut lines)).collect()
}

fn read(row: &Row, lines: &mut BTreeMap<String, Vec<Line>>) -> Result<Order, DbError> {
    let order_id: String = row.get("order_id")?;
    let history = History {
        entries: row.get("entries")?,
        first: row.get("first")?,
        last: row.get("last")?,
        agrees: row.get("agrees")?,
    };
    Ok(Order {
        lines: lines.remove(&order_id).unwrap_or_default(),
        order_id,
        version: row.get("version")?,
        state: row.get("state")?,
        stock: row.get("stock")?,
        payment: row.get("payment")?,
        fulfillment: row.get("fulfillment")?,
        has_address: row.get("has_address")?,
        taking_n: row.get("taking_n")?,
        delivery_n: row.get("delivery_n")?,
        delivery_version: row.get("delivery_version")?,
        flow: row.get("flow")?,
        payment_n: row.get("payment_n")?,
        is_awaited: row.get("is_awaited")?,
        pays_at_sandbox: row.get("pays_at_sandbox")?,
        pays_elsewhere: row.get("pays_elsewhere")?,
        reported_minor: row.get("reported_minor")?,
        awaits_employee: row.get("awaits_employee")?,
        is_due: row.get("is_due")?,
        updated_at: Timestamp::from_micros(row.get("updated_at_us")?),
        history,
    })
}

fn lines(tx: &mut Tx<'_>, order_ids: &[String]) -> Result<BTreeMap<String, Vec<Line>>, DbError> {
    let mut lines: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    let rows = in_list(
        tx,
        "select order_id, book_id, price_minor, cast(sum(quantity) as bigint) as quantity from order_line where order_id",
        order_ids,
        "group by order_id, book_id, price_minor order by order_id, book_id, price_minor",
    )?;
    for row in &rows {
        lines.entry(row.get("order_id")?).or_default().push(Line {
            book_id: row.get("book_id")?,
            quantity: row.get("quantity")?,
            price_minor: row.get("price_minor")?,
        });
    }
    Ok(lines)
}

/// What must not have changed for a finding to count, and what the other walks compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub version: i64,
    pub taking_n: i64,
    pub delivery_n: i64,
    pub payment_n: i64,
}

/// Those of these orders that there are.
pub(super) fn marks(tx: &mut Tx<'_>, order_ids: &[String]) -> Result<BTreeMap<String, Mark>, DbError> {
    let select = "select o.order_id, o.version, o.taking_n, o.delivery_n, \
                         (select coalesce(max(p.n), 0) from payment p where p.order_id = o.order_id) as payment_n \
                    from orders o where o.order_id";
    let rows = in_list(tx, select, order_ids, "")?;
    let read = |row: &Row| {
        let mark = Mark {
            version: row.get("version")?,
            taking_n: row.get("taking_n")?,
            delivery_n: row.get("delivery_n")?,
            payment_n: row.get("payment_n")?,
        };
        Ok((row.get("order_id")?, mark))
    };
    rows.iter().map(read).collect()
}

/// When an order was moved last.
pub(super) fn latest_move(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, DbError> {
    let row = tx.query_one("select max(updated_at_us) as latest_us from orders", &[])?;
    Ok(row.get::<Option<i64>>("latest_us")?.map(Timestamp::from_micros))
}

fn in_list(tx: &mut Tx<'_>, select: &str, ids: &[String], rest: &str) -> Result<Vec<Row>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let params: Vec<Value> = ids.iter().map(Value::from).collect();
    tx.query(&format!("{select} in ({}) {rest}", placeholders(ids.len())), &params)
}
