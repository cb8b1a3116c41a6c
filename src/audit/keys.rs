use order_service::answer::Answer;
use service_kit::{
    db::{DbError, Row, Tx},
    params,
};

/// Where to read on: principal, route and key.
pub(super) type Place = (String, String, String);

/// An idempotency key of the order service, with what there is of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub place: Place,
    /// None: the request was refused before an order was written.
    pub order_id: Option<String>,
    /// The answer that is kept; none: the first caller still waits for it.
    pub answer: Option<String>,
    /// None: there is no such order.
    pub order: Option<Stands>,
    /// Keys that wrote this very order.
    pub writers: i64,
}

/// What a key's order is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stands {
    pub state: String,
    pub placed_by: String,
    /// Nothing is outstanding, and nothing is waited for.
    pub is_at_rest: bool,
}

impl Key {
    /// Whether it came with the call that wrote the order.
    pub(super) fn wrote(&self) -> bool {
        matches!(self.place.1.as_str(), "checkout" | "create")
    }

    /// The kept answer, where it can be read.
    pub(super) fn answer(&self) -> Option<Result<Answer, serde_json::Error>> {
        self.answer.as_deref().map(serde_json::from_str)
    }
}

/// Keys with their orders, in one snapshot.
pub(super) fn of_orders(tx: &mut Tx<'_>, after: &Place, rows: i64) -> Result<Vec<Key>, DbError> {
    let found = tx.query(
        "select k.principal, k.route, k.key, k.order_id, k.answer, o.state, o.placed_by, \
                (o.due_at_us is null and o.stock in ('none', 'taken') and not exists \
                    (select 1 from payment p where p.order_id = k.order_id and p.state = 'processing')) as is_at_rest, \
                (select count(*) from idempotency_key w \
                  where w.order_id = k.order_id and w.route in ('checkout', 'create')) as writers \
           from idempotency_key k left join orders o on o.order_id = k.order_id \
          where (k.principal, k.route, k.key) > ($1, $2, $3) order by k.principal, k.route, k.key limit $4",
        &params![&after.0, &after.1, &after.2, rows],
    )?;
    let read = |row: &Row| {
        let state: Option<String> = row.get("state")?;
        Ok(Key {
            place: (row.get("principal")?, row.get("route")?, row.get("key")?),
            order_id: row.get("order_id")?,
            answer: row.get("answer")?,
            order: match state {
                None => None,
                Some(state) => {
                    Some(Stands { state, placed_by: row.get("placed_by")?, is_at_rest: row.get("is_at_rest")? })
                }
            },
            writers: row.get("writers")?,
        })
    };
    found.iter().map(read).collect()
}

/// A key whose request was answered at once, in any service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    pub place: Place,
    pub answer: String,
}

pub(super) fn answered(tx: &mut Tx<'_>, after: &Place, rows: i64) -> Result<Vec<Answered>, DbError> {
    let found = tx.query(
        "select principal, route, key, answer from answered_request \
          where (principal, route, key) > ($1, $2, $3) order by principal, route, key limit $4",
        &params![&after.0, &after.1, &after.2, rows],
    )?;
    let read = |row: &Row| {
        let place = (row.get("principal")?, row.get("route")?, row.get("key")?);
        Ok(Answered { place, answer: row.get("answer")? })
    };
    found.iter().map(read).collect()
}
