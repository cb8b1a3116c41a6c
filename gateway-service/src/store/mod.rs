//! What the gateway keeps beside identity: orders that one contract shows no more.

use service_kit::{
    db::{Db, DbError},
    params,
};
use shared_types::{OrderId, Problem, Timestamp};

/// Orders that were deleted by a contract in which orders can be deleted. They are kept for the books, and shown by every
/// other contract.
pub struct HiddenOrders(Db);

impl HiddenOrders {
    pub fn new(db: Db) -> HiddenOrders {
        HiddenOrders(db)
    }

    pub async fn hide(&self, order: OrderId, at: Timestamp) -> Result<(), Problem> {
        let hidden = self.0.write(move |tx| {
            tx.execute(
                "insert into hidden_order (order_id, hidden_us) values ($1, $2) on conflict do nothing",
                &params![order.to_string(), at.micros()],
            )
        });
        hidden.await.map(drop).map_err(|error: DbError| error.into())
    }

    pub async fn contain(&self, order: OrderId) -> Result<bool, Problem> {
        let found = self.0.read(move |tx| {
            tx.query_opt("select order_id from hidden_order where order_id = $1", &params![order.to_string()])
        });
        found.await.map(|row| row.is_some()).map_err(|error: DbError| error.into())
    }
}
