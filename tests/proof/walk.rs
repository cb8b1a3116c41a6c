//! Walking through a scope, and what came of it.

use std::time::{Duration, Instant};

use stateright::{Checker, Model};

use crate::{
    promise::Broken,
    scope::Scope,
    shop::Shop,
};

/// Threads that walk.
const THREADS: usize = 2;

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
    /// What the scope was to show and did show.
    pub seen: Vec<&'static str>,
    pub broken: Option<(Broken, Vec<String>)>,
}

/// Walks through every state of a scope, or to the first that breaks the promise.
pub fn walk(scope: Scope) -> Walk {
    let (name, began) = (scope.name, Instant::now());
    let checker = Shop::new(scope).checker().threads(THREADS).finish_when(stateright::HasDiscoveries::AnyFailures).spawn_bfs().join();
    let shop = checker.model();
    let broken = checker.discovery("the promise holds").map(|path| {
        let states = path.clone().into_states();
        let broken = shop.verdict(states.last().expect("a path has a state")).expect_err("a counterexample");
        let steps = states.iter().zip(path.into_actions());
        (broken, steps.map(|(world, act)| shop.tell(world, act)).collect())
    });
    let mut seen: Vec<_> = checker.discoveries().into_keys().filter(|name| *name != "the promise holds").collect();
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
