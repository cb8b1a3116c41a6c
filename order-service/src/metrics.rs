//! What the order service counts, and what it is asked about itself.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use service_kit::{
    Clock,
    db::{Db, Tx},
    http::Background,
    metrics::{Counters, Family, Gauges, Probe},
};
use shared_types::orders::OrderState;

use crate::store;

static MOVES: Counters<2> = Counters::new(
    "lastcopy_order_moves_total",
    "Moves of orders, by what moved them and the state they were in afterwards",
    ["command", "state"],
    &[["place", "pending"], ["copies_taken", "approved"], ["copies_refused", "canceled"]],
);
/// What the driver asked of others. All but `answered` is asked again.
pub static DRIVER_CALLS: Counters<2> = Counters::new(
    "lastcopy_driver_calls_total",
    "Calls of the driver; every outcome but `answered` is a retry to come",
    ["action", "outcome"],
    &[["take", "answered"], ["take", "no_answer"], ["give_back", "answered"], ["book_delivery", "answered"]],
);
static UNFINISHED: Gauges<1> = Gauges::new(
    "lastcopy_unfinished_orders",
    "Orders with something outstanding that have not moved for so many seconds",
    ["seconds"],
    &[["0"], ["10"], ["60"], ["600"], ["3600"]],
);
static OLDEST_UNFINISHED: Gauges<0> = Gauges::new(
    "lastcopy_oldest_unfinished_order_seconds",
    "For how long the order that waits longest has not moved",
    [],
    &[[]],
);

static ORDERS: Gauges<1> = Gauges::new(
    "lastcopy_orders",
    "Orders there are, by their state; counted once a minute",
    ["state"],
    &[["created"], ["pending"], ["approved"], ["rejected"], ["canceled"]],
);

static FAMILIES: &[&dyn Family] = &[&MOVES, &DRIVER_CALLS, &UNFINISHED, &OLDEST_UNFINISHED, &ORDERS];

const STATES: [OrderState; 5] =
    [OrderState::Created, OrderState::Pending, OrderState::Approved, OrderState::Rejected, OrderState::Canceled];

/// All orders are counted this often at most, however often somebody looks: it reads as many entries of an index.
const RECOUNT: Duration = Duration::from_secs(60);

/// The ages by which unfinished orders are counted: the label, and milliseconds.
const AGES: [(&str, i64); 5] = [("0", 0), ("10", 10_000), ("60", 60_000), ("600", 600_000), ("3600", 3_600_000)];

/// Shows all of it at `/metrics`.
pub fn show(background: &mut Background, db: &Db) {
    background.show(FAMILIES);
    let (unfinished, all) = (db.clone(), db.clone());
    background.probe(Probe::new("unfinished_orders", move || {
        let db = unfinished.clone();
        async move { look(&db).await.map_err(|error| error.to_string()) }
    }));
    let counted = Arc::new(Mutex::new(None));
    background.probe(Probe::new("orders", move || {
        let (db, counted) = (all.clone(), Arc::clone(&counted));
        async move { count(&db, &counted).await.map_err(|error| error.to_string()) }
    }));
}

async fn count(db: &Db, counted: &Mutex<Option<Instant>>) -> Result<(), service_kit::db::DbError> {
    let last = *counted.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_some_and(|last| last.elapsed() < RECOUNT) {
        return Ok(());
    }
    let counts = db.read(store::states::counts).await?;
    for state in STATES {
        let orders = counts.iter().find(|(counted, _)| *counted == state).map_or(0, |(_, orders)| *orders);
        ORDERS.with([name(state)]).set(orders);
    }
    *counted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    Ok(())
}

async fn look(db: &Db) -> Result<(), service_kit::db::DbError> {
    let now = Clock::system().now();
    let instants = AGES.map(|(_, ms)| now.plus_ms(-ms));
    let (counts, oldest) = db.read(move |tx| store::unfinished::since(tx, &instants)).await?;
    for ((label, _), count) in AGES.into_iter().zip(counts) {
        UNFINISHED.with([label]).set(count);
    }
    let waited_us = oldest.map_or(0, |oldest| now.micros().saturating_sub(oldest.micros()).max(0));
    OLDEST_UNFINISHED.with([]).set(waited_us / 1_000_000);
    Ok(())
}

/// Counts a move of an order, once it is committed.
pub fn moved(tx: &mut Tx<'_>, command: &'static str, state: OrderState) {
    tx.count(MOVES.with([command, name(state)]), 1);
}

const fn name(state: OrderState) -> &'static str {
    match state {
        OrderState::Created => "created",
        OrderState::Pending => "pending",
        OrderState::Approved => "approved",
        OrderState::Rejected => "rejected",
        OrderState::Canceled => "canceled",
    }
}
