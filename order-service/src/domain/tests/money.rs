//! What the attempts to pay come to, one by one: the axis, the next attempt, what is kept of an answer.

use shared_types::{
    Currency, Money, Timestamp,
    orders::{OrderState, PaymentAttemptState as A, PaymentMethod, PaymentState as P, StockState},
    payments::{ChargeMethod, PaymentStatus},
};

use super::{
    super::{Attempt, Command, Flow, Line, Order, ProviderName, Refusal, apply, payment::MAX_PAYMENTS},
    created, taken, taken_line, token, written,
};

const STATES: [A; 9] = [
    A::Planned,
    A::Charging,
    A::Processing,
    A::Canceling,
    A::Succeeded,
    A::Refunding,
    A::Declined,
    A::Canceled,
    A::Refunded,
];
const METHODS: [ChargeMethod; 2] = [ChargeMethod::Card, ChargeMethod::Invoice];

fn attempt(method: ChargeMethod, state: A, minor: i64) -> Attempt {
    let planned = Attempt::planned(method, ProviderName::Sandbox, Money { minor, currency: Currency::USD });
    Attempt { state, ..planned }
}

fn order(payments: Vec<Attempt>) -> Order {
    Order { payments, ..created(PaymentMethod::Card, false) }
}

/// A checkout by this method with its copies, whose payment is asked for.
fn charging(method: PaymentMethod) -> Order {
    let placed = apply(&created(method, false), Command::Place).expect("placed");
    apply(&placed, taken(1)).expect("to be paid")
}

fn answered(order: &Order, n: u32, status: PaymentStatus) -> Order {
    let reason = Some("insufficient_funds".to_owned());
    apply(order, Command::PaymentAnswered { n, status, reason }).expect("an answer")
}

fn pay_again(order: &Order) -> Result<Order, Refusal> {
    let pay_by = Timestamp::from_micros(9);
    apply(order, Command::StartPayment { token: token(), provider: ProviderName::Stripe, pay_by })
}

#[test]
fn one_attempt_is_on_the_axis_what_it_is() {
    use ChargeMethod::{Card, Invoice};
    assert_eq!(order(Vec::new()).payment(), P::Unpaid);
    for (method, state, minor, expected) in [
        (Card, A::Planned, 0, P::Unpaid),
        (Card, A::Planned, 5, P::Unpaid),
        (Card, A::Charging, 5, P::Charging),
        (Invoice, A::Charging, 5, P::Charging),
        // A card that its bank thinks about is being charged; an invoice waits for its buyer.
        (Card, A::Processing, 5, P::Charging),
        (Invoice, A::Processing, 5, P::Unpaid),
        (Card, A::Canceling, 5, P::Canceling),
        (Card, A::Succeeded, 5, P::Paid),
        (Card, A::Refunding, 5, P::Refunding),
        (Card, A::Refunded, 5, P::Refunded),
        (Card, A::Declined, 5, P::Failed),
        (Invoice, A::Canceled, 5, P::Failed),
        // A plan that came to nothing was never tried.
        (Card, A::Canceled, 0, P::Unpaid),
    ] {
        assert_eq!(order(vec![attempt(method, state, minor)]).payment(), expected, "{method:?} {state:?} {minor}");
    }
}

#[test]
fn of_several_attempts_the_weightiest_is_on_the_axis() {
    let weightiest_first = [
        (A::Succeeded, P::Paid),
        (A::Refunding, P::Refunding),
        (A::Canceling, P::Canceling),
        (A::Charging, P::Charging),
        (A::Processing, P::Charging),
        (A::Refunded, P::Refunded),
        (A::Declined, P::Failed),
        (A::Planned, P::Unpaid),
    ];
    for (at, (state, axis)) in weightiest_first.into_iter().enumerate() {
        for (lighter, _) in &weightiest_first[at..] {
            let both = [state, *lighter].map(|state| attempt(ChargeMethod::Card, state, 5));
            assert_eq!(order(both.to_vec()).payment(), axis, "{state:?} before {lighter:?}");
            assert_eq!(order(both.into_iter().rev().collect()).payment(), axis, "{lighter:?} before {state:?}");
        }
    }
}

#[test]
fn an_order_that_is_undone_is_refunded_when_its_copies_are_off_its_hands_and_nothing_is_kept() {
    for (stock, state, expected) in [
        (StockState::None, A::Refunded, P::Refunded),
        (StockState::GivingBack, A::Refunded, P::Refunded),
        (StockState::Taken, A::Refunded, P::Refunding),
        (StockState::None, A::Refunding, P::Refunding),
        (StockState::None, A::Succeeded, P::Refunding),
    ] {
        let undone = Order { withdrawn: true, stock, ..order(vec![attempt(ChargeMethod::Card, state, 5)]) };
        assert_eq!(undone.payment(), expected, "{stock:?} {state:?}");
    }
}

#[test]
fn money_is_kept_until_every_attempt_is_closed() {
    assert!(order(Vec::new()).keeps_no_money());
    for state in STATES {
        let closed = matches!(state, A::Declined | A::Canceled | A::Refunded);
        let both = vec![attempt(ChargeMethod::Card, A::Refunded, 5), attempt(ChargeMethod::Card, state, 5)];
        assert_eq!(order(both).keeps_no_money(), closed, "{state:?}");
    }
}

#[test]
fn an_invoice_at_no_provider_of_its_own_is_paid_by_receipt() {
    for method in METHODS {
        for provider in [None, Some(ProviderName::Receipts), Some(ProviderName::Sandbox), Some(ProviderName::Stripe)] {
            let asked = Attempt { provider, ..attempt(method, A::Processing, 5) };
            let by_receipt = matches!(provider, None | Some(ProviderName::Receipts));
            let expected = method == ChargeMethod::Invoice && by_receipt;
            assert_eq!(asked.is_paid_by_receipt(), expected, "{method:?} {provider:?}");
        }
    }
}

#[test]
fn an_attempt_is_undone_by_way_of_its_provider_where_it_may_have_come_to_something() {
    for state in STATES {
        for minor in [0, 5] {
            let expected = match state {
                A::Planned => A::Canceled,
                A::Charging | A::Processing => A::Canceling,
                A::Succeeded if minor == 0 => A::Refunded,
                A::Succeeded => A::Refunding,
                A::Canceling | A::Refunding | A::Declined | A::Canceled | A::Refunded => state,
            };
            let with_card = Attempt { token: Some(token()), ..attempt(ChargeMethod::Card, state, minor) };
            let undone = with_card.undone();
            assert_eq!((undone.state, undone.token), (expected, None), "{state:?} of {minor}");
        }
    }
}

#[test]
fn an_order_waits_for_its_money_while_it_is_a_pending_checkout_that_is_not_paid_at_the_door() {
    for state in
        [OrderState::Created, OrderState::Pending, OrderState::Approved, OrderState::Rejected, OrderState::Canceled]
    {
        for flow in [Flow::Checkout, Flow::Review] {
            for method in [PaymentMethod::Card, PaymentMethod::Invoice, PaymentMethod::OnDelivery] {
                let order = Order { state, flow, payment_method: method, ..created(PaymentMethod::OnDelivery, false) };
                let expected =
                    state == OrderState::Pending && flow == Flow::Checkout && method != PaymentMethod::OnDelivery;
                assert_eq!(order.is_unpaid(), expected, "{state:?} {flow:?} {method:?}");
            }
        }
    }
}

#[test]
fn what_costs_nothing_is_paid_and_sold() {
    let order = created(PaymentMethod::Card, false);
    let lines = order.lines.iter().map(|line| Line { expected: None, ..line.clone() }).collect();
    let placed = apply(&Order { lines, ..order }, Command::Place).expect("placed");
    let gift = taken_line(2, "0.00", Currency::USD);
    let sold = apply(&placed, Command::CopiesTaken { n: 1, lines: vec![gift] }).expect("sold");
    assert_eq!((sold.state, sold.payment(), sold.pay_by), (OrderState::Approved, P::Paid, None));
    assert_eq!((sold.payments[0].amount.minor, &sold.payments[0].token), (0, &None));
    let unpaid = Order { payments: Vec::new(), ..sold };
    assert_eq!(pay_again(&unpaid), Err(Refusal::NothingToPay));
}

#[test]
fn a_card_is_charged_for_the_copies_that_were_taken() {
    let order = charging(PaymentMethod::Card);
    assert_eq!((order.state, order.payment()), (OrderState::Pending, P::Charging));
    assert_eq!((order.payments[0].amount.minor, order.pay_by), (2_598, Some(Timestamp::from_micros(1))));
    let paid = answered(&order, 1, PaymentStatus::Succeeded);
    assert_eq!((paid.state, paid.payment(), paid.pay_by, paid.lapsed), (OrderState::Approved, P::Paid, None, false));
}

#[test]
fn why_a_payment_came_to_nothing_is_kept_with_it_and_with_its_order() {
    for (status, reason) in
        [(PaymentStatus::Declined, "its payment was declined"), (PaymentStatus::Canceled, "its payment was canceled")]
    {
        let order = charging(PaymentMethod::Card);
        let ended = answered(&order, 1, status);
        assert_eq!((ended.state, ended.stock), (OrderState::Canceled, StockState::GivingBack));
        assert_eq!(ended.reason.as_deref(), Some(reason));
        assert_eq!(ended.payments[0].reason.as_deref(), Some("insufficient_funds"));
        assert_eq!(ended.version, order.version + 1, "one move");
    }
}

#[test]
fn a_deadline_ends_an_order_that_nobody_is_paying() {
    let waiting = answered(&charging(PaymentMethod::Invoice), 1, PaymentStatus::Processing);
    assert_eq!((waiting.payment(), waiting.pay_by), (P::Unpaid, Some(Timestamp::from_micros(1))));
    let lapsed = apply(&waiting, Command::DeadlinePassed).expect("the invoice is canceled first");
    assert_eq!((lapsed.state, lapsed.payment()), (OrderState::Pending, P::Canceling));
    assert_eq!((lapsed.lapsed, lapsed.pay_by), (true, None));
    let ended = answered(&lapsed, 1, PaymentStatus::Canceled);
    assert_eq!((ended.state, ended.reason.as_deref()), (OrderState::Canceled, Some("it was not paid in time")));
    assert_eq!(ended.version, lapsed.version + 1, "one move");
    // The buyer was quicker than his deadline.
    let paid = answered(&lapsed, 1, PaymentStatus::Succeeded);
    assert_eq!((paid.state, paid.payment(), paid.lapsed), (OrderState::Approved, P::Paid, false));

    let unpaid = Order { payments: Vec::new(), ..waiting };
    let ended = apply(&unpaid, Command::DeadlinePassed).expect("nobody is asked");
    assert_eq!((ended.state, ended.reason.as_deref()), (OrderState::Canceled, Some("it was not paid in time")));
    assert_eq!(ended.version, unpaid.version + 1, "one move");
}

#[test]
fn another_attempt_has_the_next_number_until_there_were_enough_of_them() {
    let mut order = answered(&charging(PaymentMethod::Invoice), 1, PaymentStatus::Processing);
    for n in 2..=u32::try_from(MAX_PAYMENTS).expect("a small number") {
        order = pay_again(&order).expect("another card");
        let last = order.payments.last().expect("it");
        assert_eq!((last.n, last.method, last.amount.minor, last.state), (n, ChargeMethod::Card, 2_598, A::Charging));
        assert_eq!((last.provider, &last.token), (Some(ProviderName::Stripe), &Some(token())));
        assert_eq!(order.pay_by, Some(Timestamp::from_micros(1)), "the deadline it had");
        assert_eq!(
            order.payments[0].state,
            if n == 2 { A::Canceling } else { A::Canceled },
            "first the invoice is closed"
        );
        if n == 2 {
            order = answered(&order, 1, PaymentStatus::Canceled);
        }
        order = answered(&order, n, PaymentStatus::Declined);
        assert_eq!((order.state, order.payment()), (OrderState::Pending, P::Failed), "its copies are kept");
    }
    assert_eq!(pay_again(&order), Err(Refusal::TooManyPayments));
}

#[test]
fn an_order_that_was_to_be_paid_at_the_door_gets_a_deadline_with_its_card() {
    let placed = apply(&created(PaymentMethod::OnDelivery, false), Command::Place).expect("placed");
    let sold = apply(&placed, taken(1)).expect("sold");
    let paying = pay_again(&sold).expect("a card");
    assert_eq!((paying.payments[0].n, paying.pay_by), (1, Some(Timestamp::from_micros(9))));
    let declined = answered(&paying, 1, PaymentStatus::Declined);
    assert_eq!((declined.state, declined.pay_by), (OrderState::Approved, None), "the deadline was that of the card");
}

#[test]
fn money_that_comes_late_or_twice_goes_back() {
    let paid = answered(&charging(PaymentMethod::Card), 1, PaymentStatus::Succeeded);
    let again = Attempt { n: 2, ..attempt(ChargeMethod::Card, A::Charging, 2_598) };
    let twice = Order { payments: vec![paid.payments[0].clone(), again], ..paid };
    let back = answered(&twice, 2, PaymentStatus::Succeeded);
    assert_eq!((back.payments[0].state, back.payments[1].state), (A::Succeeded, A::Refunding));
    for unwanted in [
        Order { state: OrderState::Canceled, stock: StockState::GivingBack, ..charging(PaymentMethod::Card) },
        Order { withdrawn: true, state: OrderState::Approved, ..charging(PaymentMethod::Card) },
    ] {
        assert_eq!(answered(&unwanted, 1, PaymentStatus::Succeeded).payments[0].state, A::Refunding);
    }
}

#[test]
fn a_name_of_a_payment_is_kept_once() {
    let order = charging(PaymentMethod::Card);
    let name = |n, name: &str| Command::PaymentNamed { n, name: name.to_owned() };
    let named = apply(&order, name(1, "pi_1")).expect("named");
    assert_eq!(named.payments[0].provider_ref.as_deref(), Some("pi_1"));
    assert!(matches!(apply(&named, name(1, "pi_2")), Err(Refusal::IllegalMove { .. })));
    assert_eq!(apply(&order, name(2, "pi_1")), Err(Refusal::NoSuchPayment(2)));
}

#[test]
fn a_reviewed_order_is_paid_by_whoever_pays_for_it() {
    let submitted = apply(&written(false), Command::Submit).expect("submitted");
    let approving = apply(&submitted, Command::Approve).expect("approving");
    let sold = apply(&approving, taken(1)).expect("sold");
    assert_eq!((sold.state, sold.payment()), (OrderState::Approved, P::Unpaid));
    let paying = pay_again(&sold).expect("a card");
    assert_eq!(answered(&paying, 1, PaymentStatus::Succeeded).payment(), P::Paid);
}

#[test]
fn a_deadline_is_moved_to_later_and_never_to_earlier() {
    let waiting = answered(&charging(PaymentMethod::Invoice), 1, PaymentStatus::Processing);
    let extend = |us| apply(&waiting, Command::ExtendDeadline { until: Timestamp::from_micros(us) });
    let later = extend(2).expect("later");
    assert_eq!((later.pay_by, later.version), (Some(Timestamp::from_micros(2)), waiting.version + 1));
    assert_eq!(extend(1).as_ref(), Ok(&waiting), "to the same instant it is the same");
    assert_eq!(extend(0), Err(Refusal::NotLater));
}
