use std::collections::BTreeMap;

use service_kit::db::DbError;
use shared_types::{Timestamp, repairs::Repair};

use super::{
    PAGE_ROWS, Shop,
    catalog::{self, Taking},
    deliveries::{self, Delivery},
    judge,
    ledger::{self, Payment},
    orders::{self, Order},
    outbox,
    repair::Remedy,
    report::{Finding, Id, Kind, Report},
};

/// I1, book by book. One page is one snapshot, so there is nothing to read twice.
pub(super) async fn books(shop: &Shop, report: &mut Report) -> Result<(), DbError> {
    let mut after = i64::MIN;
    loop {
        let page = shop.catalog.read(move |tx| catalog::copies(tx, after, PAGE_ROWS)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.book_id;
        report.checked(Id::I1, page.len());
        for copies in &page {
            for (kind, detail) in judge::book(copies) {
                report.found(Finding::of(kind, format!("book {}", copies.book_id), detail));
            }
        }
    }
}

/// I2, I3, I4, I5 and I7, order by order.
pub(super) async fn orders(shop: &Shop, resting_by: Timestamp, report: &mut Report) -> Result<(), DbError> {
    let mut after = String::new();
    loop {
        let from = after.clone();
        let page = shop.orders.read(move |tx| orders::page(tx, &from, PAGE_ROWS)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.order_id);
        examine(shop, &page, resting_by, report).await?;
    }
}

/// The orders were read; then come their copies, their money, their parcels, and their versions once more.
async fn examine(shop: &Shop, page: &[Order], resting_by: Timestamp, report: &mut Report) -> Result<(), DbError> {
    let order_ids: Vec<String> = page.iter().map(|order| order.order_id.clone()).collect();
    let mut takings = takings_of(shop, page).await?;
    let mut payments = payments_of(shop, page).await?;
    let mut parcels = deliveries_of(shop, &order_ids).await?;
    let marks = shop.orders.read(move |tx| orders::marks(tx, &order_ids)).await?;

    let (mut at_rest, mut counted) = (0, 0);
    for order in page {
        let takings = takings.remove(&order.order_id).unwrap_or_default();
        let payments = payments.as_mut().map(|payments| payments.remove(&order.order_id).unwrap_or_default());
        let parcels = parcels.remove(&order.order_id).unwrap_or_default();
        let has_moved = marks.get(&order.order_id).is_none_or(|mark| mark.version != order.version);
        if has_moved || order.is_in_motion() {
            report.in_motion += 1;
        } else {
            at_rest += 1;
            counted += usize::from(judge::can_count(order, payments.as_deref()));
        }
        if has_moved {
            continue;
        }
        for (kind, detail) in judge::order(order, &takings, payments.as_deref(), &parcels, resting_by) {
            let repair = Remedy::of_order(kind, &order.order_id);
            report.found(Finding { repair, ..Finding::of(kind, format!("order {}", order.order_id), detail) });
        }
    }
    report.checked(Id::I2, at_rest);
    report.checked(Id::I3, counted);
    report.checked(Id::I7, at_rest);
    report.checked(Id::I4, page.len());
    report.checked(Id::I5, page.len());
    Ok(())
}

/// By order.
async fn takings_of(shop: &Shop, page: &[Order]) -> Result<BTreeMap<String, Vec<Taking>>, DbError> {
    let ids: Vec<String> = page.iter().flat_map(Order::taking_ids).collect();
    let mut by_order: BTreeMap<String, Vec<Taking>> = BTreeMap::new();
    let rows = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
    for some in ids.chunks(rows) {
        let some = some.to_vec();
        for taking in shop.catalog.read(move |tx| catalog::held(tx, &some)).await? {
            let order_id = orders::attempt(&taking.taking_id, ":").map(|(order_id, _)| order_id).unwrap_or_default();
            by_order.entry(order_id).or_default().push(taking);
        }
    }
    Ok(by_order)
}

/// By order; none where there is no ledger to read.
async fn payments_of(shop: &Shop, page: &[Order]) -> Result<Option<BTreeMap<String, Vec<Payment>>>, DbError> {
    let Some(db) = &shop.payments else { return Ok(None) };
    let ids: Vec<String> = page.iter().flat_map(Order::payment_ids).collect();
    let mut by_order: BTreeMap<String, Vec<Payment>> = BTreeMap::new();
    let rows = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
    for some in ids.chunks(rows) {
        let some = some.to_vec();
        for payment in db.read(move |tx| ledger::payments(tx, &some)).await? {
            let order_id = orders::attempt(&payment.payment_id, ":").map(|(order_id, _)| order_id).unwrap_or_default();
            by_order.entry(order_id).or_default().push(payment);
        }
    }
    Ok(Some(by_order))
}

/// I3 from the other side: no money is kept for an order that there is not, or that never asked for it.
pub(super) async fn money(shop: &Shop, report: &mut Report) -> Result<(), DbError> {
    let Some(db) = &shop.payments else { return Ok(()) };
    let mut after = String::new();
    loop {
        let from = after.clone();
        let page = db.read(move |tx| ledger::kept_ids(tx, &from, PAGE_ROWS)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(last);
        report.checked(Id::I3, page.len());
        for (payment_id, detail) in strays(shop, &page, ":", |mark| mark.payment_n).await? {
            let repair = Remedy::of_stray(Repair::Refund, &payment_id);
            report.found(Finding { repair, ..Finding::of(Kind::StrayMoney, format!("payment {payment_id}"), detail) });
        }
    }
}

async fn deliveries_of(shop: &Shop, order_ids: &[String]) -> Result<BTreeMap<String, Vec<Delivery>>, DbError> {
    let ids = order_ids.to_vec();
    let mut by_order: BTreeMap<String, Vec<Delivery>> = BTreeMap::new();
    for delivery in shop.deliveries.read(move |tx| deliveries::of_orders(tx, &ids)).await? {
        by_order.entry(delivery.order_id.clone()).or_default().push(delivery);
    }
    Ok(by_order)
}

/// I2 from the other side: no copies are held for an order that there is not, or by an attempt that it never made.
///
/// An order and its attempt are written before the copies are asked for, so what is read later has to name them.
///
/// And I1 from the other side: what a taking holds is in the ledger, from which the books were told.
pub(super) async fn takings(shop: &Shop, report: &mut Report) -> Result<(), DbError> {
    let mut after = String::new();
    loop {
        let from = after.clone();
        let page = shop.catalog.read(move |tx| catalog::held_ids(tx, &from, PAGE_ROWS)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(last);
        report.checked(Id::I2, page.len());
        for (taking_id, detail) in strays(shop, &page, ":", |mark| mark.taking_n).await? {
            let repair = Remedy::of_stray(Repair::GiveBack, &taking_id);
            report.found(Finding { repair, ..Finding::of(Kind::StrayTaking, format!("taking {taking_id}"), detail) });
        }
        let from = page.first().cloned().unwrap_or_default();
        let to = after.clone();
        for line in shop.catalog.read(move |tx| catalog::unentered(tx, &from, &to)).await? {
            let detail = format!("holds {} of book {}, by the ledger none", line.quantity, line.book_id);
            report.found(Finding::of(Kind::TakingsDiffer, format!("taking {}", line.taking_id), detail));
        }
    }
}

/// I7 from the other side: no parcel is on its way for an order that there is not, or that never booked it.
pub(super) async fn deliveries(shop: &Shop, report: &mut Report) -> Result<(), DbError> {
    let mut after = String::new();
    loop {
        let from = after.clone();
        let page = shop.deliveries.read(move |tx| deliveries::live_ids(tx, &from, PAGE_ROWS)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(last);
        report.checked(Id::I7, page.len());
        // A booking that is under way is the order's first, and not counted in its row yet.
        for (delivery_id, detail) in strays(shop, &page, ":d", |mark| mark.delivery_n.max(1)).await? {
            let repair = Remedy::of_stray(Repair::CancelDelivery, &delivery_id);
            report
                .found(Finding { repair, ..Finding::of(Kind::StrayParcel, format!("delivery {delivery_id}"), detail) });
        }
    }
}

/// Those of the ids that no order stands behind.
async fn strays(
    shop: &Shop,
    ids: &[String],
    separator: &str,
    attempts: impl Fn(&orders::Mark) -> i64,
) -> Result<Vec<(String, String)>, DbError> {
    let mut named = Vec::new();
    let mut strays = Vec::new();
    for id in ids {
        match orders::attempt(id, separator) {
            Some((order_id, n)) => named.push((id, order_id, n)),
            None => strays.push((id.clone(), "names no order".to_owned())),
        }
    }
    let order_ids: Vec<String> = named.iter().map(|(_, order_id, _)| order_id.clone()).collect();
    let marks = shop.orders.read(move |tx| orders::marks(tx, &order_ids)).await?;
    for (id, order_id, n) in named {
        match marks.get(&order_id) {
            None => strays.push((id.clone(), "its order does not exist".to_owned())),
            Some(mark) if n > attempts(mark) => strays.push((id.clone(), "its order never asked for it".to_owned())),
            Some(_) => {}
        }
    }
    Ok(strays)
}

/// I5: no event was refused for good.
pub(super) async fn parked(shop: &Shop, report: &mut Report) -> Result<(), DbError> {
    for (whose, db) in [("catalog", &shop.catalog), ("order", &shop.orders), ("delivery", &shop.deliveries)] {
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let page = db.read(move |tx| outbox::parked(tx, after, PAGE_ROWS)).await?;
            let Some(last) = page.last() else { break };
            after = last.place;
            for event in &page {
                let detail = event.detail.as_deref().unwrap_or("no reason given");
                let detail = format!("parked: {} does not take it: {detail}", event.subscriber);
                let repair = Some(Remedy::replay(whose, event));
                let subject = format!("{whose} event {}", event.event_id);
                report.found(Finding { repair, ..Finding::of(Kind::EventParked, subject, detail) });
            }
        }
    }
    Ok(())
}
