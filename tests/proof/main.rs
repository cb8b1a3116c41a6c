//! The promise, walked through state by state.
//!
//! The order service's own `apply` and `next`, its judges of answers, and the pure halves of the catalog, the provider and
//! the delivery service, over loss, delay, duplication and reordering of every message, crashes and any number of drivers,
//! and clocks that say what they like. `docs/PROOF.md` says what is walked through, what is not, and what it shows.
//! `LASTCOPY_TEST_LONG=1` walks through the large worlds too.

/// The catalog, whole or without one of its mechanisms.
mod catalog;
/// One order, and all that is elsewhere because of it.
mod deal;
/// What a driver hears, judged by the order service's own judges.
mod hearing;
/// What was worked out once is not worked out again.
mod memory;
/// Everything that can happen to one order.
mod moves;
/// The faults that must be noticed.
mod mutants;
/// What holds at every moment, and what holds at rest.
mod promise;
/// How large a world is.
mod scope;
/// The worlds that are walked through.
mod scopes;
/// The shop as a model for the checker.
mod shop;
/// Walking, and what came of it.
mod walk;

use scope::Scope;

/// Threads that walk through a large world.
const THREADS: usize = 2;

/// Walks through worlds in which nothing may break, and in which all of this is to be seen.
fn walk_through(scopes: Vec<Scope>, expected: &[&str]) {
    let mut seen = Vec::new();
    for scope in scopes {
        let walk = walk::walk(scope, THREADS);
        eprintln!("{walk}");
        if let Some((broken, path)) = walk.broken {
            panic!("{broken:?} is broken in {}:\n{}", walk.name, path.join("\n"));
        }
        seen.extend(walk.seen);
    }
    for sight in expected {
        assert!(seen.contains(sight), "never seen: {sight}");
    }
}

#[test]
fn nothing_that_can_happen_to_one_order_breaks_the_promise() {
    let sights = [
        "a parcel is delivered",
        "a taking is refused",
        "money is refunded",
        "the second payment pays",
        "a parcel is lost to a late cancellation",
    ];
    walk_through(scopes::one_order(), &sights);
}

#[test]
fn nothing_that_can_happen_to_two_orders_breaks_the_promise() {
    walk_through(scopes::two_orders(), &["a taking is refused", "money is refunded", "the second payment pays"]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses how long")]
fn nothing_that_can_happen_to_three_orders_breaks_the_promise() {
    let large = if std::env::var_os("LASTCOPY_TEST_LONG").is_some() { scopes::long() } else { scopes::three_small() };
    walk_through(large, &["a taking is refused"]);
}

#[test]
fn every_mechanism_is_missed_when_it_is_gone() {
    for (mutant, expected) in mutants::MUTANTS {
        let walk = walk::walk(scopes::of(mutant), 1);
        let (broken, path) = walk.broken.unwrap_or_else(|| panic!("{mutant:?} was not noticed"));
        eprintln!("{mutant:?}: {broken:?} after {} states\n  {}", walk.states, path.join("\n  "));
        assert_eq!(broken, expected, "{mutant:?}");
    }
}
