//! The full table: every order that can be reached, against every command.

use std::collections::BTreeMap;

use shared_types::{
    BookId, Currency, OrderId,
    deliveries::DeliveryStatus,
    orders::{Address, CheckoutLine, CheckoutRequest, FulfillmentState, OrderState, PaymentMethod, StockState},
    takings::{RefusalReason, RefusedLine, TakenLine},
};
use uuid::Uuid;

use super::{Action, Command, Order, Refusal, apply, checkout::draft, next};

fn book() -> BookId {
    BookId::new(8).expect("a book's number")
}

/// An order for two copies at 12.99 each, on two lines of one book.
pub(super) fn created(with_address: bool) -> Order {
    let line = |expected: Option<&str>| CheckoutLine {
        book_id: book(),
        quantity: 1,
        expected_price: expected.map(|price| price.parse().expect("an amount")),
    };
    let address = Address {
        recipient: "Ana Lopez".to_owned(),
        street: "12 Quay Street".to_owned(),
        city: "Porto".to_owned(),
        postal_code: None,
        country: None,
    };
    let request = CheckoutRequest {
        lines: vec![line(Some("12.99")), line(Some("12.99"))],
        payment_method: PaymentMethod::OnDelivery,
        address: with_address.then_some(address),
        customer_ref: None,
        phone: None,
    };
    draft(request, OrderId::from_uuid(Uuid::nil()), Currency::USD).expect("a valid request")
}

pub(super) fn taken(n: u32) -> Command {
    Command::CopiesTaken { n, lines: vec![taken_line(2, "12.99", Currency::USD)] }
}

fn taken_line(quantity: i64, price: &str, currency: Currency) -> TakenLine {
    let price = price.parse().expect("an amount");
    TakenLine { book_id: book(), quantity, title: "The Martian".to_owned(), isbn: None, price, currency }
}

pub(super) fn refused(n: u32) -> Command {
    let line =
        RefusedLine { book_id: book(), reason: RefusalReason::SoldOut, available: Some(1), price: None, title: None };
    Command::CopiesRefused { n, lines: vec![line] }
}

const STATUSES: [DeliveryStatus; 6] = [
    DeliveryStatus::Scheduled,
    DeliveryStatus::Shipped,
    DeliveryStatus::Delivered,
    DeliveryStatus::Failed,
    DeliveryStatus::Returned,
    DeliveryStatus::Canceled,
];

/// Every command with every number that matters: the attempt in force and others, versions old and new.
fn commands() -> Vec<Command> {
    let mut commands = vec![Command::Place, Command::Cancel { reason: Some("changed my mind".to_owned()) }];
    for n in 0..=2 {
        commands.extend([taken(n), refused(n), Command::CopiesGivenBack { n }]);
        for (status, version) in STATUSES.into_iter().flat_map(|status| [1, 2].map(|version| (status, version))) {
            commands.push(Command::DeliveryBooked { n, status, version });
            commands.push(Command::DeliveryMoved { n, status, version });
        }
    }
    commands
}

/// Every order that can be reached from a new one, each once.
fn reachable() -> Vec<Order> {
    let mut found: BTreeMap<String, Order> = BTreeMap::new();
    let mut open = vec![created(true), created(false)];
    while let Some(order) = open.pop() {
        // The number of moves made is no part of where an order is.
        let key = format!("{:?}", Order { version: 0, ..order.clone() });
        if found.insert(key, order.clone()).is_none() {
            open.extend(commands().into_iter().filter_map(|command| apply(&order, command).ok()));
        }
    }
    found.into_values().collect()
}

/// What the table says about a command: the axes afterwards, `Some(None)` for "nothing changes", `None` for "no such
/// move".
type Cell = Option<Option<(OrderState, StockState, FulfillmentState)>>;

fn table(order: &Order, command: &Command) -> Cell {
    use OrderState as S;
    use StockState as C;
    let (state, stock, fulfillment) = (order.state, order.stock, order.fulfillment);
    let current = |n: u32| n == order.taking_n;
    let to = |state, stock| Some(Some((state, stock, fulfillment)));
    match (command, state, stock) {
        (Command::Place, S::Created, C::None) => to(S::Pending, C::Taking),
        (Command::CopiesTaken { n, .. }, S::Pending, C::Taking) if current(*n) => to(S::Approved, C::Taken),
        (Command::CopiesRefused { n, .. }, S::Pending, C::Taking) if current(*n) => to(S::Canceled, C::None),
        (Command::CopiesGivenBack { n }, S::Pending, C::Taking) if current(*n) => to(S::Canceled, C::None),
        (Command::CopiesGivenBack { n }, S::Canceled, C::GivingBack) if current(*n) => to(S::Canceled, C::None),
        (Command::Cancel { .. }, S::Created, C::None) => to(S::Canceled, C::None),
        (Command::Cancel { .. }, S::Pending, C::Taking) => to(S::Canceled, C::GivingBack),
        (Command::DeliveryBooked { n: 1, status, .. }, S::Approved, C::Taken)
            if order.delivery_n == 0 && order.address.is_some() =>
        {
            Some(Some((state, stock, shown(*status))))
        }
        (Command::DeliveryMoved { n, status, version }, _, _) => {
            let newer = *n > order.delivery_n || (*n == order.delivery_n && *version > order.delivery_version);
            Some(newer.then_some((state, stock, shown(*status))))
        }
        (_, _, _) => None,
    }
}

fn shown(status: DeliveryStatus) -> FulfillmentState {
    match status {
        DeliveryStatus::Scheduled => FulfillmentState::Scheduled,
        DeliveryStatus::Shipped => FulfillmentState::Shipped,
        DeliveryStatus::Delivered => FulfillmentState::Delivered,
        DeliveryStatus::Failed => FulfillmentState::Failed,
        DeliveryStatus::Returned => FulfillmentState::Returned,
        DeliveryStatus::Canceled => FulfillmentState::None,
    }
}

#[test]
fn every_command_on_every_reachable_order_does_what_the_table_says() {
    let orders = reachable();
    let mut cells = [0_u32; 3];
    for (order, command) in orders.iter().flat_map(|order| commands().into_iter().map(move |command| (order, command)))
    {
        let expected = table(order, &command);
        let after = apply(order, command.clone());
        let context = format!("{command:?} on {order:?}");
        match (expected, after) {
            (None, Err(_)) => cells[0] += 1,
            (Some(None), Ok(after)) => {
                assert_eq!(&after, order, "{context}");
                cells[1] += 1;
            }
            (Some(Some(axes)), Ok(after)) => {
                assert_eq!((after.state, after.stock, after.fulfillment), axes, "{context}");
                assert_eq!(after.version, order.version + 1, "{context}");
                cells[2] += 1;
            }
            (expected, after) => panic!("{context}: the table says {expected:?}, apply says {after:?}"),
        }
    }
    assert!(cells.iter().all(|count| *count > 100), "the table is hardly touched: {cells:?}");
    let axes: std::collections::BTreeSet<String> =
        orders.iter().map(|order| format!("{:?} {:?}", order.state, order.stock)).collect();
    let known = ["Approved Taken", "Canceled GivingBack", "Canceled None", "Created None", "Pending Taking"];
    assert_eq!(axes.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

#[test]
fn the_next_action_follows_from_the_axes() {
    for order in reachable() {
        let expected = match order.stock {
            StockState::Taking => Some(Action::Take),
            StockState::GivingBack => Some(Action::GiveBack),
            StockState::Taken if order.address.is_some() && order.delivery_n == 0 => Some(Action::BookDelivery),
            StockState::Taken | StockState::None => None,
        };
        assert_eq!(next(&order), expected, "{order:?}");
        let decided = !matches!(order.state, OrderState::Created | OrderState::Pending)
            && !matches!(order.stock, StockState::Taking | StockState::GivingBack);
        assert_eq!(order.decided(), decided, "{order:?}");
    }
}

#[test]
fn an_order_can_be_canceled_from_states_that_are_still_to_come() {
    let placed = apply(&created(true), Command::Place).expect("placed");
    let cancel = || Command::Cancel { reason: None };
    for (state, stock, after) in [
        (OrderState::Pending, StockState::Taken, Some(StockState::GivingBack)),
        (OrderState::Pending, StockState::None, Some(StockState::None)),
        (OrderState::Created, StockState::None, Some(StockState::None)),
        (OrderState::Rejected, StockState::None, None),
        (OrderState::Approved, StockState::None, None),
    ] {
        let order = Order { state, stock, ..placed.clone() };
        assert_eq!(apply(&order, cancel()).ok().map(|order| order.stock), after, "{state:?} {stock:?}");
    }
}

#[test]
fn an_answer_of_another_attempt_is_not_believed() {
    let second = Order { taking_n: 2, ..apply(&created(true), Command::Place).expect("placed") };
    for command in [taken(1), refused(1), Command::CopiesGivenBack { n: 1 }, taken(3)] {
        assert!(matches!(apply(&second, command.clone()), Err(Refusal::OtherAttempt { .. })), "{command:?}");
    }
    assert!(apply(&second, taken(2)).is_ok());
}

#[test]
fn copies_that_are_not_the_orders_are_not_sold() {
    let placed = apply(&created(true), Command::Place).expect("placed");
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
    let empty = Order { lines: Vec::new(), ..created(true) };
    assert_eq!(apply(&empty, Command::Place), Err(Refusal::NoLines));
}
