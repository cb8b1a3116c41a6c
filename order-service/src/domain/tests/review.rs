//! Lines that people write, change and take away, and what becomes of them.

use shared_types::{
    limits::MAX_ORDER_LINES,
    orders::{OrderState, PaymentMethod, StockState},
};

use super::{
    super::{Command, Line, Order, Refusal, apply},
    created, line_ordered, refused, taken, written,
};

fn lines(order: &Order) -> Vec<(u32, i64)> {
    order.lines.iter().map(|line| (line.number, line.quantity)).collect()
}

/// A reviewed order that was to be approved, and for which there are too few copies.
fn short() -> Order {
    let submitted = apply(&written(false), Command::Submit).expect("submitted");
    let approving = apply(&submitted, Command::Approve).expect("approving");
    apply(&approving, refused(1)).expect("refused")
}

#[test]
fn a_short_order_waits_and_forgets_what_was_short_with_the_next_change_of_its_lines() {
    let short = short();
    assert_eq!((short.state, short.stock, short.refused.len()), (OrderState::Pending, StockState::None, 1));
    for (change, left) in [
        (Command::AddLine { line: Line { quantity: 5, ..line_ordered() } }, vec![(1, 1), (2, 1), (3, 5)]),
        (Command::ChangeLine { number: 2, quantity: 7 }, vec![(1, 1), (2, 7)]),
        (Command::RemoveLine { number: 1 }, vec![(2, 1)]),
    ] {
        let changed = apply(&short, change.clone()).expect("changed");
        assert_eq!((lines(&changed), changed.version), (left, short.version + 1), "{change:?}");
        assert!(changed.refused.is_empty(), "{change:?}");
    }
    let again = apply(&short, Command::Approve).expect("approving");
    assert_eq!((again.stock, again.taking_n), (StockState::Taking, 2));
    assert!(again.refused.is_empty());
}

#[test]
fn an_order_has_so_many_lines_and_no_more() {
    let mut order = written(false);
    for n in order.lines.len()..MAX_ORDER_LINES {
        order = apply(&order, Command::AddLine { line: line_ordered() }).expect("a line");
        assert_eq!((order.lines.len(), usize::try_from(order.line_n)), (n + 1, Ok(n + 1)));
    }
    assert_eq!(apply(&order, Command::AddLine { line: line_ordered() }), Err(Refusal::TooManyLines));
    let fewer = apply(&order, Command::RemoveLine { number: 1 }).expect("a line less");
    assert!(apply(&fewer, Command::AddLine { line: line_ordered() }).is_ok());
}

#[test]
fn the_same_number_of_copies_is_no_change_and_a_line_that_is_not_there_cannot_be_changed() {
    let order = written(false);
    assert_eq!(apply(&order, Command::ChangeLine { number: 1, quantity: 1 }).as_ref(), Ok(&order));
    assert_eq!(apply(&order, Command::ChangeLine { number: 3, quantity: 1 }), Err(Refusal::NoSuchLine(3)));
    assert_eq!(apply(&order, Command::RemoveLine { number: 3 }), Err(Refusal::NoSuchLine(3)));
}

#[test]
fn an_order_without_lines_is_not_submitted() {
    let empty = Order { lines: Vec::new(), ..written(false) };
    assert_eq!(apply(&empty, Command::Submit), Err(Refusal::NoLines));
}

#[test]
fn an_order_is_submitted_once_and_a_checkout_never() {
    let submitted = apply(&written(false), Command::Submit).expect("submitted");
    for order in [submitted, created(PaymentMethod::OnDelivery, false)] {
        assert!(matches!(apply(&order, Command::Submit), Err(Refusal::IllegalMove { .. })), "{order:?}");
    }
}

#[test]
fn lines_are_changed_only_of_a_reviewed_order_that_is_open_and_holds_no_copies() {
    let submitted = apply(&written(false), Command::Submit).expect("submitted");
    let taking = apply(&submitted, Command::Approve).expect("approving");
    let approved = apply(&taking, taken(1)).expect("approved");
    let canceled = apply(&submitted, Command::Cancel { reason: None }).expect("canceled");
    for closed in [taking, approved, canceled, created(PaymentMethod::OnDelivery, false)] {
        for change in [
            Command::AddLine { line: line_ordered() },
            Command::ChangeLine { number: 1, quantity: 2 },
            Command::RemoveLine { number: 1 },
        ] {
            assert!(
                matches!(apply(&closed, change.clone()), Err(Refusal::IllegalMove { .. })),
                "{change:?} {closed:?}"
            );
        }
    }
}
