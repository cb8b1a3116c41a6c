//! The purchase in a bad world: calls and replies are lost, doubled, delayed and overtaken, drivers crash, the buyer
//! cancels and tries another card, deadlines pass whenever they like, banks decide late, parcels move. Every world that can
//! come about is visited; in each the invariants hold, and a healed world brings the order to rest.

/// What must hold in every world, and what at rest.
mod checks;
/// The catalog, the provider and the delivery service.
mod others;
/// From world to world.
mod world;

use std::collections::{HashSet, VecDeque};

use shared_types::orders::PaymentMethod;

use super::{
    super::{Command, Order, apply},
    created, written,
};
use world::World;

/// Mechanisms that the promise rests on, each switched off to show that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Fault {
    /// *Give back* of an attempt that the catalog never saw leaves no record.
    NoTombstoneOnGiveBack,
    /// An attempt that was refused is tried again under its id.
    RefusalNotSticky,
    /// Giving back twice gives back the copies of somebody else.
    GiveBackNotIdempotent,
    /// *Cancel* of a payment that the provider never saw leaves no record.
    NoTombstoneOnCancelPayment,
    /// A charge that is repeated charges again.
    ChargeNotIdempotent,
    /// A refund that is repeated refunds again.
    RefundNotIdempotent,
    /// *Cancel* of a delivery that was never booked leaves no record.
    NoTombstoneOnCancelDelivery,
    /// A driver records on what it read, without comparing the version.
    LostUpdate,
    /// A charge without an answer is taken for one that failed.
    TimeOutIsTakenForAnAnswer,
}

/// Which orders are followed, and what people do to them.
#[derive(Debug, Clone, Copy)]
struct Story {
    method: Option<PaymentMethod>,
    with_address: bool,
    /// The buyer tries another card.
    pays_again: bool,
    /// An employee undoes it.
    refunds: bool,
}

const STORIES: [Story; 6] = [
    Story { method: Some(PaymentMethod::OnDelivery), with_address: true, pays_again: false, refunds: true },
    Story { method: Some(PaymentMethod::Card), with_address: false, pays_again: false, refunds: true },
    Story { method: Some(PaymentMethod::Card), with_address: true, pays_again: false, refunds: true },
    Story { method: Some(PaymentMethod::Invoice), with_address: false, pays_again: true, refunds: false },
    Story { method: None, with_address: true, pays_again: false, refunds: true },
    Story { method: None, with_address: false, pays_again: true, refunds: true },
];

impl Story {
    fn order(self) -> Order {
        match self.method {
            Some(method) => apply(&created(method, self.with_address), Command::Place).expect("placed"),
            None => {
                let submitted = apply(&written(self.with_address), Command::Submit).expect("submitted");
                apply(&submitted, Command::Approve).expect("approving")
            }
        }
    }
}

/// How many worlds there are, or the invariant that one of them breaks.
fn explore(story: Story, fault: Option<Fault>) -> Result<usize, String> {
    let mut seen = HashSet::new();
    let mut open = VecDeque::from([World::begin(story, fault)]);
    while let Some(world) = open.pop_front() {
        if !seen.insert(world.key()) {
            continue;
        }
        world.check().map_err(|broken| format!("{broken}: {world:?}"))?;
        world
            .clone()
            .heal()
            .and_then(|healed| healed.check_at_rest())
            .map_err(|broken| format!("{broken}: {world:?}"))?;
        open.extend(world.steps());
    }
    Ok(seen.len())
}

#[test]
fn whatever_is_lost_doubled_or_late_the_order_comes_to_rest_and_the_books_agree() {
    for story in STORIES {
        let worlds = explore(story, None).unwrap_or_else(|broken| panic!("{story:?}: {broken}"));
        // The number says that the worlds were really visited.
        assert!(worlds > 50, "{story:?}: {worlds} worlds");
    }
}

#[test]
fn each_mechanism_is_missed_when_it_is_gone() {
    for fault in [
        Fault::NoTombstoneOnGiveBack,
        Fault::RefusalNotSticky,
        Fault::GiveBackNotIdempotent,
        Fault::NoTombstoneOnCancelPayment,
        Fault::ChargeNotIdempotent,
        Fault::RefundNotIdempotent,
        Fault::NoTombstoneOnCancelDelivery,
        Fault::LostUpdate,
        Fault::TimeOutIsTakenForAnAnswer,
    ] {
        let noticed = STORIES.into_iter().any(|story| explore(story, Some(fault)).is_err());
        assert!(noticed, "{fault:?} was not noticed");
    }
}
