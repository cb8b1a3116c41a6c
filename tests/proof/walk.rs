//! Walking through a scope, and what came of it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use stateright::{Checker, HasDiscoveries, Model};

use crate::{
    promise::Broken,
    scope::Scope,
    shop::{PROMISE, Shop},
};

/// What was seen.
#[derive(Debug)]
pub struct Walk {
    pub name: &'static str,
    pub states: usize,
    pub steps: usize,
    pub depth: usize,
    /// Different situations of one order, and of the shelf.
    pub deals: usize,
    pub shelves: usize,
    pub took: Duration,
    /// What came about in it, of all that is worth seeing.
    pub seen: Vec<&'static str>,
    pub broken: Option<(Broken, Vec<String>)>,
}

/// Walks through every state of a scope, or to the first that breaks the promise.
///
/// Breadth first, so that what one thread finds is as short as can be.
pub fn walk(scope: Scope, threads: usize) -> Walk {
    let (name, began) = (scope.name, Instant::now());
    let builder = Shop::new(scope).checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    let checker = builder.spawn_bfs().join();
    let shop = checker.model();
    let broken = checker.discovery(PROMISE).map(|path| {
        let states = path.clone().into_states();
        let broken = shop.verdict(states.last().expect("a path has a state")).expect_err("a counterexample");
        let steps = states.iter().zip(path.into_actions());
        (broken, steps.map(|(world, act)| shop.tell(world, act)).collect())
    });
    let mut seen: Vec<_> = checker.discoveries().into_keys().filter(|name| *name != PROMISE).collect();
    seen.sort_unstable();
    Walk {
        name,
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        deals: shop.deals.len(),
        shelves: shop.shelves.len(),
        took: began.elapsed(),
        seen,
        broken,
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Walk { name, states, steps, depth, deals, shelves, took, seen, .. } = self;
        let seconds = took.as_secs_f32();
        write!(f, "{name}: {states} states, {steps} steps, depth {depth}, {seconds:.1} s ")?;
        write!(f, "({deals} situations of an order, {shelves} of the shelf; seen: {})", seen.join(", "))
    }
}
