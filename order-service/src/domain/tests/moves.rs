use shared_types::{BookId, Currency, deliveries::DeliveryStatus, orders::PaymentMethod, takings::TakenLine};

use super::{
    super::{Action, Command, Order, Refusal, apply, next},
    created, refused, taken, taken_line, written,
};

#[test]
fn an_answer_of_another_attempt_is_not_believed() {
    let second =
        Order { taking_n: 2, ..apply(&created(PaymentMethod::OnDelivery, true), Command::Place).expect("placed") };
    for command in [taken(1), refused(1), Command::CopiesGivenBack { n: 1 }, taken(3)] {
        assert!(matches!(apply(&second, command.clone()), Err(Refusal::OtherAttempt { .. })), "{command:?}");
    }
    assert!(apply(&second, taken(2)).is_ok());
}

#[test]
fn copies_that_are_not_the_orders_are_not_sold() {
    let placed = apply(&created(PaymentMethod::OnDelivery, true), Command::Place).expect("placed");
    let euros: Currency = "EUR".parse().expect("a currency");
    let other = TakenLine { book_id: BookId::new(9).expect("a number"), ..taken_line(1, "12.99", Currency::USD) };
    for lines in [
        vec![],
        vec![taken_line(1, "12.99", Currency::USD)],
        vec![taken_line(3, "12.99", Currency::USD)],
        vec![taken_line(i64::MAX, "12.99", Currency::USD), taken_line(i64::MAX, "12.99", Currency::USD)],
        vec![taken_line(2, "13.99", Currency::USD)],
        vec![taken_line(2, "12.99", euros)],
        vec![taken_line(2, "-1", Currency::USD)],
        vec![taken_line(2, "12.99", Currency::USD), other],
    ] {
        let after = apply(&placed, Command::CopiesTaken { n: 1, lines: lines.clone() });
        assert!(matches!(after, Err(Refusal::DoesNotFit(_))), "{lines:?}: {after:?}");
    }
}

#[test]
fn an_order_without_lines_is_not_placed() {
    let empty = Order { lines: Vec::new(), ..created(PaymentMethod::OnDelivery, true) };
    assert_eq!(apply(&empty, Command::Place), Err(Refusal::NoLines));
}

#[test]
fn a_reviewed_order_is_sold_at_the_prices_at_which_it_was_ordered() {
    let submitted = apply(&written(false), Command::Submit).expect("submitted");
    let approving = apply(&submitted, Command::Approve).expect("approving");
    let sold = apply(&approving, taken(1)).expect("two copies, at another price today");
    assert_eq!(sold.total().map(|total| total.minor), Some(2_500));
}

#[test]
fn a_number_of_a_line_is_not_used_twice() {
    let order = apply(&written(false), Command::RemoveLine { number: 2 }).expect("removed");
    let order = apply(&order, Command::AddLine { line: super::line_ordered() }).expect("added");
    assert_eq!(order.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(apply(&order, Command::RemoveLine { number: 2 }), Err(Refusal::NoSuchLine(2)));
}

#[test]
fn older_news_of_a_parcel_are_no_news() {
    let placed = apply(&created(PaymentMethod::OnDelivery, true), Command::Place).expect("placed");
    let order = apply(&placed, taken(1)).expect("approved");
    let news = |status, version| Command::DeliveryMoved { n: 1, status, version };
    let shipped = apply(&order, news(DeliveryStatus::Shipped, 3)).expect("news");
    assert_eq!((shipped.delivery_n, shipped.delivery_version), (1, 3));
    for old in [news(DeliveryStatus::Scheduled, 1), news(DeliveryStatus::Failed, 2), news(DeliveryStatus::Failed, 3)] {
        assert_eq!(apply(&shipped, old).as_ref(), Ok(&shipped));
    }
    assert_ne!(apply(&shipped, news(DeliveryStatus::Delivered, 4)).as_ref(), Ok(&shipped));
}

#[test]
fn what_people_say_of_a_move_is_kept() {
    let why = || Some("changed my mind".to_owned());
    let placed = apply(&created(PaymentMethod::OnDelivery, true), Command::Place).expect("placed");
    let canceled = apply(&placed, Command::Cancel { reason: why() }).expect("canceled");
    assert_eq!(canceled.reason, why());
    let submitted = apply(&written(false), Command::Submit).expect("submitted");
    let rejected = apply(&submitted, Command::Reject { reason: why() }).expect("rejected");
    assert_eq!(rejected.reason, why());
    let sold = apply(&placed, taken(1)).expect("approved");
    let refunded = apply(&sold, Command::Refund { reason: why() }).expect("to be undone");
    assert_eq!(refunded.reason, why());
}

#[test]
fn an_order_that_was_to_be_collected_is_delivered_to_the_address_that_is_given() {
    let placed = apply(&created(PaymentMethod::OnDelivery, false), Command::Place).expect("placed");
    let sold = apply(&placed, taken(1)).expect("approved");
    let deliver = Command::Deliver { address: super::address() };
    let order = apply(&sold, deliver.clone()).expect("an address");
    assert_eq!((order.address.as_ref(), next(&order)), (Some(&super::address()), Some(Action::BookDelivery)));
    assert_eq!(apply(&order, deliver), Ok(order), "to the same address it is the same");
}

#[test]
fn a_cancellation_that_was_given_up_and_arrives_late_costs_the_buyer_no_parcel() {
    use DeliveryStatus::{Canceled, Failed, Scheduled, Shipped};
    let placed = apply(&created(PaymentMethod::OnDelivery, true), Command::Place).expect("placed");
    let mut order = apply(&placed, taken(1)).expect("approved");
    order = apply(&order, Command::DeliveryBooked { n: 1, status: Scheduled, version: 1 }).expect("booked");
    order = apply(&order, Command::Refund { reason: Some("changed my mind".to_owned()) }).expect("to be undone");
    // The cancellation is under way, but the parcel leaves, comes back to be sent again, and only then is canceled.
    for (status, version) in [(Shipped, 2), (Failed, 3), (Scheduled, 4), (Canceled, 5)] {
        order = apply(&order, Command::DeliveryMoved { n: 1, status, version }).expect("news");
    }
    assert_eq!((order.withdrawn, order.reason.as_ref()), (false, None), "the refund was too late");
    assert_eq!((next(&order), order.delivery_id().n), (Some(Action::BookDelivery), 2));
    order = apply(&order, Command::DeliveryBooked { n: 2, status: Scheduled, version: 1 }).expect("booked again");
    assert_eq!(next(&order), None);
    let late = Command::DeliveryMoved { n: 1, status: Shipped, version: 2 };
    assert_eq!(apply(&order, late).as_ref(), Ok(&order), "the first parcel's news are old");
}
