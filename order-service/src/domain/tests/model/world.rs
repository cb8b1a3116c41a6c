use std::collections::BTreeSet;

use shared_types::{Timestamp, orders::OrderState, payments::PaymentStatus};

use super::{
    super::super::{Action, Command, Order, ProviderName, apply, look, next},
    super::{refused, taken, token},
    Fault, Story,
    others::{Call, Kind, Others, Reply, Taking, WAY, at},
};

/// An order, everybody else, and what is under way between them.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub order: Order,
    pub others: Others,
    /// Replies to what was asked from the order as it is. Others are not believed: the comparison of versions decides.
    replies: BTreeSet<Reply>,
    /// Replies to what was asked first, for a driver that compares nothing.
    stale: BTreeSet<Reply>,
    story: Story,
    pub fault: Option<Fault>,
}

impl World {
    pub(super) fn begin(story: Story, fault: Option<Fault>) -> World {
        let (replies, stale) = (BTreeSet::new(), BTreeSet::new());
        World { order: story.order(), others: Others::default(), replies, stale, story, fault }
    }

    /// How many moves were made is no part of where the world is.
    pub(super) fn key(&self) -> (Order, Others, BTreeSet<Reply>, BTreeSet<Reply>) {
        let order = Order { version: 0, ..self.order.clone() };
        (order, self.others.clone(), self.replies.clone(), self.stale.clone())
    }

    fn call(&self, action: Action) -> Call {
        let paying = || self.order.attempt_for(action).expect("a payment to ask about").n;
        match action {
            Action::Take => (Kind::Take, self.order.taking_n),
            Action::GiveBack => (Kind::GiveBack, self.order.taking_n),
            Action::Charge => (Kind::Charge, paying()),
            Action::CancelPayment => (Kind::CancelPayment, paying()),
            Action::Refund => (Kind::Refund, paying()),
            Action::BookDelivery => (Kind::Book, self.order.delivery_id().n),
            Action::CancelDelivery => (Kind::Stop, self.order.delivery_id().n),
        }
    }

    /// What a reply says to the order, if it says anything.
    fn meaning(reply: Reply) -> Option<Command> {
        let version = |place: usize| i64::try_from(place + 1).expect("small");
        Some(match reply {
            Reply::Taking(Kind::Take, n, Taking::Taken) => taken(n),
            Reply::Taking(Kind::Take, n, Taking::Refused) => refused(n),
            Reply::Taking(_, n, _) => Command::CopiesGivenBack { n },
            Reply::Payment(n, status) => {
                Command::PaymentAnswered { n, status: PaymentStatus::ALL[status], reason: None }
            }
            Reply::Parcel(Kind::Stop, _, 0) => return None,
            Reply::Parcel(Kind::Stop, n, place) => {
                Command::DeliveryMoved { n, status: WAY[place], version: version(place) }
            }
            Reply::Parcel(_, n, place) => Command::DeliveryBooked { n, status: WAY[place], version: version(place) },
        })
    }

    pub(super) fn with(&self, command: Command) -> Option<World> {
        let order = apply(&self.order, command).ok()?;
        if order == self.order {
            return None;
        }
        Some(World { order, replies: BTreeSet::new(), ..self.clone() })
    }

    fn arrived(&self, call: Call, (others, reply): (Others, Reply), asked_now: bool) -> World {
        let mut world = World { others, ..self.clone() };
        if asked_now {
            world.replies.insert(reply);
        }
        if self.fault == Some(Fault::LostUpdate) && call == (Kind::Take, 1) {
            world.stale.insert(reply);
        }
        world
    }

    /// Every world that can come next. Loss needs no step of its own: what never arrives is lost.
    pub(super) fn steps(&self) -> Vec<World> {
        let asked = next(&self.order).or(look(&self.order)).map(|action| self.call(action));
        let mut worlds = Vec::new();
        if let Some(call) = asked {
            let mut world = self.clone();
            world.others.calls.insert(call);
            worlds.push(world);
        }
        for call in &self.others.calls {
            let arrivals = self.others.arrive(*call, self.fault);
            worlds.extend(arrivals.into_iter().map(|arrival| self.arrived(*call, arrival, asked == Some(*call))));
        }
        worlds.extend(self.replies.iter().filter_map(|reply| self.with(World::meaning(*reply)?)));
        worlds.extend(self.stale.iter().filter_map(|reply| {
            let order = apply(&self.story.order(), World::meaning(*reply)?).ok()?;
            Some(World { order, replies: BTreeSet::new(), ..self.clone() })
        }));
        worlds.extend(self.people());
        worlds.extend(self.world_moves());
        worlds
    }

    /// What people and clocks ask for.
    fn people(&self) -> Vec<World> {
        let mut commands = vec![Command::Cancel { reason: None }, Command::DeadlinePassed];
        if self.story.pays_again && self.order.payments.len() < 2 {
            commands.push(Command::StartPayment {
                token: token(),
                provider: ProviderName::Sandbox,
                pay_by: Timestamp::from_micros(1),
            });
        }
        if self.story.refunds {
            commands.push(Command::Refund { reason: None });
        }
        if self.story.method.is_none() && self.order.taking_n < 2 {
            commands.push(Command::Approve);
        }
        if self.fault == Some(Fault::TimeOutIsTakenForAnAnswer) && next(&self.order) == Some(Action::Charge) {
            let n = self.order.attempt_for(Action::Charge).expect("a payment").n;
            commands.push(Command::PaymentAnswered { n, status: PaymentStatus::Canceled, reason: None });
        }
        commands.into_iter().filter_map(|command| self.with(command)).collect()
    }

    /// Banks and parcels move by themselves, and are told of.
    fn world_moves(&self) -> Vec<World> {
        let mut worlds = Vec::new();
        for (n, payment) in &self.others.payments {
            if payment.status == at(PaymentStatus::Processing) {
                for status in [PaymentStatus::Succeeded, PaymentStatus::Declined] {
                    worlds.push(World { others: self.others.pay(*n, status).0, ..self.clone() });
                }
            }
            let status = PaymentStatus::ALL[payment.status];
            worlds.extend(self.with(Command::PaymentReported { n: *n, status }));
        }
        for (n, place) in &self.others.parcels {
            if *place < 2 {
                let mut world = self.clone();
                world.others.parcels.insert(*n, place + 1);
                world.others.undone_in_disorder |= *place == 0 && self.order.state_is_final_without_sale();
                worlds.push(world);
            }
            let version = i64::try_from(place + 1).expect("small");
            worlds.extend(self.with(Command::DeliveryMoved { n: *n, status: WAY[*place], version }));
        }
        worlds
    }

    /// No fault any more: each call arrives, and is answered. Then the deadline passes, should anything still wait.
    pub(super) fn heal(mut self) -> Result<World, &'static str> {
        for _ in 0..40 {
            let Some(action) = next(&self.order) else {
                let Some(late) = self.with(Command::DeadlinePassed) else { return Ok(self) };
                self = late;
                continue;
            };
            let call = self.call(action);
            let (others, reply) = self.others.arrive(call, self.fault).swap_remove(0);
            self.others = others;
            if let Some(moved) = World::meaning(reply).and_then(|command| self.with(command)) {
                self = moved;
            } else {
                return Err("an answer that is heard moves the order");
            }
        }
        Err("the order comes to rest")
    }
}

impl Order {
    fn state_is_final_without_sale(&self) -> bool {
        matches!(self.state, OrderState::Canceled | OrderState::Rejected)
    }
}
