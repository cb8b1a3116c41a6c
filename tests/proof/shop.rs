//! The shop as a model for the checker: a shelf, some orders with all that belongs to them, and whatever may happen next.

use std::sync::Arc;

use catalog_service::domain::model::{Answer, Command, Shelf};
use order_service::domain::next;
use shared_types::{orders::PaymentAttemptState as A, takings::TakingView};
use stateright::{Model, Property};

use crate::{
    catalog,
    deal::{Deal, Message},
    hearing,
    memory::{Memo, Table},
    moves,
    promise::{self, Broken, Held},
    scope::Scope,
};

/// The one property that must never fail.
pub const PROMISE: &str = "the promise holds";

/// Orders at most.
pub const ORDERS: usize = 3;

/// Everything there is. Shelves and deals stand here by their numbers; 0 is no deal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub shelf: u32,
    pub deals: [u32; ORDERS],
    /// Which of the staff's edits were made.
    pub edits: u8,
    /// What the last step broke.
    pub broken: Option<Broken>,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The n-th thing that can happen to an order alone.
    Deal(usize, usize),
    /// The n-th of the calls that an order sent to the catalog arrives.
    Call(usize, usize),
    Edit(usize),
}

/// What can happen to a deal.
struct Ahead {
    steps: Vec<(String, u32)>,
    /// Each with the number of the command that it is to the catalog.
    calls: Vec<(Message, u32)>,
}

/// A deal and a shelf once everything was answered, or why they are never at rest.
type Healed = Result<(u32, u32), Broken>;

pub struct Shop {
    pub scope: Scope,
    pub shelves: Table<Shelf>,
    pub deals: Table<Option<Deal>>,
    answers: Table<Option<TakingView>>,
    helds: Table<Held>,
    ahead: Memo<u32, Arc<Ahead>>,
    commands: Table<Command>,
    asked: Memo<(u32, u32), (u32, u32, Option<Broken>)>,
    answered: Memo<(u32, usize, u32), u32>,
    held: Memo<(u32, u32), u32>,
    checked: Memo<(u32, u32), Result<(), Broken>>,
    conserved: Memo<u32, bool>,
    exchanged: Memo<(u32, u32), Option<(u32, u32)>>,
    healed: Memo<(u32, u32), Healed>,
}

/// Steps until rest at most, for one order.
const PATIENCE: usize = 64;

impl Shop {
    pub fn new(scope: Scope) -> Shop {
        let shop = Shop {
            scope,
            shelves: Table::default(),
            deals: Table::default(),
            answers: Table::default(),
            helds: Table::default(),
            ahead: Memo::default(),
            commands: Table::default(),
            asked: Memo::default(),
            answered: Memo::default(),
            held: Memo::default(),
            checked: Memo::default(),
            conserved: Memo::default(),
            exchanged: Memo::default(),
            healed: Memo::default(),
        };
        shop.deals.number(None);
        shop
    }

    pub fn deal(&self, number: u32) -> Option<Deal> {
        Option::clone(&self.deals.value(number))
    }

    fn here(&self, number: u32) -> Deal {
        self.deal(number).expect("a deal that is there")
    }

    fn ahead(&self, deal: u32) -> Arc<Ahead> {
        self.ahead.get(deal, |deal| {
            let Some(deal) = self.deal(*deal) else { return Arc::new(Ahead { steps: Vec::new(), calls: Vec::new() }) };
            let number = |step: moves::Step| (step.what, self.deals.number(Some(step.deal)));
            let steps = moves::steps(self.scope.rules, &deal).into_iter().map(number).collect();
            let call = |message: &Message| Some((message.clone(), self.commands.number(command(&deal, message)?)));
            Arc::new(Ahead { steps, calls: deal.sent.iter().filter_map(call).collect() })
        })
    }

    /// The shelf after a command, the answer's number, and what was broken.
    fn ask(&self, shelf: u32, command: u32) -> (u32, u32, Option<Broken>) {
        self.asked.get((shelf, command), |(shelf, command)| {
            let command = self.commands.value(*command);
            let (after, answer, broken) = catalog::asked(self.scope.rules, &self.shelves.value(*shelf), &command);
            let taking = match answer {
                Answer::Taking(taking) => Some(taking),
                Answer::IdReused | Answer::Gone | Answer::OutOfBounds | Answer::Done => None,
            };
            (self.shelves.number(after), self.answers.number(taking), broken)
        })
    }

    /// A call arrives at the catalog, and its answer is on its way.
    fn call(&self, deal: u32, shelf: u32, at: usize) -> (u32, u32, Option<Broken>) {
        let ahead = self.ahead(deal);
        let (message, command) = &ahead.calls[at];
        let (shelf, answer, broken) = self.ask(shelf, *command);
        let deal = self.answered.get((deal, at, answer), |(deal, _, answer)| {
            let mut deal = self.here(*deal);
            let answer = Option::clone(&self.answers.value(*answer)).map(hearing::Answer::Taking);
            deal.answered(self.scope.rules, message, answer);
            self.deals.number(Some(deal))
        });
        (deal, shelf, broken)
    }

    /// Faults are over: the call that is due arrives and its answer is heard, or news that was kept is delivered. `None`:
    /// nothing of that changes anything.
    fn exchange(&self, deal: u32, shelf: u32) -> Option<(u32, u32)> {
        self.exchanged.get((deal, shelf), |(number, shelf)| {
            let rules = self.scope.rules;
            let mut deal = self.here(*number);
            deal.replies.retain(|_| false);
            if let Some(message) = deal.action(rules).map(|action| deal.message(action)) {
                let (arrived, shelf) = match deal.arrived(rules, &message) {
                    Some(arrived) => (arrived, *shelf),
                    None => {
                        let number = self.deals.number(Some(deal.clone()));
                        let at = self.ahead(number).calls.iter().position(|(sent, _)| *sent == message)?;
                        let (deal, shelf, _) = self.call(number, *shelf, at);
                        (self.here(deal), shelf)
                    }
                };
                let heard = arrived.replies.iter().find_map(|reply| moves::recorded(rules, &arrived, reply));
                if let Some(heard) = heard {
                    return Some((self.deals.number(Some(heard)), shelf));
                }
            }
            let told = deal.events.iter().find_map(|event| moves::told(rules, &deal, *event));
            told.map(|told| (self.deals.number(Some(told)), *shelf))
        })
    }

    fn heal(&self, deal: u32, shelf: u32, patience: usize) -> Healed {
        self.healed.get((deal, shelf), |(deal, shelf)| match self.exchange(*deal, *shelf) {
            Some(_) if patience == 0 => Err(Broken::I4),
            Some((deal, shelf)) => self.heal(deal, shelf, patience - 1),
            None if next(&self.here(*deal).order).is_some() => Err(Broken::I4),
            None => Ok((*deal, *shelf)),
        })
    }

    /// What is broken in this world, or in what it comes to once faults are over.
    pub fn verdict(&self, world: &World) -> Result<(), Broken> {
        world.broken.map_or(Ok(()), Err)?;
        self.check(world)?;
        let mut healed = world.clone();
        for at in 0..ORDERS {
            if healed.deals[at] != 0 {
                (healed.deals[at], healed.shelf) = self.heal(healed.deals[at], healed.shelf, PATIENCE)?;
            }
        }
        self.check(&healed)
    }

    fn check(&self, world: &World) -> Result<(), Broken> {
        let is_conserved = self.conserved.get(world.shelf, |shelf| promise::is_conserved(&self.shelves.value(*shelf)));
        if !is_conserved {
            return Err(Broken::I1);
        }
        world.deals.iter().zip(0..).filter(|(deal, _)| **deal != 0).try_for_each(|(deal, at)| {
            let held = self.held.get((world.shelf, at), |(shelf, _)| {
                self.helds.number(promise::held(&self.shelves.value(*shelf), self.here(*deal).order.id))
            });
            self.checked.get((*deal, held), |(deal, held)| {
                promise::check(self.scope.rules, &self.here(*deal), &self.helds.value(*held))
            })
        })
    }

    fn any(&self, world: &World, is: impl Fn(&Deal) -> bool) -> bool {
        world.deals.iter().any(|deal| self.deals.value(*deal).as_ref().as_ref().is_some_and(&is))
    }
}

/// The call as the catalog understands it. `None`: it is not one for the catalog.
fn command(deal: &Deal, message: &Message) -> Option<Command> {
    match message {
        Message::Take { n, asked } => Some(Command::Take { taking_id: deal.order.id.taking(*n), asked: asked.clone() }),
        Message::GiveBack { n } => Some(Command::GiveBack { taking_id: deal.order.id.taking(*n) }),
        Message::Charge { .. }
        | Message::CancelPayment { .. }
        | Message::Refund { .. }
        | Message::Book { .. }
        | Message::CancelDelivery { .. } => None,
    }
}

impl Model for Shop {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        let shelf = self.shelves.number(self.scope.shelf());
        let begin = |plans: &Vec<_>| {
            let mut deals = [0; ORDERS];
            for ((deal, plan), number) in deals.iter_mut().zip(plans).zip(0..) {
                let plan: &crate::scope::Plan = plan;
                *deal = self.deals.number(Some(Deal::new(plan.order(number))));
            }
            World { shelf, deals, edits: 0, broken: None }
        };
        self.scope.beginnings.iter().map(begin).collect()
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        if world.broken.is_some() {
            return;
        }
        for (at, deal) in world.deals.iter().enumerate().filter(|(_, deal)| **deal != 0) {
            let ahead = self.ahead(*deal);
            acts.extend((0..ahead.steps.len()).map(|step| Act::Deal(at, step)));
            acts.extend((0..ahead.calls.len()).map(|call| Act::Call(at, call)));
        }
        let edits = 0..self.scope.edits.len();
        acts.extend(edits.filter(|edit| world.edits & (1 << edit) == 0).map(Act::Edit));
    }

    fn next_state(&self, world: &World, act: Act) -> Option<World> {
        let mut after = world.clone();
        match act {
            Act::Deal(at, step) => after.deals[at] = self.ahead(world.deals[at]).steps[step].1,
            Act::Call(at, call) => {
                (after.deals[at], after.shelf, after.broken) = self.call(world.deals[at], world.shelf, call);
            }
            Act::Edit(edit) => {
                let (shelf, _, broken) = self.ask(world.shelf, self.commands.number(self.scope.edits[edit].command()));
                (after.shelf, after.broken, after.edits) = (shelf, broken, world.edits | 1 << edit);
            }
        }
        (after != *world).then_some(after)
    }

    fn properties(&self) -> Vec<Property<Shop>> {
        vec![
            Property::always(PROMISE, |shop: &Shop, world| shop.verdict(world).is_ok()),
            Property::sometimes("money is refunded", |shop: &Shop, world| {
                shop.any(world, |deal| deal.bank.values().any(|account| account.refunds > 0))
            }),
            Property::sometimes("the second payment pays", |shop: &Shop, world| {
                shop.any(world, |deal| deal.order.payments.iter().any(|a| a.n == 2 && a.state == A::Succeeded))
            }),
            Property::sometimes("a taking is refused", |shop: &Shop, world| {
                shop.any(world, |deal| !deal.order.refused.is_empty())
            }),
            Property::sometimes("a parcel is lost to a late cancellation", |shop: &Shop, world| {
                shop.any(world, |deal| deal.parcels.len() == 2)
            }),
            Property::sometimes("a parcel is delivered", |shop: &Shop, world| {
                use shared_types::orders::FulfillmentState::Delivered;
                shop.any(world, |deal| deal.order.fulfillment == Delivered)
            }),
        ]
    }
}

impl Shop {
    /// What happened in this step, in words.
    pub fn tell(&self, world: &World, act: Act) -> String {
        match act {
            Act::Deal(at, step) => format!("order {at}: {}", self.ahead(world.deals[at]).steps[step].0),
            Act::Call(at, call) => {
                format!("order {at} at the catalog: {:?}", self.ahead(world.deals[at]).calls[call].0)
            }
            Act::Edit(edit) => format!("staff: {:?}", self.scope.edits[edit]),
        }
    }
}
