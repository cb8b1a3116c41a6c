//! The purchase in a bad world: calls and replies are lost, doubled, delayed and overtaken, drivers crash, the buyer
//! cancels, parcels move. Every world that can come about is visited; in each the invariants hold, and a healed world
//! brings the order to rest.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use shared_types::{deliveries::DeliveryStatus, orders::OrderState};

use super::{
    Action, Command, Order, apply, next,
    table_tests::{created, refused, taken},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Taking {
    Taken,
    Refused,
    GivenBack,
}

/// A call that was sent. It may arrive at any time, any number of times, or never.
type Call = (Kind, u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Take,
    GiveBack,
    Book,
}

/// What a call was answered. A driver records it only on the version it sent it from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Reply {
    Taking(u32, Taking),
    Booked(u32, u8, i64),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Others {
    /// The catalog's records, by attempt.
    takings: BTreeMap<u32, Taking>,
    /// The delivery service's parcels: how far each came (an index into `WAY`), which is its version too.
    parcels: BTreeMap<u32, usize>,
    /// Each with the version of the order it was sent from.
    calls: BTreeSet<(i64, Call)>,
    replies: BTreeSet<(i64, Reply)>,
    events: BTreeSet<(u32, usize)>,
}

#[derive(Debug, Clone)]
struct World {
    order: Order,
    others: Others,
    fault: Option<Fault>,
}

/// Mechanisms that the promise rests on, each switched off to show that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// *Give back* of an attempt that the catalog never saw leaves no record.
    NoTombstone,
    /// An attempt that was refused is tried again under its id.
    RefusalNotSticky,
    /// A driver records on what it read, without comparing the version.
    LostUpdate,
}

const WAY: [DeliveryStatus; 3] = [DeliveryStatus::Scheduled, DeliveryStatus::Shipped, DeliveryStatus::Delivered];

impl World {
    fn begin(with_address: bool, fault: Option<Fault>) -> World {
        let order = apply(&created(with_address), Command::Place).expect("placed");
        let others = Others {
            takings: BTreeMap::new(),
            parcels: BTreeMap::new(),
            calls: BTreeSet::new(),
            replies: BTreeSet::new(),
            events: BTreeSet::new(),
        };
        World { order, others, fault }
    }

    fn key(&self) -> (String, Others) {
        (format!("{:?}", self.order), self.others.clone())
    }

    fn call(&self, action: Action) -> Call {
        match action {
            Action::Take => (Kind::Take, self.order.taking_n),
            Action::GiveBack => (Kind::GiveBack, self.order.taking_n),
            Action::BookDelivery => (Kind::Book, self.order.delivery_id().n),
        }
    }

    /// The other side does what it is asked, in every way it may.
    fn arrive(&self, version: i64, (kind, n): Call) -> Vec<World> {
        let known = self.others.takings.get(&n).copied();
        let answered = |taking: Taking| {
            let mut world = self.clone();
            world.others.takings.insert(n, taking);
            world.others.replies.insert((version, Reply::Taking(n, taking)));
            world
        };
        match (kind, known) {
            (Kind::GiveBack, None) if self.fault == Some(Fault::NoTombstone) => {
                let mut world = self.clone();
                world.others.replies.insert((version, Reply::Taking(n, Taking::GivenBack)));
                vec![world]
            }
            (Kind::Take, Some(Taking::Refused)) if self.fault == Some(Fault::RefusalNotSticky) => {
                vec![answered(Taking::Refused), answered(Taking::Taken)]
            }
            (Kind::Take, None) => vec![answered(Taking::Taken), answered(Taking::Refused)],
            (Kind::Take, Some(taking)) => vec![answered(taking)],
            (Kind::GiveBack, Some(Taking::Refused)) => vec![answered(Taking::Refused)],
            (Kind::GiveBack, None | Some(Taking::Taken | Taking::GivenBack)) => vec![answered(Taking::GivenBack)],
            (Kind::Book, _) => {
                let mut world = self.clone();
                let at = *world.others.parcels.entry(n).or_insert_with(|| {
                    world.others.events.insert((n, 0));
                    0
                });
                let (place, version_of_parcel) =
                    (u8::try_from(at).expect("small"), i64::try_from(at + 1).expect("small"));
                world.others.replies.insert((version, Reply::Booked(n, place, version_of_parcel)));
                vec![world]
            }
        }
    }

    /// A driver that sent its call from `version` hears the reply. The comparison of versions decides.
    fn hear(&self, version: i64, kind: Option<Kind>, reply: Reply) -> Option<World> {
        let command = match (reply, kind?) {
            (Reply::Taking(n, Taking::Taken), Kind::Take) => taken(n),
            (Reply::Taking(n, Taking::Refused), Kind::Take) => refused(n),
            (Reply::Taking(n, Taking::GivenBack), Kind::Take) => Command::CopiesGivenBack { n },
            (Reply::Taking(n, Taking::GivenBack | Taking::Refused), Kind::GiveBack) => Command::CopiesGivenBack { n },
            (Reply::Booked(n, place, version), Kind::Book) => {
                Command::DeliveryBooked { n, status: WAY[usize::from(place)], version }
            }
            (Reply::Taking(..), Kind::GiveBack | Kind::Book) | (Reply::Booked(..), Kind::Take | Kind::GiveBack) => {
                return None;
            }
        };
        if self.fault == Some(Fault::LostUpdate) && version == 1 {
            let read = World::begin(self.order.address.is_some(), None).order;
            return Some(World { order: apply(&read, command).ok()?, ..self.clone() });
        }
        (self.order.version == version).then(|| self.with(command)).flatten()
    }

    fn with(&self, command: Command) -> Option<World> {
        let order = apply(&self.order, command).ok()?;
        Some(World { order, ..self.clone() })
    }

    /// Every world that can come next. Loss needs no step of its own: what never arrives is lost.
    fn steps(&self) -> Vec<World> {
        let mut worlds = Vec::new();
        if let Some(action) = next(&self.order) {
            let mut world = self.clone();
            world.others.calls.insert((self.order.version, self.call(action)));
            worlds.push(world);
        }
        for (version, call) in &self.others.calls {
            worlds.extend(self.arrive(*version, *call));
        }
        worlds.extend(self.others.replies.iter().filter_map(|(version, reply)| {
            let asked = self.others.calls.iter().find(|(sent, _)| sent == version);
            self.hear(*version, asked.map(|(_, (kind, _))| *kind), *reply)
        }));
        worlds.extend(self.with(Command::Cancel { reason: None }));
        for (n, at) in &self.others.parcels {
            if at + 1 < WAY.len() {
                let mut world = self.clone();
                world.others.parcels.insert(*n, at + 1);
                world.others.events.insert((*n, at + 1));
                worlds.push(world);
            }
        }
        for (n, at) in &self.others.events {
            let version = i64::try_from(at + 1).expect("small");
            worlds.extend(self.with(Command::DeliveryMoved { n: *n, status: WAY[*at], version }));
        }
        worlds
    }

    /// No fault any more: each call arrives, and is answered.
    fn heal(mut self) -> World {
        for _ in 0..10 {
            let Some(action) = next(&self.order) else { return self };
            let call = self.call(action);
            let version = self.order.version;
            let arrived = self.arrive(version, call).swap_remove(0);
            let heard = arrived.others.replies.iter().find_map(|(sent, reply)| {
                (*sent == version).then(|| arrived.hear(version, Some(call.0), *reply)).flatten()
            });
            self = heard.expect("an answer that is heard moves the order");
        }
        panic!("the order never comes to rest: {:?}", self.order);
    }

    fn holds_copies(&self) -> bool {
        self.others.takings.values().any(|taking| *taking == Taking::Taken)
    }

    fn check(&self) -> Result<(), &'static str> {
        let holds = |holds: bool, invariant: &'static str| if holds { Ok(()) } else { Err(invariant) };
        let approved = self.order.state == OrderState::Approved;
        holds(!approved || self.holds_copies(), "an approved order has its copies")?;
        holds(approved || self.others.parcels.is_empty(), "no parcel before the approval")?;
        holds(self.others.takings.len() <= 1 && self.others.parcels.len() <= 1, "nothing is done twice")?;
        if next(&self.order).is_some() {
            return Ok(());
        }
        holds(self.holds_copies() == approved, "I2: at rest an approved order has its copies, every other none")?;
        let wanted = usize::from(approved && self.order.address.is_some());
        holds(self.others.parcels.len() == wanted, "I7: at rest an approved order with an address has one parcel")
    }
}

/// How many worlds there are, or the invariant that one of them breaks.
fn explore(with_address: bool, fault: Option<Fault>) -> Result<usize, String> {
    let mut seen = HashSet::new();
    let mut open = VecDeque::from([World::begin(with_address, fault)]);
    while let Some(world) = open.pop_front() {
        if !seen.insert(world.key()) {
            continue;
        }
        world.check().map_err(|broken| format!("{broken}: {world:?}"))?;
        let healed = world.clone().heal();
        healed.check().map_err(|broken| format!("{broken}: {healed:?}"))?;
        open.extend(world.steps());
    }
    Ok(seen.len())
}

#[test]
fn whatever_is_lost_doubled_or_late_the_order_comes_to_rest_and_the_books_agree() {
    let worlds = |with_address| explore(with_address, None).expect("every invariant holds");
    let (without, with) = (worlds(false), worlds(true));
    // The numbers say that the worlds were really visited.
    assert!(without > 20 && with > without, "{without} and {with} worlds");
}

#[test]
fn each_mechanism_is_missed_when_it_is_gone() {
    for fault in [Fault::NoTombstone, Fault::RefusalNotSticky, Fault::LostUpdate] {
        assert!(explore(true, Some(fault)).is_err(), "{fault:?} was not noticed");
    }
}
