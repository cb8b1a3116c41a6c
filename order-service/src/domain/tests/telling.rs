//! Who is told what of which change.

use shared_types::{
    orders::{FulfillmentState as F, OrderState as O, PaymentState as P},
    webhooks::WebhookEvent as E,
};

use super::{
    super::{
        Order,
        telling::{Axes, happened, message},
    },
    created, id,
};

const QUIET: Axes = Axes { state: O::Created, payment: P::Unpaid, fulfillment: F::None };

#[test]
fn the_axes_are_those_of_the_order() {
    let order = created(shared_types::orders::PaymentMethod::OnDelivery, false);
    let sold = Order { state: O::Approved, fulfillment: F::Shipped, ..order };
    assert_eq!(Axes::of(&sold), Axes { state: O::Approved, payment: P::Unpaid, fulfillment: F::Shipped });
}

#[test]
fn a_customer_is_told_of_every_other_state_in_one_message() {
    for (state, words) in [
        (O::Created, "is created"),
        (O::Pending, "is placed"),
        (O::Approved, "is approved"),
        (O::Rejected, "is rejected"),
        (O::Canceled, "is canceled"),
    ] {
        let after = Axes { state, ..QUIET };
        let told = message(None, id(), after).expect("a message");
        assert!(told.ends_with(&format!("{} {words}.", id())) && told.len() <= 160, "{told}");
        assert_eq!(message(Some(after), id(), Axes { payment: P::Paid, ..after }), None, "the state is as it was");
        let before = Axes { state: if state == O::Created { O::Pending } else { O::Created }, ..QUIET };
        assert_eq!(message(Some(before), id(), after), Some(told));
    }
}

#[test]
fn subscribers_are_told_of_each_axis_that_came_to_something() {
    let state = |state| Axes { state, ..QUIET };
    let payment = |payment| Axes { payment, ..QUIET };
    let fulfillment = |fulfillment| Axes { fulfillment, ..QUIET };
    for (after, events) in [
        (QUIET, vec![]),
        (state(O::Pending), vec![E::OrderPending]),
        (state(O::Approved), vec![E::OrderApproved]),
        (state(O::Rejected), vec![E::OrderRejected]),
        (state(O::Canceled), vec![E::OrderCanceled]),
        (payment(P::Charging), vec![]),
        (payment(P::Failed), vec![]),
        (payment(P::Canceling), vec![]),
        (payment(P::Refunding), vec![]),
        (payment(P::Paid), vec![E::OrderPaid]),
        (payment(P::Refunded), vec![E::OrderRefunded]),
        (fulfillment(F::Scheduled), vec![]),
        (fulfillment(F::Shipped), vec![E::OrderShipped]),
        (fulfillment(F::Delivered), vec![E::OrderDelivered]),
        (fulfillment(F::Failed), vec![E::OrderDeliveryFailed]),
        (fulfillment(F::Returned), vec![E::OrderReturned]),
    ] {
        assert_eq!(happened(Some(QUIET), after), events, "{after:?}");
        assert_eq!(happened(Some(after), after), [], "{after:?} as before");
        let first = [vec![E::OrderCreated], events].concat();
        assert_eq!(happened(None, after), first, "{after:?} from the beginning");
    }
    let all = Axes { state: O::Approved, payment: P::Paid, fulfillment: F::Shipped };
    assert_eq!(happened(Some(QUIET), all), [E::OrderApproved, E::OrderPaid, E::OrderShipped]);
}
