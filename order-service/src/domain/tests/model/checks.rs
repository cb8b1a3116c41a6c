use shared_types::orders::{OrderState, PaymentState, StockState};

use super::{super::super::next, world::World};

fn holds(holds: bool, invariant: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(invariant) }
}

impl World {
    /// What holds in every instant.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let (order, others) = (&self.order, &self.others);
        let sold = order.state == OrderState::Approved && !order.withdrawn;
        holds(!others.captured_too_early, "G2: money is taken only for copies that are taken")?;
        holds(!others.gave_too_much, "G1: copies are given back once")?;
        holds(!others.undone_in_disorder, "undoing goes from the parcel to the money to the copies")?;
        let once =
            others.payments.values().all(|payment| payment.captured <= 1 && payment.refunded <= payment.captured);
        holds(once, "G3: nothing is charged or refunded twice")?;
        holds(!sold || others.hold_copies(), "an approved order has its copies")?;
        holds(others.hold_copies() || others.kept() <= 0, "no money is kept for copies that went back")?;
        holds(order.state == OrderState::Approved || others.parcels.is_empty(), "no parcel before the approval")?;
        holds(others.parcels.len() <= 1, "no parcel twice")?;
        if next(order).is_none() { self.check_copies_and_money() } else { Ok(()) }
    }

    /// I2, I3 and I7 of an order that is at rest.
    fn check_copies_and_money(&self) -> Result<(), &'static str> {
        let (order, others) = (&self.order, &self.others);
        holds(others.hold_copies() == (order.stock == StockState::Taken), "I2: copies are where the order says")?;
        let paid = i32::from(order.payment() == PaymentState::Paid);
        let waits = others.kept() > paid && order.payments.iter().any(super::super::super::Attempt::is_open);
        // A buyer may just have paid, and nobody heard of it yet.
        holds(others.kept() == paid || waits, "I3: money is where the order says")?;
        let sold = order.state == OrderState::Approved && !order.withdrawn;
        let wanted = usize::from(sold && order.address.is_some());
        let live = others.parcels.values().filter(|place| **place < 3).count();
        let returned = order.withdrawn && others.parcels.values().all(|place| *place >= 2);
        holds(live == wanted || returned, "I7: a sold order with an address has one parcel")
    }

    /// What holds once faults have stopped, and its deadline has passed.
    pub(super) fn check_at_rest(&self) -> Result<(), &'static str> {
        self.check()?;
        let order = &self.order;
        holds(next(order).is_none(), "the order comes to rest")?;
        let hoards = order.state == OrderState::Pending && order.stock == StockState::Taken;
        holds(!hoards, "an order that is not paid in time gives its copies back")?;
        let open = order.payments.iter().any(super::super::super::Attempt::is_open);
        holds(!open, "every payment comes to an end")?;
        holds(
            self.others.kept() == i32::from(order.payment() == PaymentState::Paid),
            "I3: money is where the order says",
        )
    }
}
