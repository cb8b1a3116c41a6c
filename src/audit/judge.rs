use std::collections::BTreeMap;

use order_service::answer::Answer;
use shared_types::{OrderId, Timestamp, orders::OrderState};

use super::{
    catalog::{Copies, Taking},
    deliveries::Delivery,
    keys::Key,
    ledger::Payment,
    orders::Order,
    report::Kind,
};

/// Something that is wrong with an order or a book.
pub(super) type Wrong = (Kind, String);

/// I1 for one book. Every account is held against the row, and the row against itself.
pub(super) fn book(copies: &Copies) -> Vec<Wrong> {
    let Copies { on_hand, received, adjusted, taken, .. } = *copies;
    let mut wrong = Vec::new();
    if received.checked_add(adjusted) != on_hand.checked_add(taken) {
        let detail = format!("received {received} + adjusted {adjusted} is not on hand {on_hand} + taken {taken}");
        wrong.push((Kind::Unbalanced, detail));
    }
    if on_hand < 0 {
        wrong.push((Kind::NegativeStock, format!("{on_hand} copies on hand")));
    }
    let accounts = [
        (Kind::LedgerDiffers, "received", received, "the ledger", copies.ledger_received),
        (Kind::LedgerDiffers, "adjusted", adjusted, "the ledger", copies.ledger_adjusted),
        (Kind::LedgerDiffers, "taken", taken, "the ledger", copies.ledger_taken),
        (Kind::TakingsDiffer, "taken", taken, "the takings", copies.held),
    ];
    let differ = accounts.into_iter().filter(|(_, _, row, _, other)| row != other);
    wrong.extend(differ.map(|(kind, what, row, whose, other)| (kind, format!("{what} {row}, by {whose} {other}"))));
    wrong
}

/// Everything that is wrong with one order, given the takings that hold copies for it, its payments by the sandbox's
/// ledger (`None`: it is not there to be read) and all its deliveries.
/// `resting_by`: an order that moved last before this instant is at rest.
pub(super) fn order(
    order: &Order,
    takings: &[Taking],
    payments: Option<&[Payment]>,
    deliveries: &[Delivery],
    resting_by: Timestamp,
) -> Vec<Wrong> {
    let mut wrong: Vec<Wrong> = Vec::new();
    wrong.extend(history(order));
    if order.is_in_motion() {
        if order.updated_at < resting_by && !order.awaits_employee {
            wrong.push((Kind::Stuck, format!("{}: unfinished since {}", axes(order), order.updated_at)));
        }
        return wrong;
    }
    wrong.extend(copies(order, takings));
    wrong.extend(money(order, payments).map(|detail| (Kind::MoneyDiffers, detail)));
    wrong.extend(parcels(order, deliveries));
    wrong.extend(heard(order, deliveries).map(|detail| (Kind::ParcelUnheard, detail)));
    wrong
}

fn axes(order: &Order) -> String {
    let Order { state, stock, payment, fulfillment, version, .. } = order;
    format!("state {state}, stock {stock}, payment {payment}, fulfillment {fulfillment}, version {version}")
}

/// One entry per version: a gap is a move that nobody told of, a surplus one that was told twice.
fn history(order: &Order) -> Option<Wrong> {
    let history = &order.history;
    if (history.entries, history.first, history.last) != (order.version, 1, order.version) {
        let (entries, first, last) = (history.entries, history.first, history.last);
        let detail = format!("version {} and {entries} entries from {first} to {last} in its history", order.version);
        return Some((Kind::HistoryHasGap, detail));
    }
    (!history.agrees).then(|| (Kind::HistoryDiffers, format!("its history does not show {}", axes(order))))
}

/// Whether an order's copies are out of the shop for good or until it gives them back.
fn must_have_copies(order: &Order) -> bool {
    order.state == "approved" && order.payment != "refunded" && order.fulfillment != "returned"
}

/// I2.
fn copies(order: &Order, takings: &[Taking]) -> Option<Wrong> {
    let ids = || takings.iter().map(|taking| taking.taking_id.as_str()).collect::<Vec<_>>().join(", ");
    if order.stock != "taken" {
        if must_have_copies(order) {
            return Some((Kind::ApprovedWithoutCopies, format!("{}: approved without copies", axes(order))));
        }
        let held = || (Kind::CopiesHeldForNothing, format!("{}: copies are held by {}", axes(order), ids()));
        return (!takings.is_empty()).then(held);
    }
    if matches!(order.state.as_str(), "canceled" | "rejected" | "created") {
        return Some((Kind::EndedWithCopies, format!("{}: holds copies", axes(order))));
    }
    let in_force = format!("{}:{}", order.order_id, order.taking_n);
    match takings {
        [taking] if taking.taking_id == in_force => (!is_taken(order, taking)).then(|| {
            let (asked, taken) = (shown(&order.lines), shown(&taking.lines));
            (Kind::OtherCopies, format!("asked for {asked:?}, taken {taken:?} (book, copies, price)"))
        }),
        [] => Some((Kind::CopiesMissing, format!("{in_force} holds no copies"))),
        _ => Some((Kind::TakenTwice, format!("copies are held by {}, {in_force} is in force", ids()))),
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

/// Whether every ledger that may have money of this order can be read.
pub(super) fn can_count(order: &Order, payments: Option<&[Payment]>) -> bool {
    !order.pays_elsewhere && (payments.is_some() || !order.pays_at_sandbox)
}

/// I3, by the sandbox's ledger and by our own of money that was reported. Money of a payment that waits for its buyer may
/// have come without anybody having heard so.
fn money(order: &Order, payments: Option<&[Payment]>) -> Option<String> {
    if !can_count(order, payments) {
        return None;
    }
    let payments = payments.unwrap_or_default().iter();
    let kept = payments
        .map(|payment| payment.captured_minor - payment.refunded_minor)
        .fold(order.reported_minor, i64::saturating_add);
    let owed = if order.payment == "paid" { order.total_minor() } else { 0 };
    let on_its_way = order.is_awaited && kept == order.total_minor();
    (kept != owed && !on_its_way).then(|| format!("{}: the provider keeps {kept} minor units of {owed}", axes(order)))
}

fn shown(lines: &[super::catalog::Line]) -> Vec<(i64, i64, Option<i64>)> {
    lines.iter().map(|line| (line.book_id, line.quantity, line.price_minor)).collect()
}

/// I7. A delivery that was canceled although its order stands is followed by the next one, so there is always one.
fn parcels(order: &Order, deliveries: &[Delivery]) -> Option<Wrong> {
    let is_due_one = order.state == "approved" && order.has_address && order.payment != "refunded";
    // A parcel that came back is nobody's, once its order was undone.
    let is_out = |delivery: &&Delivery| delivery.is_live() && (is_due_one || delivery.status != "returned");
    let live: Vec<&str> = deliveries.iter().filter(is_out).map(|delivery| delivery.delivery_id.as_str()).collect();
    match (is_due_one, live.len()) {
        (true, 1) | (false, 0) => None,
        (true, 0) => Some((Kind::ParcelMissing, format!("{}: no live delivery", axes(order)))),
        (_, _) => Some((Kind::TooManyParcels, format!("{}: live deliveries {}", axes(order), live.join(", ")))),
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

/// I6 for one key: one order, written by no other key, and an answer that is about it and agrees with it; or no order, and
/// a refusal.
pub(super) fn key(key: &Key) -> Option<Wrong> {
    let Some(order_id) = &key.order_id else { return refused_key(key) };
    let Some(order) = &key.order else {
        return Some((Kind::KeyOfNoOrder, format!("stands for order {order_id}, which is not there")));
    };
    if key.wrote() && key.writers != 1 {
        return Some((Kind::KeyShared, format!("order {order_id} was written under {} keys", key.writers)));
    }
    if key.wrote() && order.placed_by != key.place.0 {
        return Some((Kind::KeyOfAnother, format!("order {order_id} was placed by {}", order.placed_by)));
    }
    match key.answer() {
        None if order.is_at_rest => {
            Some((Kind::KeyUnanswered, format!("order {order_id} is at rest, and was never answered")))
        }
        None => None,
        Some(Err(error)) => Some(unreadable(&error)),
        Some(Ok(answer)) => misfit(key, order_id, &order.state, &answer),
    }
}

/// What is wrong with a key for which no order was written.
fn refused_key(key: &Key) -> Option<Wrong> {
    match key.answer() {
        None => Some((Kind::KeyUnanswered, "stands for no order, and was never answered".to_owned())),
        Some(Err(error)) => Some(unreadable(&error)),
        Some(Ok(Answer::Refused(problem))) if problem.resource.is_none() => None,
        Some(Ok(_)) => Some((Kind::AnswerOfAnother, "stands for no order, and its answer is about one".to_owned())),
    }
}

fn unreadable(error: &serde_json::Error) -> Wrong {
    (Kind::AnswerUnreadable, format!("its answer cannot be read: {error}"))
}

/// Why an answer is not one about this key's order. What is said of a final state stays true.
fn misfit(key: &Key, order_id: &str, state: &str, answer: &Answer) -> Option<Wrong> {
    let (about, said) = match answer {
        Answer::Done(order) => (Some(order.id), Some(order.state)),
        Answer::Refused(problem) => {
            let path = problem.resource.as_deref().and_then(|path| path.strip_prefix("/orders/"));
            (path.and_then(|id| id.parse::<OrderId>().ok()), None)
        }
    };
    if about.is_none_or(|about| about.to_string() != order_id) {
        let detail = format!("stands for order {order_id}, and its answer is about another");
        return Some((Kind::AnswerOfAnother, detail));
    }
    let agrees = match (said, state) {
        (Some(OrderState::Approved), state) => state == "approved",
        (Some(OrderState::Rejected), state) => state == "rejected",
        (Some(OrderState::Canceled), state) => state == "canceled",
        (Some(OrderState::Created | OrderState::Pending), _) => true,
        (None, state) => key.place.1 != "checkout" || matches!(state, "canceled" | "rejected"),
    };
    let detail = || format!("order {order_id} is {state}, and its caller was told otherwise");
    (!agrees).then(|| (Kind::ToldOtherwise, detail()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::orders::History;

    /// Approved, with an address, its first parcel booked.
    fn sold(fulfillment: &str) -> Order {
        Order {
            order_id: "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f".to_owned(),
            version: 3,
            state: "approved".to_owned(),
            stock: "taken".to_owned(),
            payment: "unpaid".to_owned(),
            fulfillment: fulfillment.to_owned(),
            has_address: true,
            taking_n: 1,
            delivery_n: 1,
            delivery_version: 2,
            flow: "checkout".to_owned(),
            payment_n: 0,
            is_awaited: false,
            pays_at_sandbox: false,
            pays_elsewhere: false,
            reported_minor: 0,
            awaits_employee: false,
            is_due: false,
            updated_at: Timestamp::from_micros(0),
            lines: Vec::new(),
            history: History { entries: 3, first: 1, last: 3, agrees: true },
        }
    }

    fn parcel(order: &Order, n: i64, status: &str) -> Delivery {
        let delivery_id = format!("{}:d{n}", order.order_id);
        Delivery {
            delivery_id,
            order_id: order.order_id.clone(),
            status: status.to_owned(),
            version: 2,
            is_waiting: false,
        }
    }

    #[test]
    fn a_canceled_parcel_is_followed_by_another_or_found() {
        let order = sold("none");
        let canceled = parcel(&order, 1, "canceled");
        assert!(parcels(&order, std::slice::from_ref(&canceled)).is_some(), "also where the order knows of it");
        assert_eq!(parcels(&order, &[canceled, parcel(&order, 2, "scheduled")]), None);
    }

    #[test]
    fn money_is_judged_only_where_every_ledger_of_it_can_be_read() {
        let paid = Order { payment: "paid".to_owned(), reported_minor: 100, ..sold("scheduled") };
        assert!(money(&paid, None).is_some(), "reported money is in our own ledger");
        for order in [Order { pays_at_sandbox: true, ..paid.clone() }, Order { pays_elsewhere: true, ..paid }] {
            assert_eq!(money(&order, None), None);
        }
    }

    #[test]
    fn an_order_that_waits_for_an_employee_is_not_called_stuck() {
        let waiting = Order { is_due: true, awaits_employee: true, ..sold("none") };
        let later = Timestamp::from_micros(1);
        assert_eq!(super::order(&waiting, &[], None, &[], later), []);
        let stuck = Order { awaits_employee: false, ..waiting };
        assert_eq!(super::order(&stuck, &[], None, &[], later).len(), 1);
    }
}
