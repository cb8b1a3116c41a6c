//! Books that were short a moment ago. Whoever wants one of them is refused on a fresh look at the shelf, before an order is
//! written for him: the many who come too late for the last copy cost a look each, and not an order.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use service_kit::Outcome;
use shared_types::BookId;

use super::Shop;
use crate::{
    answer::{self, Answer},
    domain::Order,
};

/// Books that are remembered at most; all are forgotten when one more comes.
const MAX_BOOKS: usize = 10_000;

/// Books whose copies were refused to somebody. It says where a look may save an order, and decides nothing: a book that is
/// here by mistake costs one look, one that is missing costs an order that is canceled.
#[derive(Debug, Clone, Default)]
pub struct Shortages(Arc<Mutex<HashSet<BookId>>>);

impl Shortages {
    /// Copies of some of these books were refused.
    pub(super) fn note(&self, short: impl Iterator<Item = BookId>) {
        let mut books = self.books();
        for book in short {
            if books.len() >= MAX_BOOKS {
                books.clear();
            }
            books.insert(book);
        }
    }

    /// Whether a look may save an order of these books.
    pub(super) fn concern(&self, mut wanted: impl Iterator<Item = BookId>) -> bool {
        let books = self.books();
        wanted.any(|book| books.contains(&book))
    }

    fn forget(&self, there: impl Iterator<Item = BookId>) {
        let mut books = self.books();
        for book in there {
            books.remove(&book);
        }
    }

    fn books(&self) -> MutexGuard<'_, HashSet<BookId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refusal of an order that is not written yet, where copies of its books are still short. Where the catalog says nothing
/// the order is written, and waits for it.
pub(super) async fn refusal(shop: &Shop, order: &Order) -> Option<Answer> {
    match shop.catalog.check(order).await {
        Outcome::Done(seen) if seen.refused.is_empty() => {
            shop.shortages.forget(order.lines.iter().map(|line| line.book_id));
            None
        }
        Outcome::Done(seen) => {
            let refused = Order { refused: seen.refused, ..order.clone() };
            Some(Answer::Refused(Box::new(answer::not_sold(&refused))))
        }
        Outcome::Refused(problem) => {
            tracing::error!(%problem, "the catalog does not say what is on the shelf");
            None
        }
        Outcome::Unknown(no_answer) => {
            tracing::warn!(%no_answer, "the catalog does not say what is on the shelf");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(from: i64, to: i64) -> impl Iterator<Item = BookId> {
        (from..to).map(|number| BookId::new(number).expect("a book's number"))
    }

    #[test]
    fn no_more_books_are_remembered_than_there_is_room_for() {
        let (shortages, room) = (Shortages::default(), i64::try_from(MAX_BOOKS).expect("a number"));
        shortages.note(books(1, room + 1));
        assert!(shortages.concern(books(1, 2)) && shortages.concern(books(room, room + 1)));
        shortages.forget(books(1, 2));
        shortages.note(books(room + 1, room + 2));
        assert!(!shortages.concern(books(1, 2)) && shortages.concern(books(2, 3)));
        shortages.note(books(room + 2, room + 3));
        assert_eq!(shortages.books().len(), 1);
        assert!(!shortages.concern(books(1, room + 2)));
    }
}
