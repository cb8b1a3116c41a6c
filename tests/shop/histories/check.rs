//! Whether one order explains all that was seen of a book: Wing and Gong's search with Lowe's memory of where it has been,
//! as porcupine does it. A deed takes effect at one instant between its beginning and its end, and the book is a number.
//!
//! G. Lowe, "Testing for linearizability", 2017; <https://github.com/anishathalye/porcupine>.

use std::collections::HashSet;

/// What somebody did, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Bought {
        copies: i64,
    },
    /// A purchase was refused because there were not so many.
    SoldOut {
        copies: i64,
    },
    Returned {
        copies: i64,
    },
    /// A change by hand was told how many copies there are after it.
    Adjusted {
        delta: i64,
        on_hand: i64,
    },
    /// A change by hand was refused because there were not so many.
    TooLow {
        delta: i64,
    },
    Saw {
        on_hand: i64,
    },
}

/// A deed and its time, in any unit from any beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op {
    pub deed: Deed,
    pub began: u64,
    pub ended: u64,
}

/// The end of a search that found an order: how many situations it looked at.
pub type Situations = usize;

/// No order explains the history.
#[derive(Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The first deeds that no order gets past, with those at the same time.
    pub around: Vec<Op>,
}

/// A search that looks at more than this is given up: that is a fault of the test.
const MAX_SITUATIONS: usize = 20_000_000;

impl Deed {
    /// The copies on hand after it; `None`: it cannot have happened with so many before it.
    fn after(self, on_hand: i64) -> Option<i64> {
        match self {
            Deed::Bought { copies } => (on_hand >= copies).then(|| on_hand - copies),
            Deed::SoldOut { copies } => (on_hand < copies).then_some(on_hand),
            Deed::Returned { copies } => Some(on_hand + copies),
            Deed::Adjusted { delta, on_hand: after } => (on_hand + delta == after && after >= 0).then_some(after),
            Deed::TooLow { delta } => (on_hand + delta < 0).then_some(on_hand),
            Deed::Saw { on_hand: seen } => (seen == on_hand).then_some(on_hand),
        }
    }
}

/// Deeds that have been put in order: all before `first`, and these beyond it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Situation {
    first: usize,
    beyond: Vec<usize>,
    on_hand: i64,
}

impl Situation {
    fn has(&self, op: usize) -> bool {
        op < self.first || self.beyond.contains(&op)
    }

    /// This with one more deed put in order.
    fn then(&self, op: usize, on_hand: i64) -> Situation {
        let mut next = Situation { first: self.first, beyond: self.beyond.clone(), on_hand };
        next.beyond.push(op);
        next.beyond.sort_unstable();
        while next.beyond.first() == Some(&next.first) {
            next.beyond.remove(0);
            next.first += 1;
        }
        next
    }

    /// Deeds that may come next: none has begun after another ended that is not in order yet. Whoever ended first, first.
    fn candidates(&self, ops: &[Op]) -> Vec<usize> {
        let mut earliest_end = u64::MAX;
        let mut open = Vec::new();
        for (op, deed) in ops.iter().enumerate().skip(self.first) {
            if deed.began > earliest_end {
                break;
            }
            if !self.has(op) {
                earliest_end = earliest_end.min(deed.ended);
                open.push(op);
            }
        }
        open.retain(|op| ops[*op].began <= earliest_end);
        open.sort_by_key(|op| ops[*op].ended);
        open
    }
}

/// Searches for an order of a book's whole history that began with so many copies.
pub fn in_one_order(on_hand: i64, history: &[Op]) -> Result<Situations, Contradiction> {
    let mut ops = history.to_vec();
    ops.sort_by_key(|op| op.began);
    let mut been = HashSet::new();
    let mut furthest = 0;
    let mut paths = vec![Situation { first: 0, beyond: Vec::new(), on_hand }];
    while let Some(here) = paths.pop() {
        if here.first == ops.len() {
            return Ok(been.len());
        }
        furthest = furthest.max(here.first);
        // The last one pushed is looked at first.
        for op in here.candidates(&ops).into_iter().rev() {
            let Some(on_hand) = ops[op].deed.after(here.on_hand) else { continue };
            let next = here.then(op, on_hand);
            if been.insert(next.clone()) {
                paths.push(next);
            }
        }
        assert!(been.len() < MAX_SITUATIONS, "too much at the same time to decide, around {:?}", ops[furthest]);
    }
    let stuck = ops[furthest];
    Err(Contradiction {
        around: ops.into_iter().filter(|op| op.began <= stuck.ended && op.ended >= stuck.began).collect(),
    })
}

/// What somebody saw of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    pub version: i64,
    /// All that the order is at that version.
    pub content: String,
    pub began: u64,
    pub ended: u64,
}

/// Whether one order of versions explains all that was seen of an order: nobody sees an older version than anybody had
/// seen before he asked, and a version is the same to everybody. `Err`: two sights that contradict each other.
pub fn never_backwards(sights: &[Sight]) -> Result<(), Box<(Sight, Sight)>> {
    let mut by_end: Vec<&Sight> = sights.iter().collect();
    by_end.sort_by_key(|sight| sight.ended);
    let mut by_beginning: Vec<&Sight> = sights.iter().collect();
    by_beginning.sort_by_key(|sight| sight.began);
    let mut over = by_end.into_iter().peekable();
    let mut latest: Option<&Sight> = None;
    for sight in &by_beginning {
        while let Some(earlier) = over.next_if(|earlier| earlier.ended < sight.began) {
            latest = latest.filter(|latest| latest.version >= earlier.version).or(Some(earlier));
        }
        if let Some(latest) = latest.filter(|latest| latest.version > sight.version) {
            return Err(Box::new((latest.clone(), (*sight).clone())));
        }
    }
    by_beginning.sort_by_key(|sight| sight.version);
    let differs = |pair: &&[&Sight]| pair[0].version == pair[1].version && pair[0].content != pair[1].content;
    match by_beginning.windows(2).find(differs) {
        Some(pair) => Err(Box::new((pair[0].clone(), pair[1].clone()))),
        None => Ok(()),
    }
}
