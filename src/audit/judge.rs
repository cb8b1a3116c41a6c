use std::collections::BTreeMap;

use shared_types::Timestamp;

use super::{
    catalog::{Copies, Taking},
    deliveries::Delivery,
    ledger::Payment,
    orders::Order,
    report::Id,
};

/// Something that is wrong with an order or a book.
pub(super) type Wrong = (Id, String);

/// I1 for one book. Every account is held against the row, and the row against itself.
pub(super) fn book(copies: &Copies) -> Option<String> {
    let Copies { on_hand, received, adjusted, taken, .. } = *copies;
    let mut wrong = Vec::new();
    if received.checked_add(adjusted) != on_hand.checked_add(taken) {
        wrong.push(format!("received {received} + adjusted {adjusted} is not on hand {on_hand} + taken {taken}"));
    }
    if on_hand < 0 {
        wrong.push(format!("{on_hand} copies on hand"));
    }
    let accounts = [
        ("received", received, "the ledger", copies.ledger_received),
        ("adjusted", adjusted, "the ledger", copies.ledger_adjusted),
        ("taken", taken, "the ledger", copies.ledger_taken),
        ("taken", taken, "the takings", copies.held),
    ];
    let differ = accounts.into_iter().filter(|(_, row, _, other)| row != other);
    wrong.extend(differ.map(|(what, row, whose, other)| format!("{what} {row}, by {whose} {other}")));
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

/// Everything that is wrong with one order, given the takings that hold copies for it, its payments by the provider's
/// ledger (`None`: there is none to read) and all its deliveries.
/// `resting_by`: an order that moved last before this instant is at rest.
pub(super) fn order(
    order: &Order,
    takings: &[Taking],
    payments: Option<&[Payment]>,
    deliveries: &[Delivery],
    resting_by: Timestamp,
) -> Vec<Wrong> {
    let mut wrong: Vec<Wrong> = Vec::new();
    wrong.extend(history(order).map(|detail| (Id::I5, detail)));
    if order.is_in_motion() {
        if order.updated_at < resting_by {
            wrong.push((Id::I4, format!("{}: unfinished since {}", axes(order), order.updated_at)));
        }
        return wrong;
    }
    wrong.extend(copies(order, takings).map(|detail| (Id::I2, detail)));
    wrong.extend(payments.and_then(|payments| money(order, payments)).map(|detail| (Id::I3, detail)));
    wrong.extend(parcels(order, deliveries).map(|detail| (Id::I7, detail)));
    wrong.extend(heard(order, deliveries).map(|detail| (Id::I5, detail)));
    wrong
}

fn axes(order: &Order) -> String {
    let Order { state, stock, payment, fulfillment, version, .. } = order;
    format!("state {state}, stock {stock}, payment {payment}, fulfillment {fulfillment}, version {version}")
}

/// One entry per version: a gap is a move that nobody told of, a surplus one that was told twice.
fn history(order: &Order) -> Option<String> {
    let history = &order.history;
    if (history.entries, history.first, history.last) != (order.version, 1, order.version) {
        let (entries, first, last) = (history.entries, history.first, history.last);
        return Some(format!("version {} and {entries} entries from {first} to {last} in its history", order.version));
    }
    (!history.agrees).then(|| format!("its history does not show {}", axes(order)))
}

/// Whether an order's copies are out of the shop for good or until it gives them back.
fn must_have_copies(order: &Order) -> bool {
    order.state == "approved" && order.payment != "refunded" && order.fulfillment != "returned"
}

/// I2.
fn copies(order: &Order, takings: &[Taking]) -> Option<String> {
    let ids = || takings.iter().map(|taking| taking.taking_id.as_str()).collect::<Vec<_>>().join(", ");
    if order.stock != "taken" {
        if must_have_copies(order) {
            return Some(format!("{}: approved without copies", axes(order)));
        }
        return (!takings.is_empty()).then(|| format!("{}: copies are held by {}", axes(order), ids()));
    }
    if matches!(order.state.as_str(), "canceled" | "rejected" | "created") {
        return Some(format!("{}: holds copies", axes(order)));
    }
    let in_force = format!("{}:{}", order.order_id, order.taking_n);
    match takings {
        [taking] if taking.taking_id == in_force => (!is_taken(order, taking)).then(|| {
            format!("asked for {:?}, taken {:?} (book, copies, price)", shown(&order.lines), shown(&taking.lines))
        }),
        [] => Some(format!("{in_force} holds no copies")),
        _ => Some(format!("copies are held by {}, {in_force} is in force", ids())),
    }
}

/// Exactly the order's lines: a reviewed order's at the prices at which it was ordered, whatever is in force.
fn is_taken(order: &Order, taking: &Taking) -> bool {
    if order.flow == "checkout" {
        return taking.lines == order.lines;
    }
    let copies = |lines: &[super::catalog::Line]| {
        let mut copies: BTreeMap<i64, i64> = BTreeMap::new();
        for line in lines {
            *copies.entry(line.book_id).or_default() += line.quantity;
        }
        copies
    };
    copies(&taking.lines) == copies(&order.lines)
}

/// I3. Money of a payment that waits for its buyer may have come without anybody having heard so.
fn money(order: &Order, payments: &[Payment]) -> Option<String> {
    let kept =
        payments.iter().map(|payment| payment.captured_minor - payment.refunded_minor).fold(0, i64::saturating_add);
    let owed = if order.payment == "paid" { order.total_minor() } else { 0 };
    let on_its_way = order.is_awaited && kept == order.total_minor();
    (kept != owed && !on_its_way).then(|| format!("{}: the provider keeps {kept} minor units of {owed}", axes(order)))
}

fn shown(lines: &[super::catalog::Line]) -> Vec<(i64, i64, Option<i64>)> {
    lines.iter().map(|line| (line.book_id, line.quantity, line.price_minor)).collect()
}

/// I7. A delivery that was canceled after it was booked leaves its order without one, and the order knows it.
fn parcels(order: &Order, deliveries: &[Delivery]) -> Option<String> {
    let is_due_one = order.state == "approved" && order.has_address && order.payment != "refunded";
    // A parcel that came back is nobody's, once its order was undone.
    let is_out = |delivery: &&Delivery| delivery.is_live() && (is_due_one || delivery.status != "returned");
    let live: Vec<&str> = deliveries.iter().filter(is_out).map(|delivery| delivery.delivery_id.as_str()).collect();
    let was_canceled = order.delivery_n > 0 && order.fulfillment == "none";
    match (is_due_one, live.len()) {
        (true, 1) | (false, 0) => None,
        (true, 0) if was_canceled => None,
        (true, 0) => Some(format!("{}: no live delivery", axes(order))),
        (_, _) => Some(format!("{}: live deliveries {}", axes(order), live.join(", "))),
    }
}

/// An order has heard what its parcel did, once no event about it is on its way.
fn heard(order: &Order, deliveries: &[Delivery]) -> Option<String> {
    let booked = format!("{}:d{}", order.order_id, order.delivery_n);
    let parcel = deliveries.iter().find(|delivery| delivery.delivery_id == booked)?;
    let told = match parcel.status.as_str() {
        "canceled" => "none",
        status => status,
    };
    let agrees = order.delivery_version == parcel.version && order.fulfillment == told;
    let Delivery { status, version, .. } = parcel;
    (!agrees && !parcel.is_waiting).then(|| {
        let (fulfillment, heard) = (&order.fulfillment, order.delivery_version);
        format!("{booked} is {status} at version {version}; the order says {fulfillment}, at version {heard}")
    })
}
