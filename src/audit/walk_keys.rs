use serde::de::IgnoredAny;
use service_kit::db::DbError;

use super::{
    PAGE_ROWS, Shop, judge,
    keys::{self, Place},
    report::{Finding, Id, Kind, Report},
};

/// I6, key by key: those that stand for orders. A page is one snapshot of a key and its order.
pub(super) async fn of_orders(shop: &Shop, report: &mut Report) -> Result<(), DbError> {
    let mut after = Place::default();
    loop {
        let from = after.clone();
        let page = shop.orders.read(move |tx| keys::of_orders(tx, &from, PAGE_ROWS)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.place);
        report.checked(Id::I6, page.len());
        for key in &page {
            if let Some((kind, detail)) = judge::key(key) {
                report.found(Finding::of(kind, subject(&key.place), detail));
            }
        }
    }
}

/// I6 for whatever was answered at once: each key has its answer.
pub(super) async fn answered(shop: &Shop, report: &mut Report) -> Result<(), DbError> {
    for db in [&shop.catalog, &shop.orders, &shop.deliveries] {
        let mut after = Place::default();
        loop {
            let from = after.clone();
            let page = db.read(move |tx| keys::answered(tx, &from, PAGE_ROWS)).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.place);
            report.checked(Id::I6, page.len());
            for key in &page {
                if let Err(error) = serde_json::from_str::<IgnoredAny>(&key.answer) {
                    let detail = format!("its answer cannot be read: {error}");
                    report.found(Finding::of(Kind::RequestUnreadable, subject(&key.place), detail));
                }
            }
        }
    }
    Ok(())
}

/// A key is its sender's secret, so it is named by its beginning.
fn subject((principal, route, key): &Place) -> String {
    let beginning: String = key.chars().take(8).collect();
    format!("key {beginning}… of {principal} on {route}")
}
