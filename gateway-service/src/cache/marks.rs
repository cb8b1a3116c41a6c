//! What was dropped when. There is no list of what depends on what: whatever is kept says since when it is known and on
//! which books it depends, and holds as long as none of those was dropped since.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

use shared_types::{
    BookId,
    events::{BookAspect, BookChange},
};

/// Books share this many counters: two that share one are dropped together, which costs a read and is never wrong.
const COUNTERS: usize = 4_096;

/// A point in the order of all drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// What an answer depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depends {
    /// The books that it shows.
    pub books: Vec<BookId>,
    /// What decides which books it shows.
    pub chosen_by: Choice,
}

/// What decides which books an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The request names its book.
    Name,
    /// What is written in them.
    Content,
    /// Their copies, too: a list of what is available.
    Stock,
}

/// What is no longer true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stale {
    /// Anything about this book, and every list that it may have come into or left.
    Book(BookId),
    /// The copies of this book.
    Stock(BookId),
    /// Everything: nobody knows what has changed.
    All,
}

impl From<&BookChange> for Stale {
    fn from(change: &BookChange) -> Stale {
        match change.what {
            BookAspect::Content | BookAspect::Gone => Stale::Book(change.book_id),
            BookAspect::Stock => Stale::Stock(change.book_id),
        }
    }
}

/// The last drop of everything there is, as a mark.
#[derive(Debug)]
pub struct Marks {
    now: AtomicU64,
    books: Vec<AtomicU64>,
    /// Lists chosen by content, and those chosen by stock.
    lists: AtomicU64,
    stock_lists: AtomicU64,
    all: AtomicU64,
}

impl Marks {
    pub fn new() -> Marks {
        let zero = AtomicU64::default;
        let books = (0..COUNTERS).map(|_| zero()).collect();
        Marks { now: zero(), books, lists: zero(), stock_lists: zero(), all: zero() }
    }

    /// Now. To be taken before what is to be kept is asked for: what is dropped while it is on its way is dropped.
    pub fn now(&self) -> Mark {
        Mark(self.now.load(Ordering::SeqCst))
    }

    /// Whatever was asked for before this instant and depends on it no longer holds, wherever it is by now.
    pub fn forget(&self, stale: &Stale) {
        // A read that begins between these two lines begins after the change, so it may keep what it finds.
        let mark = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        let set = |counter: &AtomicU64| {
            counter.fetch_max(mark, Ordering::SeqCst);
        };
        match stale {
            Stale::Book(id) => [self.of(*id), &self.lists].into_iter().for_each(set),
            Stale::Stock(id) => [self.of(*id), &self.stock_lists].into_iter().for_each(set),
            Stale::All => set(&self.all),
        }
    }

    /// Whether what was asked for then, and depends on this, still holds.
    pub fn hold(&self, since: Mark, on: &Depends) -> bool {
        let held = |counter: &AtomicU64| counter.load(Ordering::SeqCst) <= since.0;
        let choice = match on.chosen_by {
            Choice::Name => true,
            Choice::Content => held(&self.lists),
            Choice::Stock => held(&self.lists) && held(&self.stock_lists),
        };
        choice && held(&self.all) && on.books.iter().all(|id| held(self.of(*id)))
    }

    fn of(&self, id: BookId) -> &AtomicU64 {
        &self.books[counter(id)]
    }
}

fn counter(id: BookId) -> usize {
    usize::try_from(id.number().unsigned_abs()).unwrap_or(0) % COUNTERS
}

/// The marks as all gateways call them.
mod names {
    pub const LISTS: &str = "lists";
    pub const STOCK_LISTS: &str = "stock_lists";
}

impl Depends {
    /// The marks that it depends on, each once.
    pub fn names(&self) -> Vec<String> {
        let lists: &[&str] = match self.chosen_by {
            Choice::Name => &[],
            Choice::Content => &[names::LISTS],
            Choice::Stock => &[names::LISTS, names::STOCK_LISTS],
        };
        let books: BTreeSet<usize> = self.books.iter().map(|id| counter(*id)).collect();
        books.into_iter().map(|book| book.to_string()).chain(lists.iter().map(|name| (*name).to_owned())).collect()
    }
}

impl Stale {
    /// The marks that are dropped; `None`: all there are.
    pub fn names(&self) -> Option<[String; 2]> {
        match self {
            Stale::Book(id) => Some([counter(*id).to_string(), names::LISTS.to_owned()]),
            Stale::Stock(id) => Some([counter(*id).to_string(), names::STOCK_LISTS.to_owned()]),
            Stale::All => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn book(n: i64) -> BookId {
        BookId::new(n).unwrap()
    }

    fn on(books: &[i64], chosen_by: Choice) -> Depends {
        Depends { books: books.iter().map(|n| book(*n)).collect(), chosen_by }
    }

    #[test]
    fn what_was_asked_for_before_a_drop_does_not_hold_after_it_and_what_comes_later_does() {
        let marks = Marks::new();
        let (one, before) = (on(&[1], Choice::Name), marks.now());
        assert!(marks.hold(before, &one));
        marks.forget(&Stale::Stock(book(1)));
        assert!(!marks.hold(before, &one));
        assert!(marks.hold(marks.now(), &one));
    }

    #[test]
    fn a_purchase_drops_the_lists_that_show_the_book_and_those_of_what_is_available() {
        let marks = Marks::new();
        let before = marks.now();
        marks.forget(&Stale::Stock(book(1)));
        for (depends, holds) in [
            (on(&[1, 2], Choice::Content), false),
            (on(&[2, 3], Choice::Content), true),
            (on(&[], Choice::Content), true),
            (on(&[2, 3], Choice::Stock), false),
            (on(&[2], Choice::Name), true),
        ] {
            assert_eq!(marks.hold(before, &depends), holds, "{depends:?}");
        }
    }

    #[test]
    fn what_drops_an_answer_here_drops_it_at_every_gateway() {
        for stale in [Stale::Book(book(1)), Stale::Stock(book(1)), Stale::Book(book(4_097)), Stale::All] {
            for on in [
                on(&[1, 2], Choice::Content),
                on(&[2, 3], Choice::Content),
                on(&[2, 3], Choice::Stock),
                on(&[2], Choice::Name),
                on(&[1], Choice::Name),
            ] {
                let marks = Marks::new();
                let before = marks.now();
                marks.forget(&stale);
                let there = stale.names().is_none_or(|names| names.iter().any(|name| on.names().contains(name)));
                assert_eq!(!marks.hold(before, &on), there, "{stale:?} {on:?}");
            }
        }
    }

    #[test]
    fn a_new_title_drops_every_list() {
        let marks = Marks::new();
        let before = marks.now();
        marks.forget(&Stale::Book(book(1)));
        assert!(!marks.hold(before, &on(&[], Choice::Content)));
        assert!(!marks.hold(before, &on(&[2], Choice::Stock)));
        assert!(marks.hold(before, &on(&[2], Choice::Name)));
        marks.forget(&Stale::All);
        assert!(!marks.hold(before, &on(&[2], Choice::Name)));
    }
}
