use std::{
    collections::{BTreeSet, HashSet},
    sync::OnceLock,
};

use shared_types::{
    Timestamp,
    deliveries::DeliveryStatus,
    orders::{Address, FulfillmentState, OrderState, PaymentAttemptState, PaymentMethod, PaymentState, StockState},
    payments::{ChargeMethod, PaymentStatus},
};

use super::{
    super::{Action, Command, Order, ProviderName, apply, look, next},
    address, created, line_ordered, refused,
    spec::{After, table},
    taken, token, written,
};

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
    let reason = || Some("changed my mind".to_owned());
    let mut commands = vec![
        Command::Place,
        Command::AddLine { line: line_ordered() },
        Command::ChangeLine { number: 1, quantity: 1 },
        Command::ChangeLine { number: 1, quantity: 2 },
        Command::ChangeLine { number: 4, quantity: 2 },
        Command::RemoveLine { number: 1 },
        Command::RemoveLine { number: 2 },
        Command::Submit,
        Command::Approve,
        Command::Reject { reason: reason() },
        Command::Cancel { reason: reason() },
        Command::StartPayment { token: token(), provider: ProviderName::Sandbox, pay_by: Timestamp::from_micros(1) },
        Command::DeadlinePassed,
        Command::ExtendDeadline { until: Timestamp::from_micros(0) },
        Command::ExtendDeadline { until: Timestamp::from_micros(1) },
        Command::ExtendDeadline { until: Timestamp::from_micros(2) },
        Command::Refund { reason: reason() },
        Command::HandOver,
        Command::Deliver { address: address() },
        Command::Deliver { address: Address { street: "13 Quay Street".to_owned(), ..address() } },
    ];
    for n in 0..=2 {
        commands.extend([taken(n), refused(n), Command::CopiesGivenBack { n }]);
        commands.push(Command::PaymentNamed { n, name: "pi_1".to_owned() });
        for status in PaymentStatus::ALL {
            commands.push(Command::PaymentAnswered { n, status, reason: None });
            commands.push(Command::PaymentReported { n, status });
        }
    }
    for (status, version) in STATUSES.into_iter().flat_map(|status| [1, 2].map(|version| (status, version))) {
        for n in 0..=2 {
            commands.push(Command::DeliveryBooked { n, status, version });
        }
        commands.push(Command::DeliveryMoved { n: 1, status, version });
    }
    commands
}

/// Every order that can be reached from a new one, each once: with two attempts to take, two to pay and two lines at most,
/// and with a parcel only where one was asked for.
fn reachable() -> &'static [Order] {
    static REACHABLE: OnceLock<Vec<Order>> = OnceLock::new();
    REACHABLE.get_or_init(explore)
}

fn explore() -> Vec<Order> {
    let methods = [PaymentMethod::OnDelivery, PaymentMethod::Card, PaymentMethod::Invoice];
    let mut open: Vec<Order> = methods.into_iter().map(|method| created(method, false)).collect();
    open.extend([created(PaymentMethod::Card, true), written(false), written(true)]);
    let commands = commands();
    let mut found: HashSet<Order> = HashSet::new();
    while let Some(order) = open.pop() {
        // The number of moves made is no part of where an order is.
        let small = order.payments.len() <= 2 && order.line_n <= 2 && order.taking_n <= 2 && order.lines.len() <= 2;
        if small && found.insert(Order { version: 1, ..order.clone() }) {
            let may_come = |command: &&Command| {
                let of_a_parcel = matches!(command, Command::DeliveryMoved { .. });
                !of_a_parcel || (order.state == OrderState::Approved && order.address.is_some())
            };
            open.extend(commands.iter().filter(may_come).filter_map(|command| apply(&order, command.clone()).ok()));
        }
    }
    found.into_iter().collect()
}

#[test]
fn every_command_on_every_reachable_order_does_what_the_table_says() {
    let (orders, commands) = (reachable(), commands());
    let mut cells = [0_u32; 3];
    for (order, command) in orders.iter().flat_map(|order| commands.iter().map(move |command| (order, command))) {
        let expected = table(order, command);
        let after = apply(order, command.clone());
        let context = || format!("{command:?} on {order:?}");
        match (expected, after) {
            (After::Illegal, Err(_)) => cells[0] += 1,
            (After::Same, Ok(after)) => {
                assert_eq!(after, *order, "{}", context());
                cells[1] += 1;
            }
            (After::Now(axes), Ok(after)) => {
                let attempts: Vec<_> = after.payments.iter().map(|attempt| attempt.state).collect();
                let found = (after.state, after.stock, after.fulfillment, attempts);
                assert_eq!(found, axes, "{}", context());
                assert_eq!(after.version, order.version + 1, "{}", context());
                cells[2] += 1;
            }
            (expected, after) => panic!("{}: the table says {expected:?}, apply says {after:?}", context()),
        }
    }
    assert!(cells.iter().all(|count| *count > 1_000), "the table is hardly touched: {cells:?}");
}

/// The history keeps the names, so they stay what they are.
#[test]
fn a_command_is_named_as_it_is_called() {
    for command in commands() {
        let text = format!("{command:?}");
        let called = text.split(' ').next().unwrap_or_default();
        let snake = |(at, c): (usize, char)| {
            let gap = (at > 0 && c.is_ascii_uppercase()).then_some('_');
            gap.into_iter().chain([c.to_ascii_lowercase()])
        };
        assert_eq!(command.name(), called.chars().enumerate().flat_map(snake).collect::<String>());
    }
}

#[test]
fn the_orders_that_can_be_reached_are_these() {
    let orders = reachable();
    let axes: BTreeSet<String> = orders.iter().map(|order| format!("{:?} {:?}", order.state, order.stock)).collect();
    let known = [
        "Approved GivingBack",
        "Approved None",
        "Approved Taken",
        "Canceled GivingBack",
        "Canceled None",
        "Created None",
        "Pending None",
        "Pending Taken",
        "Pending Taking",
        "Rejected GivingBack",
        "Rejected None",
    ];
    assert_eq!(axes.iter().map(String::as_str).collect::<Vec<_>>(), known);
    let payments: BTreeSet<String> = orders.iter().map(|order| format!("{:?}", order.payment())).collect();
    let known = ["Canceling", "Charging", "Failed", "Paid", "Refunded", "Refunding", "Unpaid"];
    assert_eq!(payments.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

/// What the stored order promises by itself, whatever was asked of it.
#[test]
fn every_reachable_order_is_sound() {
    use PaymentAttemptState as A;
    for order in reachable() {
        let any = |state: A| order.payments.iter().any(|attempt| attempt.state == state);
        let sold = order.state == OrderState::Approved && !order.withdrawn;
        assert!(!sold || order.stock == StockState::Taken, "{order:?}");
        let ended = matches!(order.state, OrderState::Rejected | OrderState::Canceled);
        assert!(!ended || matches!(order.stock, StockState::None | StockState::GivingBack), "{order:?}");
        assert!(order.payments.iter().filter(|attempt| attempt.state == A::Succeeded).count() <= 1, "{order:?}");
        assert!(!any(A::Succeeded) || order.state == OrderState::Approved, "{order:?}");
        // Money is asked for only while the copies are there.
        let asks = any(A::Charging) || any(A::Processing);
        assert!(!asks || order.stock == StockState::Taken, "{order:?}");
        for attempt in &order.payments {
            let chargeable = matches!(attempt.state, A::Planned | A::Charging | A::Processing);
            let by_card = attempt.method == ChargeMethod::Card;
            assert_eq!(attempt.token.is_some(), chargeable && by_card, "{order:?}");
        }
        assert!(
            order.pay_by.is_none()
                || matches!(order.state, OrderState::Created | OrderState::Pending | OrderState::Approved)
        );
        assert!(!order.lapsed || order.state == OrderState::Pending, "{order:?}");
    }
}

#[test]
fn the_next_action_follows_from_the_order() {
    use PaymentAttemptState as A;
    for order in reachable() {
        let any = |state: A| order.payments.iter().any(|attempt| attempt.state == state);
        let action = next(order);
        let parcel_may_leave = order.address.is_some()
            && (order.delivery_version == 0
                || !matches!(order.fulfillment, FulfillmentState::None | FulfillmentState::Returned));
        let expected = if order.stock == StockState::Taking {
            Some(Action::Take)
        } else if order.withdrawn && order.stock == StockState::Taken && parcel_may_leave {
            Some(Action::CancelDelivery)
        } else if order.state == OrderState::Approved
            && !order.withdrawn
            && order.address.is_some()
            && order.delivery_version == 0
        {
            Some(Action::BookDelivery)
        } else if any(A::Canceling) {
            Some(Action::CancelPayment)
        } else if any(A::Refunding) {
            Some(Action::Refund)
        } else if any(A::Charging) {
            Some(Action::Charge)
        } else if order.stock == StockState::GivingBack {
            Some(Action::GiveBack)
        } else {
            None
        };
        assert_eq!(action, expected, "{order:?}");
        // Rule 6: copies go back when every payment is closed with nothing kept, and not before.
        assert!(action != Some(Action::GiveBack) || order.keeps_no_money(), "{order:?}");
        assert_eq!(look(order).is_some(), action.is_none() && any(A::Processing), "{order:?}");
        // At rest the money says where it is.
        if action.is_none() {
            assert_eq!(order.payment() == PaymentState::Paid, any(A::Succeeded), "{order:?}");
            assert!(!matches!(order.payment(), PaymentState::Refunding | PaymentState::Canceling), "{order:?}");
        }
    }
}
